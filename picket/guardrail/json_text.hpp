#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/recycled_containers.hpp"

namespace picket::guardrail {

/// One code point of a JSON string: how it is spelt, and what it is.
struct Unit {
  std::size_t raw = 0;  ///< Bytes of its spelling; 0: what stands there is in no JSON string.
  std::array<char, 4> bytes{};
  std::size_t size = 0;  ///< Of `bytes`, as UTF-8.
};

/// The first unit of what stands between a string's quotes. A surrogate without its other half, and each byte that is
/// no UTF-8, is U+FFFD: nothing that an agent is asked about is anything else than UTF-8. `raw` is not empty. Pure;
/// never throws. Source: RFC 8259 §7, Unicode table 3-7.
[[nodiscard]] Unit next_unit(std::string_view raw) noexcept;

/// What a string says, behind what `out` has. False: it is no JSON string's content; `out` then has a part of it. Pure.
[[nodiscard]] bool decode(std::string_view raw, base::RecycledString& out);

/// Text as it stands between a string's quotes. `text` is UTF-8. Pure.
void write_escaped(std::string_view text, base::Buffer& out);

/// The last place at or before `at` where a code point begins; the end of the text is one. `text` is UTF-8. Pure.
[[nodiscard]] inline std::size_t border_before(std::string_view text, std::size_t at) noexcept {
  while (at < text.size() && at != 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

}  // namespace picket::guardrail
