#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/wire/value.hpp"

namespace picket::conformance {

/// A place where we differ from the reference on purpose.
struct Exception {
  std::string_view message;
  std::string_view path;  ///< As differences() names it.
  std::string_view reason;
};

/// Where two values differ in meaning, one line each: "/path: expected …, got …". Numbers are compared by value, null
/// and absent are the same. `exceptions` are left out, and all below them.
[[nodiscard]] std::vector<std::string> differences(const wire::Value& expected, const wire::Value& got,
                                                   std::string_view message, std::span<const Exception> exceptions);

/// The view of MessagePack in the vectors, {"$f32": n}, {"$f64": n} and {"$bin": hex}, as plain values: numbers, and
/// base64 text for the bytes.
[[nodiscard]] wire::Value plain(const wire::Value& view, base::Arena& arena);

}  // namespace picket::conformance
