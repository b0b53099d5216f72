#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

/// What metrics and their labels may be called (Prometheus, data model): agents report names of their own choosing, and
/// a page with one wrong line is read by nobody. Pure: any thread, constant expressions.
namespace picket::metrics {

inline constexpr std::size_t longest_name = 128;         ///< Bytes, of a metric or a label.
inline constexpr std::size_t longest_label_value = 256;  ///< Bytes.

namespace internal {

constexpr bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace internal

/// Letters, digits, `_` and `:`, no digit first. Whether the name is taken already is another question: a peer's names
/// are refused by the gateway where they begin with `picket_`.
[[nodiscard]] constexpr bool is_metric_name(std::string_view name) noexcept {
  const auto fits = [](char c) { return internal::is_letter(c) || internal::is_digit(c) || c == ':'; };
  return !name.empty() && name.size() <= longest_name && !internal::is_digit(name.front()) &&
         std::ranges::all_of(name, fits);
}

/// Letters, digits and `_`, no digit first; names that begin with two underscores are Prometheus's own.
[[nodiscard]] constexpr bool is_label_name(std::string_view name) noexcept {
  return is_metric_name(name) && !name.contains(':') && !name.starts_with("__");
}

}  // namespace picket::metrics
