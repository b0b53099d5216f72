#include "apps/cli/conform/proxies/served.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/ranges.h>

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

template <class Message>
std::string id_of(const Frame& frame, const wire::Format& format) {
  base::Arena arena;
  const Heard heard{.frame = frame, .format = format, .id = {}};
  const auto message = heard.as<Message>(arena);
  return std::string{wire::correlation_id_of(message)};
}

/// The texts of a list in a JSON handshake, or in its answer.
std::vector<std::string_view> texts_in(const Document& hello, std::string_view name) {
  const wire::Value* const found = hello.find(name);
  const auto* const list = found == nullptr ? nullptr : found->get<wire::Value::List>();
  std::vector<std::string_view> texts;
  for (const wire::Value& each : list == nullptr ? wire::Value::List{} : *list)
    if (const auto* const text = each.get<std::string_view>()) texts.push_back(*text);
  return texts;
}

template <class Chunk>
std::uint64_t index_of(const Heard& heard, base::Arena& arena) {
  return heard.as<Chunk>(arena).chunk_index;
}

/// Where a text stands among those of its exchange and direction.
std::uint64_t text_index(const Heard& heard, base::Arena& arena) {
  std::uint64_t index = 0;
  for (const auto& [name, value] : heard.as<wire::GuardrailInspect>(arena).metadata)
    if (name == "index") (void)std::from_chars(value.data(), value.data() + value.size(), index);
  return index;
}

/// Which event an answer with event-reply names.
wire::ReplyTo reply_to(const Heard& heard) {
  base::Arena arena;
  wire::ReplyTo event{.type = heard.frame.type, .client_to_server = {}, .index = {}};
  switch (heard.frame.type) {
    case FrameType::request_body_chunk: event.index = index_of<wire::RequestBodyChunk>(heard, arena); break;
    case FrameType::response_body_chunk: event.index = index_of<wire::ResponseBodyChunk>(heard, arena); break;
    case FrameType::guardrail_inspect: event.index = text_index(heard, arena); break;
    case FrameType::websocket_frame: {
      const auto frame = heard.as<wire::WebSocketFrame>(arena);
      event.index = frame.frame_index;
      event.client_to_server = frame.client_to_server;
      break;
    }
    default: break;
  }
  return event;
}

}  // namespace

std::string exchange_of(const Frame& frame, const wire::Format& format) {
  switch (frame.type) {
    case FrameType::request_headers: return id_of<wire::RequestHeaders>(frame, format);
    case FrameType::request_body_chunk: return id_of<wire::RequestBodyChunk>(frame, format);
    case FrameType::response_headers: return id_of<wire::ResponseHeaders>(frame, format);
    case FrameType::response_body_chunk: return id_of<wire::ResponseBodyChunk>(frame, format);
    case FrameType::request_complete: return id_of<wire::RequestComplete>(frame, format);
    case FrameType::websocket_frame: return id_of<wire::WebSocketFrame>(frame, format);
    case FrameType::guardrail_inspect: return id_of<wire::GuardrailInspect>(frame, format);
    case FrameType::configure: return id_of<wire::Configure>(frame, format);
    case FrameType::cancel: return id_of<wire::Cancel>(frame, format);
    default: return {};
  }
}

std::optional<Frame> Served::poll() {
  if (has_ended_) return std::nullopt;
  conform::Heard heard = pipe_->hear(base::TimePoint{});
  if (auto* const frame = std::get_if<Frame>(&heard)) return std::move(*frame);
  has_ended_ = std::holds_alternative<Ended>(heard);
  return std::nullopt;
}

void Served::write(std::string_view bytes) {
  if (!has_ended_) (void)pipe_->write(bytes, base::Clock::now() + patience_).has_value();
}

wire::Capabilities Served::capabilities() const {
  return {.agent_id = agent_id_,
          .name = "picket-conform",
          .version = "1",
          .supported_events = declared_.events,
          .features = {.streaming_body = true, .concurrent_requests = 100, .cancellation = true},
          .limits = declared_.limits,
          .health_config = {}};
}

/// As members of the answer to a handshake, or of a registration.
std::string Served::capabilities_text() const {
  return fmt::format(
      R"("capabilities":{{"agent_id":"{}","name":"picket-conform","version":"1","supported_events":[{}],)"
      R"("features":{{"streaming_body":true,"websocket":false,"guardrails":false,"config_push":true,)"
      R"("metrics_export":true,"concurrent_requests":100,"cancellation":true,"flow_control":true,)"
      R"("health_reporting":true}},"limits":{{"max_body_size":{},"max_concurrency":{},"preferred_chunk_size":{}}}}},)",
      agent_id_, fmt::join(declared_.events, ","), declared_.limits.max_body_size, declared_.limits.max_concurrency,
      declared_.limits.preferred_chunk_size);
}

std::vector<std::string_view> Served::offered(const std::vector<std::string_view>& wanted) const {
  base::Arena arena;
  std::vector<std::string_view> offers;
  if (hello_) {
    offers = texts_in(*hello_, "extensions");
  } else if (const auto hello = wire::decode<wire::HandshakeRequest>(format_, first().payload(), arena)) {
    offers.assign(hello->extensions.begin(), hello->extensions.end());
  }
  std::vector<std::string_view> both;
  for (const std::string_view each : wanted)
    if (std::ranges::find(offers, each) != offers.end()) both.push_back(each);
  return both;
}

bool Served::takes(std::string_view extension) const noexcept {
  return std::ranges::find(extensions_, extension) != extensions_.end();
}

void Served::agree(std::string_view extension) {
  extensions_.emplace_back(extension);
  format_.event_reply = format_.event_reply || extension == wire::extension_event_reply;
  format_.raw_bytes = format_.raw_bytes || extension == wire::extension_raw_bytes;
}

void Served::greet(Frame first) {
  if (format_.encoding == wire::Encoding::json) hello_.emplace(first);
  first_.emplace(std::move(first));
}

ServedCall& Served::call() {
  auto* const call = dynamic_cast<ServedCall*>(pipe_.get());
  need(call != nullptr, "it does not come on gRPC");
  return *call;
}

void Served::answer_ping(const Heard& heard) {
  base::Arena arena;
  const auto ping = heard.as<wire::Ping>(arena);
  say(wire::Pong{.sequence = ping.sequence, .timestamp_ms = ping.timestamp_ms});
}

void Served::welcome(wire::Encoding encoding, wire::TextList extensions) {
  const wire::HandshakeResponse answer{.protocol_version = 2,
                                       .capabilities = capabilities(),
                                       .success = true,
                                       .error = {},
                                       .encoding = encoding,
                                       .extensions = extensions};
  say(answer);
  format_.encoding = encoding;
  for (const std::string_view extension : extensions) agree(extension);
  is_open_ = true;
}

void Served::refuse(std::uint32_t version, bool success) {
  wire::HandshakeResponse answer{.protocol_version = version, .capabilities = capabilities(), .success = success};
  if (!success) answer.error = "no";
  say(answer);
}

std::string Served::text_of(const Welcome& text) const {
  return fmt::format(R"({{{}{}{}"protocol_version":{},"success":{},"error":{}}})", text.more, text.encoding,
                     text.has_capabilities ? capabilities_text() : "", text.version, text.success, text.error);
}

std::string Served::text_of(const Registration& registration) const {
  const std::string token = registration.token ? fmt::format(R"("auth_token":"{}",)", *registration.token) : "";
  return fmt::format(R"({{{}{}"protocol_version":{},"agent_id":"{}"{}{}}})",
                     registration.has_capabilities ? capabilities_text() : "", token, registration.version,
                     registration.agent_id, registration.encodings, registration.more);
}

std::string Served::begin_as_agreed() {
  const auto text = [this](std::string_view name) {
    const wire::Value* const found = hello_->find(name);
    const auto* const value = found == nullptr ? nullptr : found->get<std::string_view>();
    return value == nullptr ? std::string_view{} : *value;
  };
  const wire::Value* const success = hello_->find("success");
  const bool* const succeeds = success == nullptr ? nullptr : success->get<bool>();
  if (succeeds == nullptr || !*succeeds) return text("error").empty() ? "without a reason" : std::string{text("error")};
  if (text("encoding") == "msgpack") format_.encoding = wire::Encoding::msgpack;
  for (const std::string_view extension : texts_in(*hello_, "extensions")) agree(extension);
  is_open_ = true;
  return {};
}

void Served::welcome(const Welcome& text) {
  say_frame(FrameType::handshake_response, text_of(text));
  is_open_ = true;
}

void Served::answer(const Heard& event, wire::Decision decision) {
  answer(event, wire::AgentResponse{.decision = decision});
}

void Served::answer(const Heard& event, wire::AgentResponse response) {
  response.correlation_id = event.id;
  if (format_.event_reply) response.reply_to = reply_to(event);
  say(response);
}

}  // namespace picket::apps::cli::conform::proxies
