#include "picket/websocket/breach.hpp"

#include <array>

#include "picket/websocket/close.hpp"

namespace picket::websocket {
namespace {

struct Words {
  std::string_view name;
  std::string_view sentence;
};

constexpr auto words = std::to_array<Words>({
    {"reserved_bits", "a reserved bit, of an extension that was not agreed"},
    {"unknown_opcode", "an unknown opcode"},
    {"masking", "a mask where there must be none, or none where there must be one"},
    {"fragmented_control", "a control frame in fragments"},
    {"long_control", "a control frame of more than 125 bytes"},
    {"length", "a length that is not in its shortest form, or too large to be one"},
    {"lone_continuation", "a continuation of no message"},
    {"unfinished_message", "a message that begins within another"},
    {"bad_text", "a text that is not UTF-8"},
    {"bad_close", "a close frame whose code or reason may not be sent"},
    {"too_large", "a message larger than max-websocket-message-bytes"},
    {"too_slow", "a message that was not whole within held-body-secs"},
});
static_assert(words.size() == breach_count);

const Words& of(Breach breach) noexcept { return words[static_cast<std::size_t>(breach)]; }

}  // namespace

std::string_view name(Breach breach) noexcept { return of(breach).name; }
std::string_view sentence(Breach breach) noexcept { return of(breach).sentence; }

std::uint16_t close_code(Breach breach) noexcept {
  if (breach == Breach::too_large) return close_codes::too_large;
  if (breach == Breach::too_slow) return close_codes::policy;
  return breach == Breach::bad_text ? close_codes::bad_payload : close_codes::protocol_error;
}

}  // namespace picket::websocket
