#include "picket/session/dialects/v1.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "picket/session/quote.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session::dialects {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr wire::Format json{};

// Bytes. These SDKs refuse a larger message, and with it the connection.
constexpr std::size_t largest_message = std::size_t{10} * 1024 * 1024;

// Bytes of a body in one event. Python's SDK takes a message for cut that does not come in one read of its socket.
constexpr std::uint64_t chunk_size = std::uint64_t{16} * 1024;

constexpr std::array kinds{wire::EventKind::configure,           wire::EventKind::request_headers,
                           wire::EventKind::request_body_chunk,  wire::EventKind::response_headers,
                           wire::EventKind::response_body_chunk, wire::EventKind::request_complete,
                           wire::EventKind::websocket_frame};

bool is_sayable(FrameType type) noexcept {
  return (type >= FrameType::request_headers && type <= FrameType::websocket_frame) || type == FrameType::configure;
}

/// The exchange of one of our events. Its JSON begins with it; that of a Configure, which holds anything, ends with it.
std::string id_of(const wire::FrameView& event) {
  constexpr std::string_view before = "\"correlation_id\":\"";
  const std::size_t at = event.type == FrameType::configure ? event.payload.rfind(before) : event.payload.find(before);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = event.payload.substr(at + before.size());
  return std::string{rest.substr(0, rest.find('"'))};
}

ProxyAgreement agreed(std::shared_ptr<const ProxyConfig> config) {
  AgentInfo agent{.name = "an agent of the dialect v1"};
  agent.events.clear();
  std::ranges::copy_if(config->events, std::back_inserter(agent.events),
                       [](wire::EventKind kind) { return std::ranges::find(kinds, kind) != kinds.end(); });
  agent.features.streaming_body = true;
  agent.limits.preferred_chunk_size = chunk_size;
  agent.extended = true;  // there is no more that it could be sent
  return {.config = std::move(config),
          .agent = std::move(agent),
          .terms = {.format = json, .one_way_complete = true},
          .early = {}};
}

base::Result<wire::Value> object_in(std::string_view payload, base::Arena& arena) {
  auto value = wire::parse_json(payload, arena);
  if (value && value->get<wire::Value::Object>() == nullptr)
    return fail(ErrorKind::invalid_message, "an answer that is no JSON object; it said " + quoted(payload));
  return value;
}

/// {"success": true}, or why not, as the answer to a Configure.
wire::AgentResponse outcome_of(const wire::Value& said) {
  const auto* const success = said.find("success");
  const auto* const accepted = success != nullptr ? success->get<bool>() : nullptr;
  if (accepted != nullptr && *accepted) return {};
  const auto* const error = said.find("error");
  const auto* const words = error != nullptr ? error->get<wire::Text>() : nullptr;
  return {.decision = wire::Block{.body = words != nullptr ? std::optional{*words} : std::nullopt}};
}

}  // namespace

// ---- to the agent

base::Status V1Translator::say(const wire::FrameView& frame, wire::Output& out) {
  if (is_sayable(frame.type)) return ask(frame, out);
  switch (frame.type) {
    case FrameType::ping: pass_on(FrameType::pong, std::string{frame.payload}); return {};
    case FrameType::cancel: return give_up(frame);
    default: return fail(ErrorKind::unavailable, fmt::format("{} cannot be said in the dialect v1", name(frame.type)));
  }
}

base::Status V1Translator::ask(const wire::FrameView& frame, wire::Output& out) {
  Asked asked{.type = frame.type, .id = id_of(frame), .text = {}};
  asked.text = fmt::format(R"({{"version":1,"event_type":"{}","payload":{}}})", name(frame.type), frame.payload);
  if (asked.text.size() > largest_message)
    return fail(ErrorKind::message_too_large,
                fmt::format("a {} message of {} bytes; agents of the dialect v1 take at most {}", name(frame.type),
                            asked.text.size(), largest_message));
  waiting_ += asked.text.size();
  asked_.push_back(std::move(asked));
  if (asked_.size() == 1) send_first(out);
  return {};
}

void V1Translator::send_first(wire::Output& out) {
  if (asked_.empty()) return;
  Asked& first = asked_.front();
  waiting_ -= first.text.size();
  wire::append_frame(first.type, std::exchange(first.text, {}), out);
}

/// An event that was not sent is just not asked. Of the one in flight the time-out ends the connection, and so does
/// that of one that waits behind an answer that nobody wants: such an answer may never come.
base::Status V1Translator::give_up(const wire::FrameView& frame) {
  base::Arena arena;
  const auto cancel = wire::decode<wire::Cancel>(json, frame.payload, arena);
  if (!cancel) return cancel.error();
  const auto found = std::ranges::find_if(asked_, [&](const Asked& asked) {
    return asked.id == cancel->correlation_id && asked.type != FrameType::request_complete;
  });
  if (found == asked_.end()) return {};
  const Asked& first = asked_.front();
  const bool is_first = found == asked_.begin();
  const bool is_stuck = is_first || first.given_up || first.type == FrameType::request_complete;
  if (cancel->reason == wire::CancelReason::timeout && is_stuck)
    return fail(ErrorKind::timeout,
                fmt::format("the agent did not answer {} in time, and in the dialect v1 a late answer would be taken "
                            "for the next one",
                            name(first.type)));
  if (is_first) {
    found->given_up = true;
  } else {
    waiting_ -= found->text.size();
    asked_.erase(found);
  }
  return {};
}

// ---- from the agent

base::Status V1Translator::hear(const wire::FrameView& frame, wire::Output& out) {
  if (asked_.empty())
    return fail(ErrorKind::invalid_message, "it said something without being asked: " + quoted(frame.payload));
  const Asked asked = std::move(asked_.front());
  asked_.pop_front();
  PICKET_TRY(answered(asked, frame.payload));
  send_first(out);
  return {};
}

base::Status V1Translator::answered(const Asked& asked, std::string_view payload) {
  base::Arena arena;
  const auto said = object_in(payload, arena);
  if (!said) return said.error();
  if (asked.given_up || asked.type == FrameType::request_complete) return {};
  wire::AgentResponse response;
  if (asked.type == FrameType::configure && said->find("decision") == nullptr) {
    response = outcome_of(*said);
  } else {
    auto status = wire::decode_into(response, json, payload, arena);
    if (!status)
      return fail(status.error().kind(), fmt::format("its answer to {}: {}; it said {}", name(asked.type),
                                                     status.error().detail(), quoted(payload)));
  }
  if (!response.correlation_id.empty() && response.correlation_id != asked.id)
    return fail(ErrorKind::invalid_message,
                fmt::format("its answer to {} is for another exchange; it said {}", name(asked.type), quoted(payload)));
  response.version = protocol_version;
  response.correlation_id = asked.id;
  response.reply_to.reset();
  pass_on(FrameType::agent_response, wire::to_json(response));
  return {};
}

// ---- how it begins

V1Opening::V1Opening(std::shared_ptr<const ProxyConfig> config) : configuring_(agreed(std::move(config))) {}

base::Status V1Opening::begin(wire::Output& output, base::TimePoint now) { return configuring_.begin(output, now); }

base::Status V1Opening::take(const wire::FrameView& frame, wire::Output& output, base::TimePoint) {
  return configuring_.take(frame, output);
}

const ProxyAgreement* V1Opening::agreement() const noexcept {
  return configuring_.is_over() ? &configuring_.agreement() : nullptr;
}

}  // namespace picket::session::dialects
