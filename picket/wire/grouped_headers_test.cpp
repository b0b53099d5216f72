#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/testing/padded.hpp"

namespace picket::wire {
namespace {

/// The values of each name, in order.
std::map<std::string, std::vector<std::string>> by_name(const Headers& headers) {
  std::map<std::string, std::vector<std::string>> values;
  for (const Header& field : headers) {
    std::string name{field.name};
    std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c | 0x20) : c; });
    values[name].emplace_back(field.value);
  }
  return values;
}

/// Written and read, every value stands with its name, once.
void expect_grouped(std::span<const Header> fields) {
  const ResponseHeaders message{.correlation_id = "id", .status = 200, .headers = fields};
  for (const Encoding encoding : {Encoding::json, Encoding::msgpack}) {
    Output out;
    ASSERT_TRUE(encode({.encoding = encoding}, message, out));
    const testing::Padded payload{out.flatten()};
    base::Arena arena;
    const auto decoded = decode<ResponseHeaders>({.encoding = encoding}, payload.view(), arena);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(by_name(decoded->headers), by_name(message.headers)) << fields.size() << " fields";
    // Fields of one name follow each other: it was written once.
    std::set<std::string> seen;
    std::string_view last;
    for (const Header& field : decoded->headers) {
      if (field.name != last) EXPECT_TRUE(seen.emplace(field.name).second) << field.name << " is written twice";
      last = field.name;
    }
  }
}

TEST(Headers, RepeatedNamesKeepAllTheirValuesInOrderHoweverManyThereAre) {
  for (const std::size_t count : {2U, 3U, 8U, 9U, 26U, 64U, 65U, 128U, 129U, 300U}) {
    for (const std::size_t names : {1U, 2U, 7U, 63U, 64U, 65U, 200U}) {
      SCOPED_TRACE(names);
      std::vector<std::string> texts;
      for (std::size_t i = 0; i < count; ++i) {
        texts.push_back((i % 3 == 0 ? "X-Name-" : "x-name-") + std::to_string(i * 5 % names));
        texts.push_back(std::to_string(i));
      }
      std::vector<Header> fields;
      for (std::size_t i = 0; i < count; ++i) fields.push_back({texts[i * 2], texts[i * 2 + 1]});
      expect_grouped(fields);
    }
  }
}

TEST(Headers, RepeatedNamesAreFoundWhateverTheirCaseAndLength) {
  constexpr Header fields[] = {{"COOKIE", "a"}, {"TE", "b"},     {"x", "c"},   {"cookie", "d"}, {"te", "e"},
                               {"X", "f"},      {"Cookie", "g"}, {"Via", "h"}, {"viA", "i"},    {"Te", "j"}};
  for (std::size_t count = 1; count <= std::size(fields); ++count) expect_grouped(std::span{fields}.first(count));
}

}  // namespace
}  // namespace picket::wire
