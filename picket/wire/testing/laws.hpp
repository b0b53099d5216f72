#pragma once

#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/testing/padded.hpp"

/// What must hold for any bytes: shared by the tests and the fuzz targets. Each returns what is wrong; empty: nothing.
namespace picket::wire::testing {

template <class Message>
[[nodiscard]] std::string payload_of(const Format& format, const Message& message) {
  Output out;
  if (!encode(format, message, out)) return {};
  return out.flatten();
}

/// Any payload is an error that says what it is, or a message that can be written and is then read again. Memory stays
/// within a multiple of the payload.
template <class Message>
[[nodiscard]] std::string error_or_message(const Format& format, std::string_view bytes) {
  const Padded payload{bytes};
  base::Arena arena;
  const auto decoded = decode<Message>(format, payload.view(), arena);
  if (arena.reserved() > 128 * bytes.size() + 65536)
    return std::to_string(arena.reserved()) + " bytes reserved for a payload of " + std::to_string(bytes.size());
  if (!decoded) {
    if (decoded.error().kind() != base::ErrorKind::invalid_message) return "an error of another kind";
    return decoded.error().detail().empty() ? "an error that says nothing" : "";
  }
  const Padded again{payload_of(format, *decoded)};
  if (again.view().empty()) return "what was read cannot be written";
  base::Arena second_arena;
  const auto second = decode<Message>(format, again.view(), second_arena);
  return second ? "" : "what was written cannot be read: " + second.error().message();
}

}  // namespace picket::wire::testing
