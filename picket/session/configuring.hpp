#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/opening.hpp"

namespace picket::session {

/// Of the ping whose pong says that the agent has taken the Configure before it: agents answer in order. Those that ask
/// whether an agent lives begin with 1.
inline constexpr std::uint64_t acknowledging_ping = 0;

/// Why an agent does not take its configuration: its words, or that it gave none. Nothing where it does. `said`: the
/// whole answer, quoted.
[[nodiscard]] std::optional<std::string> refusal_in(const wire::AgentResponse& response, const std::string& said);

/// The last step of every opening of the proxy's end: the agent is given its configuration and decides on it
/// (protocol.md §4). Over at once where there is none.
///
/// What the agent says of other things meanwhile is kept for the session, up to `most_kept` bytes. Thread safety: none;
/// part of an opening.
///
/// On sockets an answer of type allow to its Configure ends it; on gRPC the pong of the ping behind it does. Errors of
/// take(): connection_failed, where the agent refuses; message_too_large, where it says more than `most_kept` of other
/// things; invalid_message, where its answer does not decode. Units: the deadline is configure_timeout after begin().
class Configuring {
 public:
  static constexpr std::size_t most_kept = std::size_t{256} * 1024;

  /// `agreed`: what the steps before came to.
  explicit Configuring(ProxyAgreement agreed) : agreed_(std::move(agreed)) {}

  /// Errors: invalid_message, where config_json is no JSON.
  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now);
  /// Pings are answered; reports that are said again anyway give way first where room gets short.
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output);
  [[nodiscard]] bool is_over() const noexcept { return is_over_; }
  [[nodiscard]] const ProxyAgreement& agreement() const noexcept { return agreed_; }

  [[nodiscard]] base::TimePoint deadline() const noexcept { return deadline_; }
  [[nodiscard]] base::Error overdue() const;
  /// Adds what was sent and not accepted: an agent that dies of its configuration is found that way.
  [[nodiscard]] base::Error interrupted(const base::Error& reason) const;
  [[nodiscard]] const std::optional<std::string>& refusal() const noexcept { return refusal_; }

 private:
  [[nodiscard]] base::Status on_response(const wire::FrameView& frame);
  [[nodiscard]] base::Status keep(const wire::FrameView& frame);
  [[nodiscard]] std::string sent() const;

  ProxyAgreement agreed_;
  base::TimePoint deadline_{};
  bool is_over_ = false;
  std::size_t kept_ = 0;                // bytes
  std::optional<std::string> refusal_;  // what was said against the configuration
  std::string stray_;                   // the first answer to something that was not asked, quoted
};

}  // namespace picket::session
