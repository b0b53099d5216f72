#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/websocket/frame.hpp"

namespace picket::websocket {

/// RFC 6455 §7.4.1 and IANA's registry, as far as they are said here.
namespace close_codes {
inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t bad_payload = 1007;
inline constexpr std::uint16_t policy = 1008;
inline constexpr std::uint16_t too_large = 1009;
inline constexpr std::uint16_t internal_error = 1011;
inline constexpr std::uint16_t try_again_later = 1013;
}  // namespace close_codes

/// Bytes of a reason: what a control frame has room for behind the code.
inline constexpr std::size_t longest_reason = longest_control - 2;

/// Whether that code may stand in a frame: 1005, 1006 and 1015 never do, and what nobody has defined is no code.
[[nodiscard]] constexpr bool may_be_sent(std::uint16_t code) noexcept {
  const bool is_standard = code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
  return is_standard || (code >= 3000 && code <= 4999);
}

/// Whether it can stand behind a code: short, and UTF-8.
[[nodiscard]] bool is_reason(std::string_view reason) noexcept;

/// Whether that can be a close frame's payload: nothing, or a code and a reason. Pure.
[[nodiscard]] bool is_close_payload(std::string_view payload) noexcept;

/// A whole close frame, ready to be written. Lifetime of text(): this. Thread safety: a value's.
class CloseFrame {
 public:
  /// `code` may be sent, and `reason` is one. `mask`: of a client's.
  CloseFrame(std::uint16_t code, std::string_view reason, const std::optional<MaskKey>& mask) noexcept;
  [[nodiscard]] std::string_view text() const noexcept { return {bytes_.data(), size_}; }

 private:
  std::array<char, longest_head + longest_control> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace picket::websocket
