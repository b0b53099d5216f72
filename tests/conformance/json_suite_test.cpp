#include <filesystem>
#include <map>
#include <string>

#include "picket/wire/codec.hpp"
#include "picket/wire/testing/json_oracle.hpp"
#include "tests/conformance/shared.hpp"

/// JSONTestSuite: what must be accepted, what must be refused, and what we decided where the standard leaves it open.
namespace picket::conformance {
namespace {

struct Decision {
  bool accepted;
  std::string_view reason;
};

constexpr Decision too_large{false, "beyond a double: it would arrive as another number"};
constexpr Decision big_integer{true, "an integer beyond 64 bits is a real number"};
constexpr Decision lone_surrogate{false, "half a character: it has no UTF-8 form"};
constexpr Decision not_utf8{false, "JSON between systems is UTF-8 (RFC 8259 §8.1)"};

const std::map<std::string, Decision> decided{
    {"i_number_double_huge_neg_exp", {true, "too small for a double: zero, the nearest"}},
    {"i_number_huge_exp", too_large},
    {"i_number_neg_int_huge_exp", too_large},
    {"i_number_pos_double_huge_exp", too_large},
    {"i_number_real_neg_overflow", too_large},
    {"i_number_real_pos_overflow", too_large},
    {"i_number_real_underflow", {true, "too small for a double: zero, the nearest"}},
    {"i_number_too_big_neg_int", big_integer},
    {"i_number_too_big_pos_int", big_integer},
    {"i_number_very_big_negative_int", big_integer},
    {"i_object_key_lone_2nd_surrogate", lone_surrogate},
    {"i_string_1st_surrogate_but_2nd_missing", lone_surrogate},
    {"i_string_1st_valid_surrogate_2nd_invalid", lone_surrogate},
    {"i_string_UTF-16LE_with_BOM", not_utf8},
    {"i_string_UTF-8_invalid_sequence", not_utf8},
    {"i_string_UTF8_surrogate_U+D800", not_utf8},
    {"i_string_incomplete_surrogate_and_escape_valid", lone_surrogate},
    {"i_string_incomplete_surrogate_pair", lone_surrogate},
    {"i_string_incomplete_surrogates_escape_valid", lone_surrogate},
    {"i_string_invalid_lonely_surrogate", lone_surrogate},
    {"i_string_invalid_surrogate", lone_surrogate},
    {"i_string_invalid_utf-8", not_utf8},
    {"i_string_inverted_surrogates_U+1D11E", lone_surrogate},
    {"i_string_iso_latin_1", not_utf8},
    {"i_string_lone_second_surrogate", lone_surrogate},
    {"i_string_lone_utf8_continuation_byte", not_utf8},
    {"i_string_not_in_unicode_range", not_utf8},
    {"i_string_overlong_sequence_2_bytes", not_utf8},
    {"i_string_overlong_sequence_6_bytes", not_utf8},
    {"i_string_overlong_sequence_6_bytes_null", not_utf8},
    {"i_string_truncated-utf-8", not_utf8},
    {"i_string_utf16BE_no_BOM", not_utf8},
    {"i_string_utf16LE_no_BOM", not_utf8},
    {"i_structure_500_nested_arrays", {false, "127 levels are followed (protocol.md §10)"}},
    {"i_structure_UTF-8_BOM_empty_object", {false, "a byte order mark must not be sent (RFC 8259 §8.1)"}},
};

class JsonSuite : public SharedTest {
 protected:
  JsonSuite() : SharedTest("suites/json") {}

  template <class Use>
  void for_each(std::string_view kind, std::size_t expected, Use&& use) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator{shared("suites/json/test_parsing")}) {
      const std::string name = entry.path().stem().string();
      if (!name.starts_with(kind)) continue;
      SCOPED_TRACE(name);
      ++count;
      use(name, read_file(entry.path()));
    }
    EXPECT_EQ(count, expected);
  }
};

TEST_F(JsonSuite, EveryDocumentThatMustBeAcceptedIs) {
  for_each("y_", 95, [&](const std::string&, const std::string& text) {
    const auto value = wire::parse_json(text, arena_);
    EXPECT_TRUE(value) << value.error().message();
  });
}

TEST_F(JsonSuite, EveryDocumentThatMustBeRefusedIs) {
  for_each("n_", 188, [&](const std::string&, const std::string& text) {
    const auto value = wire::parse_json(text, arena_);
    ASSERT_FALSE(value);
    EXPECT_FALSE(value.error().detail().empty());
  });
}

TEST_F(JsonSuite, EveryOpenCaseIsDecided) {
  for_each("i_", decided.size(), [&](const std::string& name, const std::string& text) {
    const auto found = decided.find(name);
    ASSERT_NE(found, decided.end()) << "not in the table";
    EXPECT_EQ(wire::parse_json(text, arena_).has_value(), found->second.accepted) << found->second.reason;
  });
}

TEST_F(JsonSuite, SimdjsonAgreesOnEveryDocumentAndOnDamagedOnes) {
  std::mt19937 random{3};
  for_each("", 318, [&](const std::string&, const std::string& text) {
    EXPECT_EQ(wire::testing::disagreement(text), "");
    if (text.size() > 2000) return;
    for (int i = 0; i < 100; ++i) {
      const std::string damaged = wire::testing::mutated(text, random);
      ASSERT_EQ(wire::testing::disagreement(damaged), "") << damaged;
    }
  });
}

}  // namespace
}  // namespace picket::conformance
