#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "picket/base/headers.hpp"
#include "picket/wire/internal/avx2.hpp"

/// The header fields of a head, in processors that have AVX2: they are most of its text, and most are shorter than one
/// register.
namespace picket::wire::internal {

#if defined(PICKET_HAS_AVX2)

/// Writes `fields` at `at` as the writers' header_field() does, up to the first that needs more than copying: one that
/// is not plain, is long, may not fit before `limit`, or has a name where a page ends. Returns how many it wrote; `at`
/// is moved behind them. May write 32 bytes behind that, never behind `limit`. `separator`: 1 where a comma stands
/// before the first.
[[nodiscard]] std::size_t put_json_fields_avx2(std::span<const base::Header> fields, std::size_t separator, char*& at,
                                               const char* limit) noexcept;
[[nodiscard]] std::size_t put_msgpack_fields_avx2(std::span<const base::Header> fields, char*& at,
                                                  const char* limit) noexcept;
/// `tag`: of the fields, each a message.
template <std::uint32_t tag>
[[nodiscard]] std::size_t put_protobuf_fields_avx2(std::span<const base::Header> fields, char*& at,
                                                   const char* limit) noexcept;

#endif

}  // namespace picket::wire::internal
