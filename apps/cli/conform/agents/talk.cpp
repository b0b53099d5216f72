#include "apps/cli/conform/agents/talk.hpp"

#include <algorithm>
#include <array>

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr std::array<base::Header, 4> plain_fields{base::Header{"host", "conform.test"},
                                                   base::Header{"user-agent", "picket-conform"},
                                                   base::Header{"accept", "*/*"}, base::Header{"x-empty", ""}};
constexpr std::string_view configure_id = "picket-conform-configure";
constexpr std::int32_t configure_of_rust = 8;

}  // namespace

Talk::Talk(Peer peer, std::string_view rule, wire::Encoding encoding, const Options& options)
    : peer_(std::move(peer)), rule_(rule), format_{.encoding = encoding}, options_(&options) {}

// ---- the beginning

void Talk::shake_hands(const wire::HandshakeRequest& request) {
  const wire::Encoding wanted = format_.encoding;
  const bool is_grpc = wanted == wire::Encoding::protobuf;
  // On a socket the handshake is JSON (protocol.md §3).
  const wire::Format first{.encoding = is_grpc ? wanted : wire::Encoding::json};
  peer_.say(first, request);
  hello_frame_.emplace(peer_.hear("answer to the handshake"));
  expect(hello_frame_->type == FrameType::handshake_response, "it answered the handshake with {}",
         name(hello_frame_->type));
  const auto answer = wire::decode<wire::HandshakeResponse>(first, hello_frame_->payload(), arena_);
  expect(answer.has_value(), "its answer to the handshake: {}", answer ? "" : answer.error().detail());
  hello_ = *answer;
  expect(hello_.success, "it refuses the handshake: {}", hello_.error.value_or("without a reason"));
  need(is_grpc || hello_.encoding.value_or(wire::Encoding::json) == wanted,
       "the agent does not choose this encoding, which is offered first");
  begin();
}

void Talk::welcome(Frame registration, wire::ReverseAnswer answer, wire::TextList extensions) {
  hello_frame_.emplace(std::move(registration));
  const auto read = wire::decode<wire::ReverseRegistration>({}, hello_frame_->payload(), arena_);
  expect(read.has_value(), "its registration: {}", read ? "" : read.error().detail());
  const bool is_json = format_.encoding == wire::Encoding::json;
  need(is_json || std::ranges::find(read->supported_encodings, format_.encoding) != read->supported_encodings.end(),
       "the agent does not offer this encoding");
  std::vector<wire::Text> taken;
  std::ranges::copy_if(extensions, std::back_inserter(taken), [&](wire::Text extension) {
    return std::ranges::find(read->extensions, extension) != read->extensions.end();
  });
  // Who names none of ours is answered as the reference does.
  if (!read->supported_encodings.empty() || !read->extensions.empty()) answer.encoding = format_.encoding;
  answer.extensions = taken;
  peer_.say(wire::Format{}, answer);
  hello_.capabilities = read->capabilities;
  hello_.extensions = arena_.copy(std::span<const wire::Text>{taken});
  begin();
}

void Talk::begin() {
  const auto takes_extension = [&](wire::Text extension) {
    return std::ranges::find(hello_.extensions, extension) != hello_.extensions.end();
  };
  format_.raw_bytes = takes_extension(wire::extension_raw_bytes);
  format_.event_reply = takes_extension(wire::extension_event_reply);
  if (options_->config) configure();
}

/// On a socket an answer accepts it, on gRPC the pong to what follows it (protocol.md §4, §9).
void Talk::configure() {
  const auto config = wire::parse_json(*options_->config, arena_);
  if (!config) throw Unreachable{"--config: " + config.error().detail()};
  say(wire::Configure{.config = *config, .config_version = {}, .correlation_id = configure_id, .is_initial = true});
  if (format_.encoding == wire::Encoding::protobuf) return (void)settle();
  const Answer accepted = answer_to(configure_id, "configure");
  expect(accepted.allows(), "it refuses the configuration of --config: {}", accepted.frame.payload());
}

bool Talk::takes(wire::EventKind kind) const {
  if (options_->undeclared) return true;
  const auto declared = hello_.capabilities.supported_events;
  if (declared.empty()) return kind == wire::EventKind::request_headers;
  const auto has = [&](std::int32_t number) { return std::ranges::find(declared, number) != declared.end(); };
  return has(static_cast<std::int32_t>(kind)) || (kind == wire::EventKind::configure && has(configure_of_rust));
}

void Talk::need_kind(wire::EventKind kind) const {
  static constexpr auto names = std::to_array<std::string_view>(
      {"configure", "request_headers", "request_body_chunk", "response_headers", "response_body_chunk",
       "request_complete", "websocket_frame", "guardrail_inspect"});
  static_assert(names.size() == static_cast<std::size_t>(wire::EventKind::guardrail_inspect) + 1);
  need(takes(kind), "the agent does not declare {}", names[static_cast<std::size_t>(kind)]);
}

// ---- what is sent

std::string_view Talk::mint() { return *ids_.insert(fmt::format("conform-{}-{:04}", rule_, ids_.size())).first; }

wire::RequestHeaders Talk::head(std::string_view id) {
  return {.metadata = {.correlation_id = id,
                       .request_id = id,
                       .client_ip = "192.0.2.1",
                       .client_port = 40000,
                       .server_name = {},
                       .protocol = "HTTP/1.1",
                       .tls_version = {},
                       .tls_cipher = {},
                       .route_id = {},
                       .upstream_id = {},
                       .timestamp = "2026-01-01T00:00:00Z",
                       .traceparent = {}},
          .method = "GET",
          .uri = "/conform",
          .headers = std::span<const base::Header>{plain_fields},
          .http_version = "1.1"};
}

wire::RequestBodyChunk Talk::chunk(std::string_view id, std::uint32_t index, std::string_view data, bool is_last) {
  return {.correlation_id = id,
          .data = base::as_bytes(data),
          .is_last = is_last,
          .total_size = {},
          .chunk_index = index,
          .bytes_received = (index + 1) * data.size()};
}

wire::RequestComplete Talk::complete(std::string_view id) {
  return {.correlation_id = id, .status = 200, .duration_ms = 1, .upstream_attempts = 1, .error = {}, .upstream = {}};
}

// ---- what is heard

bool Talk::is_answer(const Frame& frame) {
  if (frame.type == FrameType::agent_response) return true;
  if (frame.type == FrameType::ping) {
    peer_.say_frame(static_cast<std::uint8_t>(FrameType::pong), frame.payload());
  } else if (frame.type != FrameType::pong) {
    look_at(frame);
    unasked_.push_back(frame);
  }
  return false;
}

template <class Message>
void Talk::look_at_as(const Frame& frame) {
  base::Arena arena;
  const auto message = wire::decode<Message>(format_, frame.payload(), arena);
  expect(message.has_value(), "its {}: {}", name(frame.type), message ? "" : message.error().detail());
}

void Talk::look_at(const Frame& frame) {
  switch (frame.type) {
    case FrameType::health_status: return look_at_as<wire::HealthStatus>(frame);
    case FrameType::metrics_report: return look_at_as<wire::MetricsReport>(frame);
    case FrameType::config_update_request: return look_at_as<wire::ConfigUpdateRequest>(frame);
    case FrameType::flow_control: return look_at_as<wire::FlowControl>(frame);
    case FrameType::log: return look_at_as<wire::LogMessage>(frame);
    default: throw Violation{fmt::format("it sent {}, which agents do not send here", name(frame.type))};
  }
}

Answer Talk::read(Frame frame) const {
  Answer answer{.frame = std::move(frame), .arena = base::Arena{}, .response = {}};
  auto read = wire::decode<wire::AgentResponse>(format_, answer.frame.payload(), answer.arena);
  expect(read.has_value(), "its answer: {}", read ? "" : read.error().detail());
  answer.response = *read;
  return answer;
}

std::optional<Answer> Talk::answer_or_end(std::string_view wanted) {
  while (auto frame = peer_.hear_or_end(wanted))
    if (is_answer(*frame)) return read(std::move(*frame));
  return std::nullopt;
}

Answer Talk::answer(std::string_view wanted) {
  auto answer = answer_or_end(wanted);
  expect(answer.has_value(), "it closed the connection where {} was to come", wanted);
  return std::move(*answer);
}

Answer Talk::answer_to(std::string_view id, std::string_view event) {
  Answer got = answer(fmt::format("answer to {}", event));
  expect(got.id() == id, "its answer to {} names \"{}\" instead of \"{}\"", event, got.id(), id);
  return got;
}

std::vector<Answer> Talk::answers_to(std::multiset<std::string> ids) {
  std::vector<Answer> answers;
  while (!ids.empty()) {
    answers.push_back(answer(fmt::format("answer to {}, and {} more", *ids.begin(), ids.size() - 1)));
    const auto found = ids.find(std::string{answers.back().id()});
    expect(found != ids.end(), "an answer names \"{}\", for which no answer was to come", answers.back().id());
    ids.erase(found);
  }
  return answers;
}

std::vector<Answer> Talk::settle() {
  say(wire::Ping{.sequence = ++pings_, .timestamp_ms = 1});
  std::vector<Answer> answers;
  while (true) {
    Frame frame = peer_.hear("pong");
    if (frame.type == FrameType::pong) return answers;
    if (is_answer(frame)) answers.push_back(read(std::move(frame)));
  }
}

void Talk::expect_refused(std::string_view cause) {
  if (const auto answered = answer_or_end(fmt::format("end of the connection, after {},", cause)))
    throw Violation{fmt::format("it answers {} with {}", cause, answered->frame.payload())};
}

void Talk::expect_alive() { (void)ask(head(mint())); }

std::string_view Talk::begin_exchange() {
  const std::string_view id = mint();
  if (!takes(wire::EventKind::request_headers)) return id;
  const Answer answer = ask(head(id));
  need(answer.allows(), "the agent ends the exchange at its head");
  return id;
}

}  // namespace picket::apps::cli::conform::agents
