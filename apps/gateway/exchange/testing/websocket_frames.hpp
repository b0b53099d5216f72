#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/bytes.hpp"
#include "picket/http/message.hpp"
#include "picket/websocket/assembly.hpp"
#include "picket/websocket/testing/bytes.hpp"

/// What ends of a tunnel say, and what they hear.
namespace picket::apps::gateway::exchange::testing {

using picket::websocket::Opcode;
using picket::websocket::Sender;

inline http::RequestHead handshake(std::string_view target) {
  static constexpr base::Header fields[] = {{"Host", "a.test"},
                                            {"Connection", "Upgrade"},
                                            {"Upgrade", "websocket"},
                                            {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  return {.method = "GET", .target = target, .headers = std::span<const base::Header>{fields}};
}

/// A frame as that peer sends it.
inline std::string frame_of(Sender sender, std::string_view payload, bool fin = true, Opcode opcode = Opcode::text) {
  const auto key = sender == Sender::client ? std::optional{picket::websocket::testing::some_key} : std::nullopt;
  return picket::websocket::testing::frame(opcode, payload, fin, key);
}

/// A message, or a control frame.
struct Said {
  Opcode opcode = Opcode::text;
  std::string payload;
  [[nodiscard]] bool operator==(const Said&) const = default;
};

/// What an end got that is sent whole messages, each a frame, and control frames; nothing where it is anything else.
inline std::optional<std::vector<Said>> heard_in(std::string got, Sender sender) {
  picket::websocket::Assembly assembly{sender, 10'000'000};
  std::vector<Said> heard;
  for (std::span<char> rest{got}; !rest.empty();) {
    const auto frame = assembly.read(rest);
    if (!frame || !*frame || !(*frame)->fin || (*frame)->opcode == Opcode::continuation) return std::nullopt;
    heard.push_back({(*frame)->opcode, std::string{base::as_text((*frame)->payload)}});
    if (assembly.has_message()) assembly.forget();
  }
  return heard;
}

}  // namespace picket::apps::gateway::exchange::testing
