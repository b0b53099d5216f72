#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/dialect_framing.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/link.hpp"
#include "picket/transport/stream_framing.hpp"

namespace picket::transport {

/// A conversation of frames on a byte stream: moves bytes and time between one channel and one conversation, whichever
/// end of the protocol that is.
///
/// One read's frames are decoded in one pass, and what came of them leaves at once, in one vectored write; what the
/// owner adds at other times leaves at the end of the loop turn, and what nobody waits for with either (ADR 0009; of a
/// large frame that a read cuts: ADR 0011).
/// While the peer does not read, nothing more is read from it. A link waits without a read buffer: the worker lends
/// one.
///
/// Thread safety: its worker's thread only. Lifetime: shared with its pending operations; release it with close(),
/// after which the owner is not called any more.
///
/// Units: 1 MiB of output that the peer does not take is as much as is held before reading stops. Errors: reach the
/// owner in on_closed(), once: connection_failed where it never stood, timeout, connection_closed, or what the
/// conversation ended with.
template <class Session, class Framing = StreamFraming<Session>>
class FrameLink final : public Link<Session>, public std::enable_shared_from_this<FrameLink<Session, Framing>> {
 public:
  using Beginning = typename Framing::Beginning;
  using typename Link<Session>::Conversation;
  using typename Link<Session>::Opening;
  using typename Link<Session>::Owner;

  /// Connects `channel`, then begins with `opening`. `owner`, and `tap` where there is one, must outlive the link or
  /// its close(). `timeout` is for the connect alone; the opening has a deadline of its own. The owner hears of it
  /// later, never from within.
  static std::shared_ptr<FrameLink> dial(Channel channel, const Endpoint& endpoint, Beginning opening,
                                         base::Duration timeout, Owner& owner, session::Tap* tap = nullptr);
  /// Begins on a connected channel. `received`: what was read from it already; it is heard first, once the call that
  /// adopts has returned. For a connection that was accepted, or whose first bytes had to be looked at to know what it
  /// is.
  static std::shared_ptr<FrameLink> adopt(Channel channel, Beginning opening, Owner& owner, std::string received = {},
                                          session::Tap* tap = nullptr);

  /// For dial() and adopt(), which begin it.
  FrameLink(Channel channel, Beginning opening, Owner& owner, session::Tap* tap = nullptr);

  [[nodiscard]] const Opening* opening() const noexcept override {
    return framing_ ? framing_->conversation().opening() : opening_.get();
  }
  /// What is queued is written as far as the socket takes it now. May be called out of what the owner is told.
  void close() noexcept override;

 private:
  [[nodiscard]] Conversation& conversation() noexcept { return framing_->conversation(); }
  void connect(const Endpoint& endpoint, base::Duration timeout);
  static void on_connected(std::shared_ptr<void>& self, const Completion& outcome);
  void connected();
  void hear_received();
  static void wait_to_read(std::shared_ptr<FrameLink> self);
  static void on_readable(std::shared_ptr<void>& self, const Completion& outcome);
  static void read_on(std::shared_ptr<FrameLink> self);
  static void after_pass(void* self);
  void receive();
  void answer_pass();
  void disconnected(base::Error reason);
  void answer();
  void translate();
  [[nodiscard]] bool backlogged() const;
  void flush() override;
  void write();
  void wait_to_write(Readiness wanted);
  void write_farewell();
  void handle_actions();
  void on_timer(base::TimePoint now);
  void arm_timer();
  void finish(const base::Error& reason);

  using Link<Session>::worker_;
  using Link<Session>::owner_;
  using Link<Session>::session_;

  Channel channel_;
  Beginning opening_;               // until connected
  session::Tap* tap_;               // may be null
  std::string peer_;                // while it connects
  std::string received_;            // before it was adopted, until it is heard
  std::optional<Framing> framing_;  // once connected
  base::Timer timer_;
  Resumption after_pass_;  // queued behind those who wait for what a pass brought
  int passes_ = 0;         // of this readiness
  bool reads_on_ = false;
  bool is_dry_ = false;
  bool reading_ = false;
  bool writer_waits_ = false;
  Readiness reads_when_ = Readiness::readable;
};

extern template class FrameLink<session::ProxySession>;
extern template class FrameLink<session::ProxySession, DialectFraming>;
extern template class FrameLink<session::AgentSession>;

}  // namespace picket::transport
