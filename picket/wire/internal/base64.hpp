#pragma once

#include <cstddef>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/bytes.hpp"

/// Base64 with the standard alphabet and padding (RFC 4648 §4).
namespace picket::wire::internal {

/// Characters that `bytes` bytes take.
[[nodiscard]] constexpr std::size_t base64_size(std::size_t bytes) noexcept { return (bytes + 2) / 3 * 4; }

/// Writes base64_size(data.size()) characters at `out`.
void encode_base64(base::ByteView data, char* out) noexcept;
/// The same without vector instructions.
void encode_base64_portable(base::ByteView data, char* out) noexcept;

/// Bytes that a decoder may write behind what it decoded.
inline constexpr std::size_t base64_slack = 8;

/// What decoded() needs room for, besides base64_slack: an upper bound.
[[nodiscard]] constexpr std::size_t decoded_base64_bound(std::size_t characters) noexcept { return characters / 4 * 3; }

/// Decodes at `out`; `size` becomes the bytes that it stands for. False for a character outside the alphabet, missing
/// or misplaced padding, or bits that stand for nothing.
[[nodiscard]] bool decode_base64(std::string_view text, unsigned char* out, std::size_t& size) noexcept;
/// The same without vector instructions.
[[nodiscard]] bool decode_base64_portable(std::string_view text, unsigned char* out, std::size_t& size) noexcept;

/// Decodes into the arena.
[[nodiscard]] bool decode_base64(std::string_view text, base::Arena& arena, base::ByteView& data);

}  // namespace picket::wire::internal
