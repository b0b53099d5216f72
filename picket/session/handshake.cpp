#include "picket/session/handshake.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "picket/session/dialects/site.hpp"
#include "picket/session/quote.hpp"
#include "picket/session/terms.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr std::array<std::uint32_t, 1> versions{protocol_version};
constexpr std::array<std::uint32_t, 2> grpc_versions{protocol_version, 1};  // as gRPC's peers expect it

bool is_grpc(const wire::Format& format) noexcept { return format.encoding == wire::Encoding::protobuf; }

// The libraries of gRPC end a stream over a message that is larger, with all that is under way on it, unless they were
// told otherwise (protocol.md §9). Who speaks our extensions takes what sockets carry.
constexpr std::size_t usual_grpc_message = std::size_t{4} * 1024 * 1024;

}  // namespace

// ---- the proxy's end

base::Status ProxyHandshake::begin(wire::Output& output, base::TimePoint now) {
  deadline_ = now + config_->handshake_timeout;
  base::Arena arena;
  wire::HandshakeRequest request{
      .supported_versions = is_grpc(format_) ? std::span<const std::uint32_t>(grpc_versions) : versions,
      .proxy_id = config_->proxy_id,
      .proxy_version = config_->proxy_version,
      .supported_encodings = config_->encodings};
  if (config_->extensions) {
    request.extensions = extensions_of(format_.encoding);
    request.events = numbers_of(config_->events, arena);
    request.protocol_version = protocol_version;
    request.client_name = config_->proxy_id;
  }
  if (config_->config_json) {
    const auto parsed = wire::parse_json(*config_->config_json, arena);
    if (!parsed) return fail(parsed.error().kind(), "the agent's configuration: " + parsed.error().detail());
    request.config = *parsed;
  }
  return wire::encode(format_, request, output);
}

base::Status ProxyHandshake::take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) {
  if (configuring_) return configuring_->take(frame, output);
  if (frame.type != FrameType::handshake_response)
    return fail(ErrorKind::invalid_message, fmt::format("expected handshake_response first, got {}; it said {}",
                                                        name(frame.type), quoted(frame.payload)));
  auto agreed = read_answer(frame.payload);
  if (!agreed && !is_grpc(format_) && dialects::is_site_answer(frame.payload)) {
    if (!config_->config_json) speaks_ = Dialect::site;
    return dialects::site_speaker(*config_, frame.payload);
  }
  if (!agreed) return std::move(agreed.error());
  return configuring_.emplace(std::move(*agreed)).begin(output, now);
}

base::Result<ProxyAgreement> ProxyHandshake::read_answer(std::string_view payload) const {
  base::Arena arena;
  const auto answer = wire::decode<wire::HandshakeResponse>(format_, payload, arena);
  if (!answer)
    return fail(answer.error().kind(),
                fmt::format("its answer to the handshake: {}; it said {}", answer.error().detail(), quoted(payload)));
  if (!answer->success)
    return fail(
        ErrorKind::connection_failed,
        fmt::format("the agent refused the handshake: {}",
                    answer->error ? printable(*answer->error) : "it gave no reason; it said " + quoted(payload)));
  if (answer->protocol_version != protocol_version)
    return fail(ErrorKind::version_mismatch, fmt::format("the agent chose protocol version {}, offered was {}",
                                                         answer->protocol_version, protocol_version));
  const auto encoding = chosen(*answer);
  if (!encoding) return encoding.error();
  const auto extensions = choose_extensions(answer->extensions, config_->extensions);
  ProxyAgreement agreed{
      .config = config_, .agent = agent_info(answer->capabilities), .terms = terms(*encoding, extensions), .early = {}};
  agreed.agent.extended = !extensions.empty();
  if (is_grpc(format_) && extensions.empty()) agreed.agent.largest_event = usual_grpc_message;
  return agreed;
}

base::Result<wire::Encoding> ProxyHandshake::chosen(const wire::HandshakeResponse& answer) const {
  if (is_grpc(format_)) return wire::Encoding::protobuf;
  const auto encoding = answer.encoding.value_or(wire::Encoding::json);
  if (encoding != wire::Encoding::json && std::ranges::find(config_->encodings, encoding) == config_->encodings.end())
    return fail(ErrorKind::invalid_message, "the agent chose an encoding that was not offered");
  return encoding;
}

const ProxyAgreement* ProxyHandshake::agreement() const noexcept {
  return configuring_ && configuring_->is_over() ? &configuring_->agreement() : nullptr;
}

base::TimePoint ProxyHandshake::deadline() const noexcept {
  return configuring_ ? configuring_->deadline() : deadline_;
}

base::Error ProxyHandshake::overdue() const {
  return configuring_ ? configuring_->overdue()
                      : fail(ErrorKind::timeout, "the agent did not answer the handshake in time");
}

base::Error ProxyHandshake::interrupted(base::Error reason) const {
  if (configuring_) return configuring_->interrupted(reason);
  if (reason.kind() != ErrorKind::connection_closed) return reason;
  return fail(reason.kind(), fmt::format("{} before it had answered the handshake{}", reason.detail(),
                                         is_grpc(format_) ? ": is gRPC spoken there?" : ""));
}

base::Error ProxyHandshake::misunderstood(base::Error error, std::string_view bytes) const {
  if (configuring_) return error;
  return fail(error.kind(), fmt::format("{}; it said {}", error.detail(), quoted(bytes)));
}

std::optional<std::string> ProxyHandshake::refusal() const {
  return configuring_ ? configuring_->refusal() : std::nullopt;
}

// ---- the agent's end

base::Status AgentHandshake::begin(wire::Output&, base::TimePoint now) {
  deadline_ = now + config_->handshake_timeout;
  return {};
}

base::Status AgentHandshake::take(const wire::FrameView& frame, wire::Output& output, base::TimePoint) {
  auto status = answer(frame, output);
  // Why it failed, in a form that every peer can decode: full, empty capabilities and version 0.
  if (!status) (void)wire::encode(format_, wire::HandshakeResponse{.error = status.error().detail()}, output);
  return status;
}

base::Status AgentHandshake::answer(const wire::FrameView& frame, wire::Output& output) {
  if (frame.type != FrameType::handshake_request)
    return fail(ErrorKind::invalid_message, fmt::format("expected handshake_request first, got {}", name(frame.type)));
  base::Arena arena;
  auto request = wire::decode<wire::HandshakeRequest>(format_, frame.payload, arena);
  if (!request) return std::move(request.error());
  if (std::ranges::find(request->supported_versions, protocol_version) == request->supported_versions.end())
    return fail(ErrorKind::version_mismatch,
                fmt::format("no common protocol version: this agent speaks {}", protocol_version));

  const auto encoding =
      is_grpc(format_) ? wire::Encoding::protobuf : choose(request->supported_encodings, config_->encodings);
  const auto extensions = choose_extensions(request->extensions, config_->extensions);
  PICKET_TRY(wire::encode(format_,
                          wire::HandshakeResponse{.protocol_version = protocol_version,
                                                  .capabilities = capabilities(config_->info, arena),
                                                  .success = true,
                                                  .encoding = encoding,
                                                  .extensions = extensions},
                          output));
  agreed_.emplace(AgentAgreement{
      .config = config_, .terms = terms(encoding, extensions), .announced_events = kinds_of(request->events)});
  return {};
}

base::Error AgentHandshake::overdue() const {
  return fail(ErrorKind::timeout, "the proxy did not send its handshake in time");
}

}  // namespace picket::session
