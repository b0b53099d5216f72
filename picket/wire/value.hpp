#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "picket/base/bytes.hpp"

namespace picket::wire {

struct Member;

/// Any JSON or MessagePack value: configurations, audit.custom.
///
/// Thread safety: a value that nobody writes. Lifetime: a view: text, lists and members live in the payload or the
/// arena it was decoded to. Errors: none; what has another type is not found. Source: RFC 8259 §3, MessagePack's
/// formats.
///
///   const wire::Value* const limit = config.find("limit");                           // null where it is missing
///   const std::int64_t* const number = limit != nullptr ? limit->get<std::int64_t>() : nullptr;  // or no integer
///
/// Complexity: copying copies a view, whatever is below it. Nesting is at most limits::max_nesting where it was
/// decoded.
struct Value {
  struct Null {
    friend bool operator==(Null, Null) = default;
  };
  using List = std::span<const Value>;
  using Object = std::span<const Member>;

  /// Integers are int64 where they fit, else uint64.
  std::variant<Null, bool, std::int64_t, std::uint64_t, double, std::string_view, List, Object> data;

  /// What is in it where that is a T, else null. Of a number what the wire had counts: 1 is no double, and 1.0 no
  /// integer.
  template <class T>
  [[nodiscard]] const T* get() const noexcept {
    return std::get_if<T>(&data);
  }
  [[nodiscard]] bool is_null() const noexcept { return std::holds_alternative<Null>(data); }
  /// The member of that name where this is an object that has one, else null. Complexity: a scan.
  [[nodiscard]] const Value* find(std::string_view name) const noexcept;
};

/// A member of an object. Names may come twice: find() has the first. Lifetime: as the Value that it is in.
struct Member {
  std::string_view name;
  Value value;
};

/// Equal in meaning: members in any order but for those of one name, integers by value. 1 and 1.0 differ; a NaN equals
/// nothing. Complexity: members of an object are looked for one by one, n² of them: for configurations and tests, not
/// for what a peer sends at will.
[[nodiscard]] bool operator==(const Value& a, const Value& b) noexcept;

}  // namespace picket::wire
