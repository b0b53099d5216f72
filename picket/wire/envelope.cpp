#include "picket/wire/envelope.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "picket/base/arena.hpp"
#include "picket/wire/internal/protobuf_reader.hpp"

namespace picket::wire {
namespace {

struct Place {
  Envelope envelope;
  std::uint32_t number;
  FrameType type;
};
using enum Envelope;
constexpr std::array places{
    Place{proxy_to_agent, 1, FrameType::handshake_request},
    Place{proxy_to_agent, 2, FrameType::request_headers},
    Place{proxy_to_agent, 3, FrameType::request_body_chunk},
    Place{proxy_to_agent, 4, FrameType::response_headers},
    Place{proxy_to_agent, 5, FrameType::response_body_chunk},
    Place{proxy_to_agent, 6, FrameType::websocket_frame},
    Place{proxy_to_agent, 7, FrameType::guardrail_inspect},
    Place{proxy_to_agent, 8, FrameType::request_complete},
    Place{proxy_to_agent, 9, FrameType::cancel},
    Place{proxy_to_agent, 10, FrameType::configure},
    Place{proxy_to_agent, 11, FrameType::ping},
    Place{proxy_to_agent, 20, FrameType::config_update_response},  // ours
    Place{agent_to_proxy, 1, FrameType::handshake_response},
    Place{agent_to_proxy, 2, FrameType::agent_response},
    Place{agent_to_proxy, 3, FrameType::health_status},
    Place{agent_to_proxy, 4, FrameType::metrics_report},
    Place{agent_to_proxy, 5, FrameType::config_update_request},
    Place{agent_to_proxy, 6, FrameType::flow_control},
    Place{agent_to_proxy, 7, FrameType::pong},
    Place{agent_to_proxy, 8, FrameType::log},
    Place{agent_control, 1, FrameType::health_status},
    Place{agent_control, 2, FrameType::metrics_report},
    Place{agent_control, 3, FrameType::config_update_request},
    Place{agent_control, 4, FrameType::log},
    Place{proxy_control, 1, FrameType::configure},
    Place{proxy_control, 2, FrameType::shutdown},
    Place{proxy_control, 3, FrameType::drain},
    Place{proxy_control, 4, FrameType::config_update_response},
};

constexpr Stream stream_of(Envelope envelope) noexcept {
  return envelope == agent_control || envelope == proxy_control ? Stream::control : Stream::process;
}

/// No type travels in both directions of a stream: a type alone says in which envelope.
constexpr bool is_unambiguous() noexcept {
  return std::ranges::all_of(places, [](const Place& place) {
    return std::ranges::count_if(places, [&](const Place& other) {
             return other.type == place.type && stream_of(other.envelope) == stream_of(place.envelope);
           }) == 1;
  });
}
static_assert(is_unambiguous());

/// By stream and type: this is looked up for every message that is written.
constexpr auto numbers = [] {
  std::array<std::array<std::uint8_t, 256>, 2> table{};
  for (const Place& place : places)
    table[static_cast<std::size_t>(stream_of(place.envelope))][static_cast<std::size_t>(place.type)] =
        static_cast<std::uint8_t>(place.number);
  return table;
}();

/// By envelope and number; no type where it is not known.
constexpr std::size_t first_unknown_number = 21;
constexpr auto types = [] {
  std::array<std::array<std::optional<FrameType>, first_unknown_number>, 4> table{};
  for (const Place& place : places) table[static_cast<std::size_t>(place.envelope)][place.number] = place.type;
  return table;
}();

std::optional<FrameType> type_of(Envelope envelope, std::uint32_t number) noexcept {
  return number < first_unknown_number ? types[static_cast<std::size_t>(envelope)][number] : std::nullopt;
}

/// An envelope as everybody writes it: a member, and nothing else.
std::optional<FrameView> open_usual(Envelope envelope, std::string_view bytes) noexcept {
  std::uint64_t size = 0;
  std::size_t at = 1;
  for (unsigned shift = 0; shift <= 21; shift += 7) {
    if (at >= bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[at++]);
    size |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) break;
  }
  const auto tag = static_cast<unsigned char>(bytes[0]);
  if (tag >= 0x80 || size != bytes.size() - at || (tag & 7) != static_cast<unsigned>(internal::WireType::bytes))
    return std::nullopt;
  const auto type = type_of(envelope, tag >> 3);
  if (!type) return std::nullopt;
  return FrameView{*type, bytes.substr(at)};
}

base::Result<FrameView> open_any(Envelope envelope, std::string_view bytes) {
  base::Arena unused{0};
  internal::ProtobufReader reader{bytes, unused};
  std::optional<FrameView> content;
  while (!reader.at_end()) {
    std::uint32_t number = 0;
    internal::WireType wire_type{};
    if (!reader.read_tag(number, wire_type)) return reader.error();
    const auto type = type_of(envelope, number);
    if (!type) {
      if (!reader.skip(number, wire_type)) return reader.error();
      continue;
    }
    if (content && content->type == *type)
      return base::fail(base::ErrorKind::invalid_message,
                        fmt::format("{} with two of {}", name(envelope), name(*type)));
    FrameView member{*type, {}};
    if (wire_type != internal::WireType::bytes || !reader.read_bytes(member.payload)) {
      (void)reader.fail(fmt::format("{} that is no message", name(*type)));
      return reader.error();
    }
    content = member;
  }
  if (content) return *content;
  return base::fail(base::ErrorKind::invalid_message,
                    fmt::format("{} without a message that is known here", name(envelope)));
}

}  // namespace

std::string_view name(Envelope envelope) noexcept {
  constexpr auto names =
      std::to_array<std::string_view>({"ProxyToAgent", "AgentToProxy", "AgentControl", "ProxyControl"});
  static_assert(names.size() == static_cast<std::size_t>(Envelope::proxy_control) + 1);
  return names[static_cast<std::size_t>(envelope)];
}

std::uint32_t number_in(Stream stream, FrameType type) noexcept {
  return numbers[static_cast<std::size_t>(stream)][static_cast<std::size_t>(type)];
}

base::Result<FrameView> open_envelope(Envelope envelope, std::string_view bytes) {
  if (const auto usual = open_usual(envelope, bytes)) [[likely]]
    return *usual;
  return open_any(envelope, bytes);
}

}  // namespace picket::wire
