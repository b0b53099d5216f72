#include "picket/session/registration.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "picket/session/quote.hpp"
#include "picket/session/terms.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr wire::Format registration_format{};  // JSON, before anything was agreed

}  // namespace

// ---- the proxy's end

base::Result<wire::ReverseRegistration> read_registration(const wire::FrameView& frame, base::Arena& arena) {
  if (frame.type != FrameType::handshake_request)
    return fail(ErrorKind::invalid_message, fmt::format("expected a registration first, got {}", name(frame.type)));
  auto registration = wire::decode<wire::ReverseRegistration>(registration_format, frame.payload, arena);
  if (!registration) return fail(registration.error().kind(), "the registration: " + registration.error().detail());
  if (registration->protocol_version != protocol_version)
    return fail(ErrorKind::version_mismatch, fmt::format("no common protocol version: this proxy speaks {}, not {}",
                                                         protocol_version, registration->protocol_version));
  const std::size_t id_size = registration->agent_id.size();
  if (id_size == 0 || id_size > base::limits::max_correlation_id)
    return fail(ErrorKind::invalid_message,
                fmt::format("an agent id of {} bytes; 1 to {} are allowed", id_size, base::limits::max_correlation_id));
  return registration;
}

void refuse_registration(const RegistrationConfig& config, const base::Error& reason, wire::Output& output) {
  const wire::ReverseAnswer refusal{
      .error = reason.detail(), .proxy_id = config.proxy_id, .proxy_version = config.proxy_version};
  (void)wire::encode(registration_format, refusal, output);
}

base::Status ProxyRegistration::begin(wire::Output&, base::TimePoint now) {
  deadline_ = now + config_.timeout;
  return {};
}

base::Status ProxyRegistration::take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) {
  if (configuring_) return configuring_->take(frame, output);
  auto agreed = answer(frame, output);
  if (agreed) return configuring_.emplace(std::move(*agreed)).begin(output, now);
  refuse_registration(config_, agreed.error(), output);
  return std::move(agreed.error());
}

base::Result<ProxyAgreement> ProxyRegistration::answer(const wire::FrameView& frame, wire::Output& output) const {
  base::Arena arena;
  const auto registration = read_registration(frame, arena);
  if (!registration) return registration.error();
  return accept(*registration, output);
}

base::Result<ProxyAgreement> ProxyRegistration::accept(const wire::ReverseRegistration& registration,
                                                       wire::Output& output) const {
  AgentInfo info = agent_info(registration.capabilities);
  const auto admission = admit_({.agent_id = registration.agent_id, .token = registration.auth_token, .info = info});
  if (!admission) return admission.error();
  const ProxyConfig& config = *admission->config;
  const auto encoding = choose(registration.supported_encodings, config.encodings);
  const auto extensions = choose_extensions(registration.extensions, config.extensions);
  info.extended = !extensions.empty();

  base::Arena arena;
  wire::ReverseAnswer answer{.success = true,
                             .proxy_id = config_.proxy_id,
                             .proxy_version = config_.proxy_version,
                             .connection_id = admission->connection_id};
  if (!registration.supported_encodings.empty() || !registration.extensions.empty()) {
    answer.encoding = encoding;
    answer.extensions = extensions;
    answer.events = numbers_of(config.events, arena);
    answer.connections_wanted = admission->connections_wanted;
    if (config.config_json) {
      const auto parsed = wire::parse_json(*config.config_json, arena);
      if (!parsed) return fail(parsed.error().kind(), "the agent's configuration: " + parsed.error().detail());
      answer.config = *parsed;
    }
  }
  PICKET_TRY(wire::encode(registration_format, answer, output));
  return ProxyAgreement{
      .config = admission->config, .agent = std::move(info), .terms = terms(encoding, extensions), .early = {}};
}

const ProxyAgreement* ProxyRegistration::agreement() const noexcept {
  return configuring_ && configuring_->is_over() ? &configuring_->agreement() : nullptr;
}

base::TimePoint ProxyRegistration::deadline() const noexcept {
  return configuring_ ? configuring_->deadline() : deadline_;
}

base::Error ProxyRegistration::overdue() const {
  return configuring_ ? configuring_->overdue() : fail(ErrorKind::timeout, "the agent did not register in time");
}

base::Error ProxyRegistration::interrupted(base::Error reason) const {
  return configuring_ ? configuring_->interrupted(reason) : reason;
}

std::optional<std::string> ProxyRegistration::refusal() const {
  return configuring_ ? configuring_->refusal() : std::nullopt;
}

// ---- the agent's end

base::Status AgentRegistration::begin(wire::Output& output, base::TimePoint now) {
  deadline_ = now + config_->handshake_timeout;
  base::Arena arena;
  wire::ReverseRegistration registration{.protocol_version = protocol_version,
                                         .agent_id = application_.agent_id,
                                         .capabilities = capabilities(config_->info, arena),
                                         .auth_token = application_.token,
                                         .supported_encodings = config_->encodings};
  if (config_->extensions) registration.extensions = all_extensions;
  return wire::encode(registration_format, registration, output);
}

base::Status AgentRegistration::take(const wire::FrameView& frame, wire::Output&, base::TimePoint) {
  if (frame.type != FrameType::handshake_response)
    return fail(ErrorKind::invalid_message,
                fmt::format("expected the answer to the registration first, got {}; it said {}", name(frame.type),
                            quoted(frame.payload)));
  base::Arena arena;
  const auto answer = wire::decode<wire::ReverseAnswer>(registration_format, frame.payload, arena);
  if (!answer)
    return fail(answer.error().kind(), fmt::format("the proxy's answer to the registration: {}; it said {}",
                                                   answer.error().detail(), quoted(frame.payload)));
  if (!answer->success)
    return fail(
        ErrorKind::connection_failed,
        fmt::format("the proxy refused the registration: {}",
                    answer->error ? printable(*answer->error) : "it gave no reason; it said " + quoted(frame.payload)));
  const auto encoding = answer->encoding.value_or(wire::Encoding::json);
  if (encoding != wire::Encoding::json && std::ranges::find(config_->encodings, encoding) == config_->encodings.end())
    return fail(ErrorKind::invalid_message, "the proxy chose an encoding that was not offered");
  agreed_.emplace(AgentAgreement{.config = config_,
                                 .terms = terms(encoding, choose_extensions(answer->extensions, config_->extensions)),
                                 .announced_events = kinds_of(answer->events),
                                 .connections_wanted = answer->connections_wanted});
  return {};
}

base::Error AgentRegistration::overdue() const {
  return fail(ErrorKind::timeout, "the proxy did not answer the registration in time");
}

}  // namespace picket::session
