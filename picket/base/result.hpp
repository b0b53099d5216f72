#pragma once

#include <concepts>
#include <expected>
#include <type_traits>
#include <utility>

#include "picket/base/error.hpp"

namespace picket::base {

/// A value or an Error. std::expected, but one that must not be ignored (libstdc++ 12 does not say so itself).
///
///   base::Result<std::uint16_t> port_of(std::string_view text) {
///     if (text.empty()) return base::fail(base::ErrorKind::invalid_message, "no port");
///     …
///   }
///   const auto port = port_of(text);
///   if (!port) return port.error();  // or PICKET_TRY, where the value is not needed
///
/// Errors: value() throws std::bad_expected_access where there is none; `*result` and error() ask for a look before.
/// Thread safety: a value. Complexity: that of a T, and of a std::string where it is an error.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}
  Result(std::unexpected<Error> error) : std::expected<T, Error>(std::move(error)) {}
};

/// Success, or an Error.
using Status = Result<void>;

/// An Error ready to be returned from any function that returns a Result. Complexity: the detail is a string that is
/// made: keep it off the hot path, where nothing fails.
[[nodiscard]] inline Error fail(ErrorKind kind, std::string detail) { return Error{kind, std::move(detail)}; }

}  // namespace picket::base

/// Returns the error of a Result to the caller, or goes on; a value is dropped. For functions that return a Result of
/// any type. The one macro for control flow in this project.
#define PICKET_TRY(expression)                                                  \
  do {                                                                          \
    if (auto picket_try_result = (expression); !picket_try_result) [[unlikely]] \
      return ::picket::base::Error{std::move(picket_try_result.error())};       \
  } while (false)
