#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace picket::websocket {

/// What a peer sent that RFC 6455 bars, or that is more than is taken, or takes too long. The connection ends with it.
enum class Breach : std::uint8_t {
  reserved_bits,       ///< RSV1 to RSV3, of an extension that nobody agreed to.
  unknown_opcode,      ///< 3 to 7, 11 to 15.
  masking,             ///< A client's frame without a mask, or a server's with one.
  fragmented_control,  ///< A close, ping or pong in several frames.
  long_control,        ///< One of more than 125 bytes.
  length,              ///< A length that is not in its shortest form, or has its top bit set.
  lone_continuation,   ///< It continues nothing.
  unfinished_message,  ///< Another message begins within one.
  bad_text,            ///< Not UTF-8.
  bad_close,           ///< A close frame of one byte, with a code that is never sent, or a reason that is not UTF-8.
  too_large,           ///< A message over the limit.
  too_slow,            ///< A message that was not whole in its time.
};
inline constexpr std::size_t breach_count = 12;
static_assert(static_cast<std::size_t>(Breach::too_slow) + 1 == breach_count);

/// One word for a metric.
[[nodiscard]] std::string_view name(Breach breach) noexcept;
/// For a log.
[[nodiscard]] std::string_view sentence(Breach breach) noexcept;
/// What the peer is told (§7.4.1): 1002, 1007 for what is no text, 1009 for what is too large, 1008
/// for what is too slow.
[[nodiscard]] std::uint16_t close_code(Breach breach) noexcept;

}  // namespace picket::websocket
