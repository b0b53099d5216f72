#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "picket/websocket/frame.hpp"

namespace picket::websocket::testing {

constexpr MaskKey some_key{0x37, 0xFA, 0x21, 0x3D};

/// Bytes by their values.
inline std::string raw(std::initializer_list<unsigned> values) {
  std::string text;
  for (const unsigned value : values) text += static_cast<char>(value);
  return text;
}

/// A frame as a peer sends it.
inline std::string frame(Opcode opcode, std::string_view payload, bool fin = true,
                         const std::optional<MaskKey>& key = some_key) {
  std::array<char, longest_head> space{};
  std::string text{write_head(space, {.opcode = opcode, .fin = fin, .size = payload.size(), .mask = key})};
  std::string body{payload};
  if (key) mask(body, *key);
  return text + body;
}

}  // namespace picket::websocket::testing
