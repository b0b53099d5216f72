#pragma once

#include <cstdint>
#include <optional>

namespace picket::agent {

/// A status that `fits`. One that is written down is checked when it is compiled: `BlockStatus{99}` is an error. of()
/// takes one that only the running program knows. A proxy would take another one for a failure of the agent.
///
///   return Decision::block(403);                                       // checked by the compiler
///   if (const auto status = BlockStatus::of(configured)) block_with_ = *status;
///
/// Thread safety: a value. Errors: of() gives nothing for a status that does not fit.
template <bool (*fits)(int)>
class CheckedStatus {
 public:
  /// Implicit, so that a number stands where a status is wanted. A number that does not fit ends the compilation here.
  consteval CheckedStatus(int status) : value_(static_cast<std::uint16_t>(status)) {
    if (!fits(status)) throw "no status of such a decision";
  }
  [[nodiscard]] static constexpr std::optional<CheckedStatus> of(int status) noexcept {
    return fits(status) ? std::optional{CheckedStatus{status, Known{}}} : std::nullopt;
  }
  [[nodiscard]] constexpr std::uint16_t value() const noexcept { return value_; }

 private:
  struct Known {};
  constexpr CheckedStatus(int status, Known /*known*/) noexcept : value_(static_cast<std::uint16_t>(status)) {}
  std::uint16_t value_;
};

namespace internal {

// 1xx are no answers: more follows them.
constexpr bool is_final_status(int status) noexcept { return status >= 200 && status <= 599; }
// Not 300, 304, 305 and 306: clients do not follow those by Location alone.
constexpr bool is_redirect_status(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace internal

/// 200 to 599: what ends an exchange. Those below 200 are interim and would leave the client waiting (RFC 9110 §15.2).
using BlockStatus = CheckedStatus<internal::is_final_status>;
/// 301, 302, 303, 307 or 308 (RFC 9110 §15.4).
using RedirectStatus = CheckedStatus<internal::is_redirect_status>;

}  // namespace picket::agent
