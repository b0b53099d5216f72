#pragma once

#include <memory>
#include <optional>
#include <string>

#include "picket/session/configuring.hpp"
#include "picket/session/opening.hpp"

namespace picket::session {

/// What a handshake is written in: JSON on every socket, protobuf where everything is.
inline constexpr wire::Format socket_handshake{};
inline constexpr wire::Format grpc_handshake{.encoding = wire::Encoding::protobuf};

/// The proxy dialled: it says who it is and what it offers, and the agent answers. Its configuration follows
/// (protocol.md §3, §4, §9).
///
/// Thread safety, lifetime: Opening's. Errors of take(): version_mismatch; connection_failed, where the agent refuses
/// the handshake or its configuration; invalid_message, where it answers what it was not asked, or chooses what was not
/// offered. Units: the deadline is the configuration's handshake_timeout, and then its configure_timeout.
///
///   auto opening = std::make_unique<session::ProxyHandshake>(config);  // all connections of an agent share `config`
///   session::Conversation<session::ProxySession> conversation{std::move(opening), worker.now(), output};
class ProxyHandshake final : public ProxyOpening {
 public:
  explicit ProxyHandshake(std::shared_ptr<const ProxyConfig> config, const wire::Format& format = socket_handshake)
      : config_(std::move(config)), format_(format) {}

  /// Errors are the configuration's: an unreadable config_json.
  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const ProxyAgreement* agreement() const noexcept override;
  [[nodiscard]] base::TimePoint deadline() const noexcept override;
  [[nodiscard]] base::Error overdue() const override;
  [[nodiscard]] base::Error interrupted(base::Error reason) const override;
  [[nodiscard]] base::Error misunderstood(base::Error error, std::string_view bytes) const override;
  [[nodiscard]] std::optional<std::string> refusal() const override;
  [[nodiscard]] std::optional<Dialect> speaks() const override { return speaks_; }

 private:
  // Errors as those of take(): the agent's own words are quoted in them, as far as they may stand in a log.
  [[nodiscard]] base::Result<ProxyAgreement> read_answer(std::string_view payload) const;
  [[nodiscard]] base::Result<wire::Encoding> chosen(const wire::HandshakeResponse& answer) const;

  std::shared_ptr<const ProxyConfig> config_;
  wire::Format format_;
  base::TimePoint deadline_{};
  std::optional<Configuring> configuring_;  // once the handshake is answered
  std::optional<Dialect> speaks_;           // once it is answered in another dialect
};

/// The proxy dialled: the agent hears what it offers and answers, also where it refuses (protocol.md §3). Its
/// configuration is an event of the session.
///
/// Thread safety, lifetime: Opening's. Errors of take(): version_mismatch and invalid_message, of which the proxy is
/// told. Units: the deadline is the configuration's handshake_timeout after the connection stood.
///
/// What the proxy prefers is taken, as far as this agent speaks it; where they have no encoding in common it is JSON.
class AgentHandshake final : public AgentOpening {
 public:
  explicit AgentHandshake(std::shared_ptr<const AgentConfig> config, const wire::Format& format = socket_handshake)
      : config_(std::move(config)), format_(format) {}

  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const AgentAgreement* agreement() const noexcept override { return agreed_ ? &*agreed_ : nullptr; }
  [[nodiscard]] base::TimePoint deadline() const noexcept override { return deadline_; }
  [[nodiscard]] base::Error overdue() const override;

 private:
  [[nodiscard]] base::Status answer(const wire::FrameView& frame, wire::Output& output);

  std::shared_ptr<const AgentConfig> config_;
  wire::Format format_;
  base::TimePoint deadline_{};
  std::optional<AgentAgreement> agreed_;
};

}  // namespace picket::session
