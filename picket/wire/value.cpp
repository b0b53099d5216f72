#include "picket/wire/value.hpp"

#include <algorithm>

namespace picket::wire {
namespace {

bool equal(Value::Object a, Value::Object b) noexcept {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a, [&](const Member& member) {
    return std::ranges::any_of(
        b, [&](const Member& other) { return member.name == other.name && member.value == other.value; });
  });
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
