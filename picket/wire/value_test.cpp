#include "picket/wire/value.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace picket::wire {
namespace {

Value number(std::int64_t of) { return {of}; }

TEST(Value, ObjectsAreEqualWhateverTheOrderOfTheirMembers) {
  const std::array<Member, 2> one{{{"a", number(1)}, {"b", number(2)}}};
  const std::array<Member, 2> other{{{"b", number(2)}, {"a", number(1)}}};
  EXPECT_EQ(Value{Value::Object{one}}, Value{Value::Object{other}});
}

TEST(Value, ObjectsWithDoubledNamesAreComparedAlikeFromBothSides) {
  const std::array<Member, 2> doubled{{{"a", number(1)}, {"a", number(1)}}};
  const std::array<Member, 2> single{{{"a", number(1)}, {"b", number(2)}}};
  EXPECT_FALSE((Value{Value::Object{doubled}} == Value{Value::Object{single}}));
  EXPECT_FALSE((Value{Value::Object{single}} == Value{Value::Object{doubled}}));
  EXPECT_EQ(Value{Value::Object{doubled}}, Value{Value::Object{doubled}});
}

TEST(Value, OfADoubledNameTheFirstCountsSoThatTheirOrderDoes) {
  const std::array<Member, 2> one{{{"a", number(1)}, {"a", number(2)}}};
  const std::array<Member, 2> other{{{"a", number(2)}, {"a", number(1)}}};
  EXPECT_FALSE((Value{Value::Object{one}} == Value{Value::Object{other}}));
}

TEST(Value, IntegersAreEqualByValueWhateverTheirType) {
  EXPECT_EQ(Value{std::int64_t{1}}, Value{std::uint64_t{1}});
  EXPECT_EQ(Value{std::uint64_t{1}}, Value{std::int64_t{1}});
  EXPECT_FALSE((Value{std::int64_t{-1}} == Value{UINT64_MAX}));
  EXPECT_FALSE((Value{std::int64_t{1}} == Value{1.0}));
  EXPECT_FALSE((Value{std::int64_t{1}} == Value{true}));
}

TEST(Value, NestedOnesAreComparedOnceForEachLevel) {
  constexpr std::size_t depth = 60;  // two comparisons for each level would take for ever
  std::vector<Member> members(depth, Member{"x", number(1)});
  for (std::size_t i = 1; i < depth; ++i) members[i].value = {Value::Object{&members[i - 1], 1}};
  EXPECT_EQ(members.back().value, members.back().value);
}

}  // namespace
}  // namespace picket::wire
