#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace picket::websocket {

/// RFC 6455 §5.2, with its numbers.
enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Close, ping and pong: never fragmented, short, and allowed between the fragments of a message.
[[nodiscard]] constexpr bool is_control(Opcode opcode) noexcept { return static_cast<std::uint8_t>(opcode) >= 8; }

/// Who sends: a client masks what it sends, a server does not (§5.1).
enum class Sender : std::uint8_t { client, server };

/// §5.3. What a browser sends must not be for a page to choose, so that nobody can guess it.
using MaskKey = std::array<std::uint8_t, 4>;

/// Bytes.
inline constexpr std::size_t longest_head = 14;
inline constexpr std::size_t longest_control = 125;

/// What stands in front of a payload.
struct FrameHead {
  Opcode opcode = Opcode::text;
  bool fin = true;
  std::uint64_t size = 0;            ///< Bytes of the payload.
  std::optional<MaskKey> mask = {};  ///< Of a client's.

  [[nodiscard]] bool operator==(const FrameHead&) const noexcept = default;
};

/// Bytes of the head of a frame with that much payload.
[[nodiscard]] constexpr std::size_t head_size(std::uint64_t size, bool is_masked) noexcept {
  return 2 + (size <= longest_control ? 0U : size <= 0xFFFF ? 2U : 8U) + (is_masked ? 4U : 0U);
}

/// Writes the head, its length in the shortest form. `out`: longest_head bytes. Returns what was written. Pure.
std::string_view write_head(std::span<char, longest_head> out, const FrameHead& head) noexcept;

/// Masks bytes in place, or takes the mask off. `offset`: how many of the payload stand before them. Pure. Complexity:
/// a word at a time.
void mask(std::span<char> bytes, const MaskKey& key, std::uint64_t offset = 0) noexcept;

}  // namespace picket::websocket
