#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/session/configuring.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/messages.hpp"

namespace picket::session {

/// An agent that dialled the proxy, as it names itself. Lifetime: the call that it is handed to. The token is a secret:
/// compare it in constant time, and write it nowhere.
struct Applicant {
  std::string_view agent_id;
  std::optional<std::string_view> token;
  const AgentInfo& info;
};

/// What the proxy makes of it.
struct Admission {
  std::shared_ptr<const ProxyConfig> config;  ///< How connections of that agent behave.
  std::string connection_id;                  ///< For both ends' logs.
  std::uint32_t connections_wanted = 1;       ///< In all, from that agent.
};

/// Decides on an agent that dialled: whether it is expected, its token right, a place for it free. The detail of an
/// error is told to the agent. Called on the connection's thread, from within its reading: it must not wait. Errors:
/// any; their detail should not tell a stranger which part was wrong.
using Admit = std::function<base::Result<Admission>(const Applicant&)>;

/// What the proxy says of itself to agents that dial it.
struct RegistrationConfig {
  std::string proxy_id = "picket";
  std::string proxy_version;
  base::Duration timeout = std::chrono::seconds{10};  ///< For the agent's first word.
};

/// An agent's first word, as far as it can be judged by itself: its views live as long as frame and arena. The detail
/// of an error is for the agent to hear. Errors: invalid_message, version_mismatch. Its token and its right to the id
/// are not looked at.
[[nodiscard]] base::Result<wire::ReverseRegistration> read_registration(const wire::FrameView& frame,
                                                                        base::Arena& arena);
/// Writes the answer that tells an agent why it may not stay.
void refuse_registration(const RegistrationConfig& config, const base::Error& reason, wire::Output& output);

/// The agent dialled: it says who it is, and the proxy answers whether it may stay (protocol.md §8). From an agent that
/// names encodings and extensions the first encoding that is spoken here is taken, and all of our extensions; to one
/// that names none the proxy answers as one of the reference, and speaks JSON. The agent's configuration follows, as
/// after a handshake.
///
/// Thread safety, lifetime: Opening's; `admit` is called from within take(), once. Errors of take(): invalid_message,
/// version_mismatch, or what `admit` says, of which the agent is told; then as ProxyHandshake's. Units: the deadline is
/// RegistrationConfig::timeout after the connection stood, then the configuration's configure_timeout.
class ProxyRegistration final : public ProxyOpening {
 public:
  ProxyRegistration(RegistrationConfig config, Admit admit) : config_(std::move(config)), admit_(std::move(admit)) {}

  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const ProxyAgreement* agreement() const noexcept override;
  [[nodiscard]] base::TimePoint deadline() const noexcept override;
  [[nodiscard]] base::Error overdue() const override;
  [[nodiscard]] base::Error interrupted(base::Error reason) const override;
  [[nodiscard]] std::optional<std::string> refusal() const override;

 private:
  [[nodiscard]] base::Result<ProxyAgreement> answer(const wire::FrameView& frame, wire::Output& output) const;
  [[nodiscard]] base::Result<ProxyAgreement> accept(const wire::ReverseRegistration& registration,
                                                    wire::Output& output) const;

  RegistrationConfig config_;
  Admit admit_;
  base::TimePoint deadline_{};
  std::optional<Configuring> configuring_;  // once the agent may stay
};

/// What an agent that dials says of itself beside its AgentConfig.
struct Application {
  std::string agent_id;              ///< Under which it joins; the proxy's configuration names it.
  std::optional<std::string> token;  ///< The secret that proves it.
};

/// The agent dialled: it says who it is and hears whether it may stay (protocol.md §8). Its configuration is an event
/// of the session.
///
/// Thread safety, lifetime: Opening's. Errors of take(): connection_failed, where the proxy does not want it, with the
/// proxy's words; invalid_message. Units: the deadline is the configuration's handshake_timeout.
class AgentRegistration final : public AgentOpening {
 public:
  AgentRegistration(std::shared_ptr<const AgentConfig> config, Application application)
      : config_(std::move(config)), application_(std::move(application)) {}

  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const AgentAgreement* agreement() const noexcept override { return agreed_ ? &*agreed_ : nullptr; }
  [[nodiscard]] base::TimePoint deadline() const noexcept override { return deadline_; }
  [[nodiscard]] base::Error overdue() const override;

 private:
  std::shared_ptr<const AgentConfig> config_;
  Application application_;
  base::TimePoint deadline_{};
  std::optional<AgentAgreement> agreed_;
};

}  // namespace picket::session
