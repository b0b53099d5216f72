#include "apps/waf/expansion.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

TEST(Expansion, NamesAndValuesOfJsonAreCountedAsTheyWillBe) {
  const struct {
    const char* text;
    std::size_t least_name;
    std::size_t least_total;
  } cases[] = {{"1", 4, 5},
               {R"({"ab":"cd"})", 7, 9},                       // json.ab, cd
               {R"({"ab":{"c":1}})", 9, 10},                   // json.ab.c
               {R"({"ab":[1,2]})", 15, 32},                    // json.ab.array_0
               {R"({"a":[[1],[2]]})", 22, 46},                 // json.a.array_0.array_0
               {R"({"a\"}:[":1,"b" : {"c,":true}})", 10, 18},  // json.a"}:[, json.b.c,
               {R"([{"a":"x"},{"a":"y"}])", 14, 30}};
  for (const auto& test : cases) {
    const Expansion seen = json_expansion(test.text);
    EXPECT_GE(seen.longest_name, test.least_name) << test.text;
    EXPECT_GE(seen.total, test.least_total) << test.text;
    EXPECT_LE(seen.total, 2 * test.least_total + 20) << test.text;
  }
}

TEST(Expansion, AKeyCountsForEachItem) {
  std::string body = "{\"" + std::string(1000, 'k') + "\":[0";
  for (int i = 1; i < 100; ++i) body += ",0";
  EXPECT_GT(json_expansion(body + "]}").total, 100'000U);
}

TEST(Expansion, BrokenJsonEnds) {
  for (const char* const text : {"", "{", "]]}", "\"", "\"\\", "{\"a", "[1,", "\xff\x00", "{:::}"})
    EXPECT_LT(json_expansion(text).total, 100U) << text;
}

TEST(Expansion, HeadersOfPartsAreCounted) {
  EXPECT_EQ(multipart_expansion("--b\r\nx: y\r\n\r\nvalue\r\n--b--", "b").total, 14U);
  EXPECT_EQ(multipart_expansion("nothing", "b").total, 0U);
}

}  // namespace
}  // namespace picket::apps::waf
