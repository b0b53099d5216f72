#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/config.hpp"
#include "picket/session/dialect.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/frame.hpp"

namespace picket::session {

/// The version of the protocol that both ends speak (protocol.md §3).
inline constexpr std::uint32_t protocol_version = 2;

/// A frame that came before its time, owned. Without padding behind the payload: who decodes it copies it first.
struct EarlyFrame {
  wire::FrameType type;
  std::string payload;
};

/// What an encoding and the extensions that both ends took mean for a connection. A value. What neither end named is
/// off.
struct Terms {
  wire::Format format;
  bool one_way_complete = false;
  bool config_reply = false;
  /// A configuration is accepted by the pong of a ping behind it, and no response answers it (protocol.md §9).
  bool pong_acknowledges_configure = false;
};

/// What an opening of the proxy's end comes to. Lifetime: refers to nothing but the configuration, and has a share of
/// that.
struct ProxyAgreement {
  std::shared_ptr<const ProxyConfig> config;
  AgentInfo agent;
  Terms terms;
  /// What the agent said of other things meanwhile; the session hears it first.
  std::vector<EarlyFrame> early;
};

/// What an opening of the agent's end comes to. Lifetime: as ProxyAgreement.
struct AgentAgreement {
  std::shared_ptr<const AgentConfig> config;
  Terms terms;
  /// The event kinds that the proxy said it will send; empty where it did not say.
  std::vector<wire::EventKind> announced_events;
  /// How many connections in all the proxy wants; none where it did not say.
  std::optional<std::uint32_t> connections_wanted;
};

/// How a connection begins: a state machine of its own, which ends with what both ends agreed on, or with a reason.
///
/// It says its words into `output` and is then told each frame in turn, until agreement() is there: from then on a
/// session has the connection. After an error it is told nothing more; what it has written goes out all the same.
///
/// Thread safety: none; part of a Conversation. Source: protocol.md §3, §4, §8.
///
/// Lifetime: destroyed as soon as a session has its agreement. Errors: connection_failed where the peer refuses,
/// version_mismatch, invalid_message where it says what it must not, timeout where it says nothing; the detail has its
/// words, quoted.
template <class Agreement>
class Opening {
 public:
  virtual ~Opening() = default;
  Opening(const Opening&) = delete;
  Opening& operator=(const Opening&) = delete;

  /// The connection stands. Called once, first. An error ends the connection before anything is read.
  [[nodiscard]] virtual base::Status begin(wire::Output& output, base::TimePoint now) = 0;
  /// A frame came. Its payload is followed by limits::tail_padding readable bytes. The view is good for the call only.
  /// What is written before an error is returned is still sent: that is how a refusal reaches the peer.
  [[nodiscard]] virtual base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) = 0;
  /// What both ends agreed on, once they did; else null. Lifetime: the opening's.
  [[nodiscard]] virtual const Agreement* agreement() const noexcept = 0;
  /// Until when the peer has to say what is awaited of it now, and the error where it did not. It moves with each step,
  /// so that a peer which is slow at one cannot use up another's time.
  [[nodiscard]] virtual base::TimePoint deadline() const noexcept = 0;
  [[nodiscard]] virtual base::Error overdue() const = 0;
  /// `reason`, for which the connection ended, and what was awaited then, where that explains it.
  [[nodiscard]] virtual base::Error interrupted(base::Error reason) const { return reason; }
  /// `error`, for which `bytes` are no frames, and what a peer of another protocol may have said in them, where that
  /// explains it.
  [[nodiscard]] virtual base::Error misunderstood(base::Error error, std::string_view /*bytes*/) const { return error; }
  /// Why the agent refused its configuration; none where it did not. Its own words, fit for a log.
  [[nodiscard]] virtual std::optional<std::string> refusal() const { return std::nullopt; }
  /// After an error: the dialect by which the peer answered, where it shows that it speaks another.
  [[nodiscard]] virtual std::optional<Dialect> speaks() const { return std::nullopt; }

 protected:
  Opening() = default;
};

using ProxyOpening = Opening<ProxyAgreement>;
using AgentOpening = Opening<AgentAgreement>;

}  // namespace picket::session
