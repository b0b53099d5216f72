#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "apps/gateway/exchange/testing/chance.hpp"
#include "picket/body/testing/deflated.hpp"

/// Bodies in content codings, good ones and others.
namespace picket::apps::gateway::exchange::testing {

/// RFC 7932 §9.2: meta-blocks that are not compressed, and an empty one that is the last. Only the first says how large
/// the window is.
inline std::string in_brotli(std::string_view content) {
  constexpr std::size_t most = 1 << 16;
  if (content.empty()) return "\x3F";  // the window's four bits, and the end's two
  std::string packed;
  while (!content.empty()) {
    const std::string_view some = content.substr(0, most);
    content.remove_prefix(some.size());
    const std::size_t head =
        packed.empty() ? 0b1111 | (some.size() - 1) << 7 | 1U << 23 : (some.size() - 1) << 3 | 1U << 19;
    for (const std::size_t shift : {0, 8, 16}) packed += static_cast<char>(head >> shift);
    packed += some;
  }
  return packed += '\x03';
}

/// How a body is sent whose content is known.
struct PackedBody {
  enum class Fault : std::uint8_t { none, cut_off, corrupt, more_behind, bursts, unknown, count };

  /// Changes the content of what is too much of it.
  PackedBody(Chance& chance, std::string& content, bool may_burst) {
    static constexpr std::array codings{"gzip", "deflate", "br"};
    coding = codings[chance.below(codings.size())];
    if (chance.one_in(4)) fault = static_cast<Fault>(1 + chance.below(static_cast<std::size_t>(Fault::count) - 1));
    if (fault == Fault::bursts && !may_burst) fault = Fault::corrupt;
    if (fault == Fault::bursts) content.assign(150'000 + chance.below(50'000), 'b');
    if (fault == Fault::bursts && coding == "br") coding = "gzip";        // that of the test packs nothing
    if (fault == Fault::unknown && content.empty()) fault = Fault::none;  // nothing is in no coding
    if (fault == Fault::unknown) coding = "zstd";
    bytes = packed(content);
    if (fault == Fault::cut_off && bytes.size() < 2) fault = Fault::none;  // nothing at all is no piece of a body
    if (fault == Fault::cut_off) bytes.resize(1 + chance.below(bytes.size() - 1));
    if (fault == Fault::more_behind) bytes += "more";
    if (fault == Fault::corrupt) break_it(chance);
  }
  [[nodiscard]] bool is_sound() const noexcept { return fault == Fault::none; }
  /// Whether some of its content can be shown.
  [[nodiscard]] bool can_begin() const noexcept { return fault != Fault::unknown; }

  std::string_view coding;
  Fault fault = Fault::none;
  std::string bytes;  ///< As they are sent.

 private:
  [[nodiscard]] std::string packed(const std::string& content) const {
    if (fault == Fault::unknown) return content;
    if (coding == "br") return in_brotli(content);
    using namespace body::testing;
    return deflated(content, coding == "gzip" ? gzip_window : zlib_window);
  }
  /// In its last word: the sum, or the end.
  void break_it(Chance& chance) {
    const std::size_t last = coding == "br" ? 1 : 4;
    bytes[bytes.size() - 1 - chance.below(last)] ^= 0x55;
  }
};

}  // namespace picket::apps::gateway::exchange::testing
