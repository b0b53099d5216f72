#include "apps/cli/conform/proxies/served.hpp"

#include <algorithm>
#include <array>

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr std::string_view capabilities_text =
    R"("capabilities":{{"agent_id":"{}","name":"picket-conform","version":"1","supported_events":[1,2,3,4,5],)"
    R"("features":{{"streaming_body":true,"websocket":false,"guardrails":false,"config_push":true,"metrics_export":true,)"
    R"("concurrent_requests":100,"cancellation":true,"flow_control":true,"health_reporting":true}},)"
    R"("limits":{{"max_body_size":10485760,"max_concurrency":100,"preferred_chunk_size":65536}}}},)";
constexpr std::array<std::int32_t, 5> events{1, 2, 3, 4, 5};

template <class Message>
std::string id_of(const Frame& frame, const wire::Format& format) {
  base::Arena arena;
  const Heard heard{.frame = frame, .format = format, .id = {}};
  const auto message = heard.as<Message>(arena);
  return std::string{wire::correlation_id_of(message)};
}

}  // namespace

std::string exchange_of(const Frame& frame, const wire::Format& format) {
  switch (frame.type) {
    case FrameType::request_headers: return id_of<wire::RequestHeaders>(frame, format);
    case FrameType::request_body_chunk: return id_of<wire::RequestBodyChunk>(frame, format);
    case FrameType::response_headers: return id_of<wire::ResponseHeaders>(frame, format);
    case FrameType::response_body_chunk: return id_of<wire::ResponseBodyChunk>(frame, format);
    case FrameType::request_complete: return id_of<wire::RequestComplete>(frame, format);
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
          .supported_events = events,
          .features = {.streaming_body = true, .concurrent_requests = 100, .cancellation = true},
          .health_config = {}};
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
  format_.event_reply = std::ranges::find(extensions, wire::extension_event_reply) != extensions.end();
  format_.raw_bytes = std::ranges::find(extensions, wire::extension_raw_bytes) != extensions.end();
  is_open_ = true;
}

void Served::refuse(std::uint32_t version, bool success) {
  wire::HandshakeResponse answer{.protocol_version = version, .capabilities = capabilities(), .success = success};
  if (!success) answer.error = "no";
  say(answer);
}

std::string Served::text_of(const Welcome& text) const {
  return fmt::format(R"({{{}{}{}"protocol_version":{},"success":{},"error":{}}})", text.more, text.encoding,
                     text.has_capabilities ? fmt::format(capabilities_text, agent_id_) : "", text.version, text.success,
                     text.error);
}

std::string Served::text_of(const Registration& registration) const {
  const std::string token = registration.token ? fmt::format(R"("auth_token":"{}",)", *registration.token) : "";
  return fmt::format(R"({{{}{}"protocol_version":{},"agent_id":"{}"{}{}}})",
                     registration.has_capabilities ? fmt::format(capabilities_text, agent_id_) : "", token,
                     registration.version, registration.agent_id, registration.encodings, registration.more);
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
  say(response);
}

}  // namespace picket::apps::cli::conform::proxies
