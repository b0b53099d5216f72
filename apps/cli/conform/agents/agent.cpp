#include "apps/cli/conform/agents/agent.hpp"

#include <algorithm>
#include <array>

#include "apps/cli/conform/frame_pipe.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

constexpr std::array<std::uint32_t, 1> versions{2};
constexpr std::array<std::uint32_t, 2> grpc_versions{2, 1};
constexpr std::array<std::int32_t, 7> all_events{1, 2, 3, 4, 5, 6, 7};

}  // namespace

void Agent::begin(std::string_view rule, wire::Encoding encoding) {
  rule_ = rule;
  proxy_id_ = fmt::format("picket-conform/{}", rule);
  encoding_ = encoding;
  reach_->tend();
}

Peer Agent::connect() {
  if (is_grpc()) return Peer{std::make_unique<GrpcPipe>(reach_->next()), options_.patience};
  return Peer{std::make_unique<FramePipe>(reach_->next()), options_.patience};
}

std::unique_ptr<GrpcPipe> Agent::call(std::string_view path) {
  return std::make_unique<GrpcPipe>(reach_->next(), path);
}

wire::HandshakeRequest Agent::grpc_hello() const {
  wire::HandshakeRequest request;
  request.supported_versions = grpc_versions;
  request.proxy_id = proxy_id_;
  request.proxy_version = "1";
  return request;
}

Registered Agent::registered() {
  Peer peer = connect();
  Frame frame = peer.hear("registration");
  expect(frame.type == wire::FrameType::handshake_request, "it says {} in place of its registration", name(frame.type));
  return {.peer = std::move(peer), .registration = Document{std::move(frame)}};
}

Document Agent::introduction() {
  if (!dials_us()) return shake_hands();
  Registered agent = registered();
  agent.peer.say_frame(static_cast<std::uint8_t>(wire::FrameType::handshake_response), welcome_text(Welcome{}));
  return std::move(agent.registration);
}

Talk Agent::take_registration(std::initializer_list<wire::Text> extensions) {
  Registered agent = registered();
  base::Arena arena;
  wire::ReverseAnswer answer{.success = true,
                             .error = {},
                             .proxy_id = proxy_id_,
                             .proxy_version = "1",
                             .connection_id = rule_,
                             .encoding = {},
                             .config = {},
                             .connections_wanted = connections_wanted};
  if (extensions.size() != 0) answer.events = all_events;
  if (options_.config) {
    const auto config = wire::parse_json(*options_.config, arena);
    if (!config) throw Unreachable{"--config: " + config.error().detail()};
    answer.config = *config;
  }
  Talk talk{std::move(agent.peer), rule_, encoding_, options_};
  talk.welcome(agent.registration.frame, answer, extensions);
  return talk;
}

Talk Agent::open(std::initializer_list<wire::Text> extensions) {
  if (dials_us()) return take_registration(extensions);
  const std::array offered{encoding_, wire::Encoding::json};
  const bool is_json = encoding_ == wire::Encoding::json;
  base::Arena arena;
  wire::HandshakeRequest request{
      .supported_versions = is_grpc() ? std::span<const std::uint32_t>{grpc_versions} : versions,
      .proxy_id = proxy_id_,
      .proxy_version = "1",
      .supported_encodings = std::span{offered}.first(is_json ? 1 : 2),
      .extensions = extensions};
  if (is_grpc()) request.supported_encodings = {};
  if (extensions.size() != 0) request.events = all_events;
  if (options_.config) {
    const auto config = wire::parse_json(*options_.config, arena);
    if (!config) throw Unreachable{"--config: " + config.error().detail()};
    request.config = *config;
  }
  Talk talk{connect(), rule_, encoding_, options_};
  talk.shake_hands(request);
  return talk;
}

Talk Agent::open_with(std::initializer_list<wire::Text> extensions) {
  Talk talk = open(extensions);
  for (const wire::Text extension : extensions)
    need(std::ranges::find(talk.hello().extensions, extension) != talk.hello().extensions.end(),
         "the agent does not take the extension {}", extension);
  return talk;
}

std::string Agent::text(const Hello& hello) const {
  return fmt::format(R"({{{}{}"supported_versions":{},"proxy_id":"{}","proxy_version":"1","config":{}}})", hello.more,
                     hello.encodings, hello.versions, proxy_id_, hello.config);
}

std::string Agent::handshake_frame() const {
  const std::string config = options_.config.value_or("null");
  return socket_frame(static_cast<std::uint8_t>(wire::FrameType::handshake_request), text({.config = config}));
}

Document Agent::shake_hands(const Hello& hello) {
  Peer peer = connect();
  Hello configured = hello;
  if (options_.config) configured.config = *options_.config;
  peer.say_frame(static_cast<std::uint8_t>(wire::FrameType::handshake_request), text(configured));
  Frame frame = peer.hear("an answer to the handshake");
  expect(frame.type == wire::FrameType::handshake_response, "it answered the handshake with {}", name(frame.type));
  return Document{std::move(frame)};
}

void Agent::expect_alive(std::string_view cause) {
  try {
    open().expect_alive();
  } catch (const Violation& violation) {
    throw Violation{fmt::format("after {}: {}", cause, violation.what())};
  }
}

}  // namespace picket::apps::cli::conform::agents
