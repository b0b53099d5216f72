#include "picket/wire/testing/json_oracle.hpp"

#include <gtest/gtest.h>

#include "picket/wire/testing/generator.hpp"
#include "picket/wire/testing/messages.hpp"

/// Our JSON reader against another one, on what we write and on what becomes of it when it is damaged.
namespace picket::wire {
namespace {

TEST(JsonOracle, WhatWeWriteMeansTheSameToBothReaders) {
  testing::for_each_message([]<class Message>(std::type_identity<Message>, std::string_view name) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      base::Arena arena;
      const std::string text = to_json(testing::Generator{seed, arena, {.any_bytes = true}}.message<Message>());
      ASSERT_EQ(testing::disagreement(text), "") << name << " seed " << seed << "\n" << text;
    }
  });
}

TEST(JsonOracle, DamagedDocumentsGetTheSameVerdictAndTheSameValue) {
  std::mt19937 random{5};
  testing::for_each_message([&]<class Message>(std::type_identity<Message>, std::string_view name) {
    for (std::uint64_t seed = 100; seed < 110; ++seed) {
      base::Arena arena;
      const std::string text = to_json(testing::Generator{seed, arena, {}}.message<Message>());
      if (text.size() > 4000) continue;
      for (int i = 0; i < 60; ++i) {
        const std::string damaged = testing::mutated(text, random);
        ASSERT_EQ(testing::disagreement(damaged), "") << name << "\n" << damaged;
      }
    }
  });
}

TEST(JsonOracle, NumbersAtTheEdgesAreReadAlike) {
  for (const std::string_view text : {"0",
                                      "-0",
                                      "-0.0",
                                      "0.0",
                                      "1E0",
                                      "1e+0",
                                      "9223372036854775807",
                                      "9223372036854775808",
                                      "18446744073709551615",
                                      "18446744073709551616",
                                      "-9223372036854775808",
                                      "-9223372036854775809",
                                      "0.1",
                                      "1e22",
                                      "1e23",
                                      "2.5e-324",
                                      "4.9406564584124654e-324",
                                      "1.7976931348623157e308",
                                      "1.7976931348623159e308",
                                      "123456789012345678e-10",
                                      "01",
                                      "1.",
                                      ".1",
                                      "+1",
                                      "-",
                                      "1e",
                                      "1e+",
                                      "0x1",
                                      "1_0",
                                      "NaN",
                                      "Infinity",
                                      "-Infinity"})
    EXPECT_EQ(testing::disagreement(text), "") << text;
}

}  // namespace
}  // namespace picket::wire
