#pragma once

#include "picket/base/result.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/conversation.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// One conversation with a peer, on whatever carries it: what its owner sees of the connection.
///
/// Thread safety: its worker's thread only. Lifetime: shared with its pending operations; release it with close(),
/// after which the owner is not called any more.
///
///   const auto link = transport::dial(worker, destination, config, std::chrono::seconds{1}, owner);
///   …  // once owner.on_actions() has seen session::Ready
///   PICKET_TRY(link->session()->send(id, &event, deadline, tag, worker.now()));
///   link->flush_later();  // after every call of the session: it only says what is to be written
template <class Session>
class Link : public Flushable {
 public:
  using Conversation = session::Conversation<Session>;
  using Opening = typename Conversation::Opening;

  /// Who handles what the session reports. Called on the worker's thread, from the loop or from flush(), never from
  /// within dial(). Lifetime: outlives the link or its close().
  class Owner {
   public:
    /// The session has actions. The owner handles and clears them; it may call the session and the link meanwhile.
    /// Called from the loop; what they refer to is gone after clear_actions().
    virtual void on_actions(Link& link) = 0;
    /// The connection is over and will not call again; session().actions() holds its last words, if it got so far as to
    /// have a session. Once, and last. The owner may let the link go here. Errors: those of the connect, the opening or
    /// the conversation, by their kinds.
    virtual void on_closed(Link& link, const base::Error& reason) = 0;

   protected:
    ~Owner() = default;
  };

  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() override { worker_.forget(*this); }

  /// The session; null until the opening is over. Lifetime: the link's. After its end it takes nothing more.
  [[nodiscard]] Session* session() noexcept { return session_; }
  /// The opening; null once it is over.
  [[nodiscard]] virtual const Opening* opening() const noexcept = 0;
  [[nodiscard]] Worker& worker() noexcept { return worker_; }
  /// Whether an exchange is under way, which whoever drains waits for.
  [[nodiscard]] virtual bool is_busy() const noexcept { return session_ != nullptr && session_->exchanges() != 0; }

  /// The session was called by its owner: have its output flushed at the end of this turn, or with the read that this
  /// came of, and its deadlines kept.
  void flush_later() {
    if (owner_ != nullptr && is_connected_) worker_.flush_later(*this);
  }
  /// Ends the conversation now, without telling the owner. What is queued is written as far as it is taken now. May be
  /// called out of what the owner is told, and more than once.
  virtual void close() noexcept = 0;

 protected:
  Link(Worker& worker, Owner& owner) noexcept : worker_(worker), owner_(&owner) {}

  Worker& worker_;
  Owner* owner_;                // null after close()
  Session* session_ = nullptr;  // the conversation's, once it has one
  bool is_connected_ = false;
};

using ProxyLink = Link<session::ProxySession>;
using AgentLink = Link<session::AgentSession>;

}  // namespace picket::transport
