#include <algorithm>
#include <string>

#include "fuzz/check.hpp"
#include "picket/websocket/assembly.hpp"
#include "picket/websocket/close.hpp"

using namespace picket;
using websocket::Assembly;
using websocket::Sender;

namespace {

constexpr std::size_t most = 4096;

struct Heard {
  std::string sealed;
  std::size_t frames = 0;
  std::optional<websocket::Breach> breach;
  bool operator==(const Heard&) const = default;
};

Heard hear(std::string bytes, Sender sender, std::size_t piece) {
  Assembly assembly{sender, most};
  Heard heard;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    std::span<char> part = std::span{bytes}.subspan(at, std::min(piece, bytes.size() - at));
    while (true) {
      const auto frame = assembly.read(part);
      fuzz::require(assembly.held() <= most, "no more is kept than may be");
      if (!frame) {
        heard.breach = frame.error();
        return heard;
      }
      if (!*frame) break;
      ++heard.frames;
      if (!assembly.completes()) continue;
      heard.sealed += assembly.seal(std::nullopt);
      if (assembly.has_message()) assembly.forget();
    }
  }
  return heard;
}

}  // namespace

/// Frames, messages and the breach are the same however the bytes come; what goes on is what a server may send, and the
/// same once more.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Sender sender = (data[0] & 1) != 0 ? Sender::client : Sender::server;
  const std::string bytes{fuzz::text_of(data + 2, size - 2)};
  const Heard whole = hear(bytes, sender, bytes.size() + 1);
  fuzz::require(hear(bytes, sender, data[1] % 32U + 1) == whole, "the same however it is cut");
  const Heard again = hear(whole.sealed, Sender::server, whole.sealed.size() + 1);
  fuzz::require(!again.breach && again.sealed == whole.sealed, "what goes on is well-formed");
  return 0;
}
