#include "picket/session/dialects/site.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "picket/session/dialects/site_decision.hpp"
#include "picket/session/quote.hpp"
#include "picket/session/terms.hpp"
#include "picket/wire/codec.hpp"

namespace picket::session::dialects {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;
using wire::Text;
using wire::Value;

constexpr wire::Format json{};
constexpr std::array<std::uint32_t, 1> versions{protocol_version};

const std::string unconfigurable =
    "the dialect site has no way to give an agent its configuration: remove the agent's config, and configure it by "
    "its "
    "own means";

// What the dialect calls otherwise, or has besides.
constexpr FrameType site_cancel{0x30};
constexpr FrameType site_ping{0xF0};
constexpr FrameType site_pong{0xF1};

Text word_for(wire::CancelReason reason) noexcept {
  constexpr auto words = std::to_array<Text>(
      {"client_disconnect", "timeout", "blocked_by_agent", "upstream_error", "proxy_shutdown", "manual"});
  static_assert(words.size() == static_cast<std::size_t>(wire::CancelReason::manual) + 1);
  return words[static_cast<std::size_t>(reason)];
}

void say_cancel(std::uint64_t number, Text reason, wire::Output& out) {
  wire::append_frame(site_cancel, fmt::format(R"({{"request_id":{},"reason":"{}"}})", number, reason), out);
}

/// One of our events in JSON begins with its exchange's id.
constexpr Text id_begins = "{\"correlation_id\":\"";
Text id_of(Text event) {
  if (!event.starts_with(id_begins)) return {};
  event.remove_prefix(id_begins.size());
  return event.substr(0, event.find('"'));
}

template <class T>
std::optional<T> member(const Value& object, Text name) {
  const Value* const found = object.find(name);
  const T* const value = found != nullptr ? found->get<T>() : nullptr;
  return value != nullptr ? std::optional{*value} : std::nullopt;
}

}  // namespace

// ---- to the agent

base::Status SiteTranslator::say(const wire::FrameView& frame, wire::Output& out) {
  switch (frame.type) {
    case FrameType::handshake_request: wire::append_frame(frame.type, frame.payload, out); return {};
    case FrameType::request_headers:
    case FrameType::request_body_chunk:
    case FrameType::response_headers:
    case FrameType::response_body_chunk: return ask(frame, out);
    case FrameType::cancel: return cancel(frame, out);
    case FrameType::request_complete: return end(frame, out);
    case FrameType::ping: return ping(frame, out);
    default:
      return fail(ErrorKind::unavailable, fmt::format("{} cannot be said in the dialect site", name(frame.type)));
  }
}

/// The event with a number in place of its id. A status has another name there.
base::Status SiteTranslator::ask(const wire::FrameView& frame, wire::Output& out) {
  const Text id = id_of(frame.payload);
  const auto [found, is_new] = exchanges_.try_emplace(std::string{id}, Exchange{.number = last_number_ + 1});
  if (is_new) ids_.emplace(++last_number_, id);
  std::string text = fmt::format(R"({{"request_id":{})", found->second.number);
  if (frame.type == FrameType::response_headers) {
    base::Arena arena;
    const auto head = wire::decode<wire::ResponseHeaders>(json, frame.payload, arena);
    if (!head) return head.error();
    text += fmt::format(R"(,"status_code":{})", head->status);
  }
  text += frame.payload.substr(id_begins.size() + id.size() + 1);
  wire::append_frame(frame.type, text, out);
  return {};
}

base::Status SiteTranslator::cancel(const wire::FrameView& frame, wire::Output& out) {
  base::Arena arena;
  const auto cancelled = wire::decode<wire::Cancel>(json, frame.payload, arena);
  if (!cancelled) return cancelled.error();
  const auto found = exchanges_.find(std::string{cancelled->correlation_id});
  if (found == exchanges_.end() || std::exchange(found->second.cancelled, true)) return {};
  say_cancel(found->second.number, word_for(cancelled->reason), out);
  return {};
}

base::Status SiteTranslator::end(const wire::FrameView& frame, wire::Output& out) {
  const auto found = exchanges_.find(std::string{id_of(frame.payload)});
  if (found == exchanges_.end()) return {};
  if (!found->second.cancelled) say_cancel(found->second.number, "request_complete", out);
  ids_.erase(found->second.number);
  exchanges_.erase(found);
  return {};
}

base::Status SiteTranslator::ping(const wire::FrameView& frame, wire::Output& out) {
  base::Arena arena;
  const auto ping = wire::decode<wire::Ping>(json, frame.payload, arena);
  if (!ping) return ping.error();
  pings_.emplace_back(frame.payload);
  wire::append_frame(site_ping, fmt::format(R"({{"timestamp":{}}})", ping->timestamp_ms), out);
  return {};
}

// ---- from the agent

base::Status SiteTranslator::hear(const wire::FrameView& frame, wire::Output&) {
  if (frame.type == FrameType::agent_response) return on_decision(frame.payload);
  if (frame.type == site_pong) return on_pong();
  if (frame.type != FrameType::handshake_response)
    return fail(ErrorKind::invalid_message, fmt::format("an agent of the dialect site must not send type 0x{:02x} here",
                                                        static_cast<unsigned>(frame.type)));
  pass_on(frame.type, std::string{frame.payload});
  return {};
}

/// An agent that cannot read an event allows request 0, whichever it was; who waits must not wait for its time-out.
base::Status SiteTranslator::on_decision(std::string_view payload) {
  base::Arena arena;
  auto decision = read_site_decision(payload, arena);
  if (!decision) return fail(decision.error().kind(), decision.error().detail() + "; it said " + quoted(payload));
  if (decision->number == 0 || decision->number > last_number_)
    return fail(ErrorKind::invalid_message, fmt::format("an answer to request {}, which was not asked; it said {}",
                                                        decision->number, quoted(payload)));
  const auto found = ids_.find(decision->number);
  if (found == ids_.end()) return {};  // late: its exchange is over
  decision->response.correlation_id = found->second;
  pass_on(FrameType::agent_response, wire::to_json(decision->response));
  return {};
}

/// What a pong holds is the agent's own: they come in the order of the pings.
base::Status SiteTranslator::on_pong() {
  if (pings_.empty()) return fail(ErrorKind::invalid_message, "a pong without a ping");
  pass_on(FrameType::pong, std::move(pings_.front()));
  pings_.pop_front();
  return {};
}

// ---- how it begins

namespace {

AgentInfo info_of(const Value& answer) {
  const Text agent = member<Text>(answer, "agent_name").value_or(Text{});
  AgentInfo info{.agent_id = std::string{agent}, .name = std::string{agent}};
  info.events.clear();
  info.extended = true;  // what it declares is all that it takes
  info.limits.max_concurrency = 0;
  const Value* const said = answer.find("capabilities");
  if (said == nullptr) return info;
  using enum wire::EventKind;
  constexpr std::array<std::pair<Text, wire::EventKind>, 4> kinds{{{"handles_request_headers", request_headers},
                                                                   {"handles_request_body", request_body_chunk},
                                                                   {"handles_response_headers", response_headers},
                                                                   {"handles_response_body", response_body_chunk}}};
  for (const auto& [key, kind] : kinds)
    if (member<bool>(*said, key).value_or(false)) info.events.push_back(kind);
  info.features.streaming_body = member<bool>(*said, "supports_streaming").value_or(false);
  info.features.cancellation = member<bool>(*said, "supports_cancellation").value_or(false);
  if (const auto most = member<std::int64_t>(*said, "max_concurrent_requests"); most && *most > 0)
    info.limits.max_concurrency = static_cast<std::uint32_t>(std::min<std::int64_t>(*most, 1'000'000));
  return info;
}

/// Why the agent does not want to talk; Kotlin's says nothing where it does.
std::optional<std::string> refusal_in(const Value& answer, Text payload) {
  const auto error = member<Text>(answer, "error").value_or(Text{});
  if (!error.empty()) return printable(error);
  if (!member<bool>(answer, "accepted").value_or(true)) return "it gave no reason; it said " + quoted(payload);
  return std::nullopt;
}

}  // namespace

bool is_site_answer(std::string_view payload) {
  base::Arena arena;
  const auto answer = wire::parse_json(payload, arena);
  return answer && member<Text>(*answer, "agent_name") && answer->find("success") == nullptr;
}

base::Error site_speaker(const ProxyConfig& config, std::string_view payload) {
  if (config.config_json)
    return fail(ErrorKind::connection_failed, "the agent speaks the dialect site: " + unconfigurable);
  return fail(ErrorKind::invalid_message, "the agent speaks the dialect site; it said " + quoted(payload));
}

base::Status SiteOpening::begin(wire::Output& output, base::TimePoint now) {
  deadline_ = now + config_->handshake_timeout;
  if (config_->config_json) return fail(ErrorKind::connection_failed, unconfigurable);
  base::Arena arena;
  static constexpr std::array encodings{wire::Encoding::json};
  return wire::encode(json,
                      wire::HandshakeRequest{.supported_versions = versions,
                                             .proxy_id = config_->proxy_id,
                                             .proxy_version = config_->proxy_version,
                                             .supported_encodings = encodings,
                                             .events = numbers_of(config_->events, arena),
                                             .protocol_version = protocol_version,
                                             .client_name = config_->proxy_id},
                      output);
}

base::Status SiteOpening::take(const wire::FrameView& frame, wire::Output&, base::TimePoint) {
  base::Arena arena;
  const auto answer = wire::parse_json(frame.payload, arena);
  if (!answer || !is_site_answer(frame.payload)) {
    if (answer && answer->find("success") != nullptr) speaks_ = Dialect::v2;
    return fail(ErrorKind::invalid_message, fmt::format("its answer to the handshake is none of the dialect site; it "
                                                        "said {}",
                                                        quoted(frame.payload)));
  }
  if (const auto refusal = refusal_in(*answer, frame.payload))
    return fail(ErrorKind::connection_failed, "the agent refused the handshake: " + *refusal);
  if (const auto version = member<std::int64_t>(*answer, "protocol_version"); version != protocol_version)
    return fail(ErrorKind::version_mismatch, fmt::format("the agent chose protocol version {}, offered was {}",
                                                         version.value_or(0), protocol_version));
  agreed_.emplace(ProxyAgreement{
      .config = config_, .agent = info_of(*answer), .terms = {.format = json, .one_way_complete = true}, .early = {}});
  return {};
}

base::Error SiteOpening::overdue() const {
  return fail(ErrorKind::timeout, "the agent did not answer the handshake in time");
}

}  // namespace picket::session::dialects
