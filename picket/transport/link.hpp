#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/stream_framing.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// The body of a connection: moves bytes and time between one channel and one conversation, whichever end of the
/// protocol that is.
///
/// One read's frames are decoded in one pass, and what came of them leaves at once, in one vectored write; what the
/// owner adds at other times leaves at the end of the loop turn, and what nobody waits for with either (ADR 0009; of a
/// large frame that a read cuts: ADR 0011).
/// While the peer does not read, nothing more is read from it. A link waits without a read buffer: the worker lends
/// one.
///
/// Thread safety: its worker's thread only. Lifetime: shared with its pending operations; release it with close(),
/// after which the owner is not called any more.
template <class Session>
class Link final : public Flushable, public std::enable_shared_from_this<Link<Session>> {
 public:
  using Conversation = session::Conversation<Session>;
  using Opening = typename Conversation::Opening;

  /// Who handles what the session reports.
  class Owner {
   public:
    /// The session has actions. The owner handles and clears them; it may call the session and the link meanwhile.
    virtual void on_actions(Link& link) = 0;
    /// The connection is over and will not call again; session().actions() holds its last words, if it got so far as to
    /// have a session.
    virtual void on_closed(Link& link, const base::Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  /// Connects `channel`, then begins with `opening`. `owner`, and `tap` where there is one, must outlive the link or
  /// its close().
  static std::shared_ptr<Link> dial(Channel channel, const Endpoint& endpoint, std::unique_ptr<Opening> opening,
                                    base::Duration timeout, Owner& owner, session::Tap* tap = nullptr);
  /// Begins on a connected channel.
  static std::shared_ptr<Link> adopt(Channel channel, std::unique_ptr<Opening> opening, Owner& owner);

  Link(Channel channel, std::unique_ptr<Opening> opening, Owner& owner, session::Tap* tap = nullptr);
  ~Link() override;

  /// The session; null until the opening is over.
  [[nodiscard]] Session* session() noexcept { return framing_ ? conversation().session() : nullptr; }
  /// The opening; null once it is over.
  [[nodiscard]] const Opening* opening() const noexcept {
    return framing_ ? framing_->conversation().opening() : opening_.get();
  }
  [[nodiscard]] Worker& worker() noexcept { return worker_; }

  /// The session was called by its owner: have its output flushed at the end of this turn, or with the read that this
  /// came of, and its deadlines kept.
  void touch();
  /// Ends the connection now, without telling the owner. What is queued is written as far as the kernel takes it.
  void close() noexcept;

 private:
  [[nodiscard]] Conversation& conversation() noexcept { return framing_->conversation(); }
  void connect(const Endpoint& endpoint, base::Duration timeout);
  static void on_connected(std::shared_ptr<void>& self, const Completion& outcome);
  void connected();
  static void wait_to_read(std::shared_ptr<Link> self);
  static void on_readable(std::shared_ptr<void>& self, const Completion& outcome);
  static void read_on(std::shared_ptr<Link> self);
  static void after_pass(void* self);
  void receive();
  void answer_pass();
  void disconnected(base::Error reason);
  void answer();
  [[nodiscard]] bool backlogged() const;
  void flush() override;
  void write();
  void wait_to_write(Readiness wanted);
  void write_farewell();
  void handle_actions();
  void on_timer(base::TimePoint now);
  void arm_timer();
  void finish(const base::Error& reason);

  Channel channel_;
  Worker& worker_;
  std::unique_ptr<Opening> opening_;               // until connected
  session::Tap* tap_;                              // may be null
  Owner* owner_;                                   // null after close()
  std::string peer_;                               // while it connects
  std::optional<StreamFraming<Session>> framing_;  // once connected
  base::Timer timer_;
  Resumption after_pass_;  // queued behind those who wait for what a pass brought
  int passes_ = 0;         // of this readiness
  bool reads_on_ = false;
  bool is_dry_ = false;
  bool reading_ = false;
  bool writer_waits_ = false;
  Readiness reads_when_ = Readiness::readable;
};

extern template class Link<session::ProxySession>;
extern template class Link<session::AgentSession>;

using ProxyLink = Link<session::ProxySession>;
using AgentLink = Link<session::AgentSession>;

}  // namespace picket::transport
