#pragma once

#include <cstddef>

#include "picket/wire/internal/avx2.hpp"

/// Base64 by 32 characters at a time. The parts that do not fill a block are the caller's. After Muła and Lemire,
/// "Faster Base64 Encoding and Decoding Using AVX2 Instructions" (2018).
namespace picket::wire::internal {

#if defined(PICKET_HAS_AVX2)

/// Encodes whole blocks of 24 bytes from the front; returns how many bytes it encoded.
[[nodiscard]] std::size_t encode_base64_avx2(const unsigned char* data, std::size_t size, char* out) noexcept;

/// Decodes whole blocks of 32 characters from the front, up to the first block with a character outside the alphabet;
/// returns how many characters it decoded. Writes up to 8 bytes behind the last decoded one.
[[nodiscard]] std::size_t decode_base64_avx2(const char* text, std::size_t size, unsigned char* out) noexcept;

#endif

}  // namespace picket::wire::internal
