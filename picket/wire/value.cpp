#include "picket/wire/value.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace picket::wire {
namespace {

/// The member that stands for `members[at]` in another object: of members of one name the first is compared with the
/// first, the second with the second. Null where there are fewer.
const Member* counterpart(Value::Object members, std::size_t at, Value::Object other) noexcept {
  const std::string_view name = members[at].name;
  auto before = std::ranges::count(members.first(at), name, &Member::name);
  for (const Member& member : other)
    if (member.name == name && before-- == 0) return &member;
  return nullptr;
}

bool equal(Value::Object a, Value::Object b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const Member* const other = counterpart(a, i, b);
    if (other == nullptr || a[i].value != other->value) return false;
  }
  return true;
}

/// An integer of either type, as a number that holds both.
std::optional<std::pair<bool, std::uint64_t>> integer(const Value& value) noexcept {
  if (const auto* const number = value.get<std::int64_t>())
    return std::pair{*number < 0, static_cast<std::uint64_t>(*number)};
  if (const auto* const number = value.get<std::uint64_t>()) return std::pair{false, *number};
  return std::nullopt;
}

}  // namespace

const Value* Value::find(std::string_view name) const noexcept {
  const auto* const members = get<Object>();
  if (members == nullptr) return nullptr;
  const auto found = std::ranges::find(*members, name, &Member::name);
  return found == members->end() ? nullptr : &found->value;
}

bool operator==(const Value& a, const Value& b) noexcept {
  if (const auto* const list = a.get<Value::List>()) {
    const auto* const other = b.get<Value::List>();
    return other != nullptr && std::ranges::equal(*list, *other);
  }
  if (const auto* const members = a.get<Value::Object>()) {
    const auto* const other = b.get<Value::Object>();
    return other != nullptr && equal(*members, *other);
  }
  if (const auto number = integer(a)) return number == integer(b);
  if (a.data.index() != b.data.index()) return false;
  return std::visit(
      [&]<class T>(const T& value) {
        if constexpr (std::is_same_v<T, Value::List> || std::is_same_v<T, Value::Object>)
          return false;  // handled above
        else
          return value == *b.get<T>();
      },
      a.data);
}

}  // namespace picket::wire
