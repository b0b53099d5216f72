#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/timer_wheel.hpp"
#include "picket/http2/grpc_messages.hpp"
#include "picket/transport/link.hpp"
#include "picket/wire/output.hpp"

namespace picket::transport::grpc {

/// Answers the calls of ProcessEvent on one connection: one conversation for all of them, so that the events of an
/// exchange that are asked call by call meet the state that the earlier ones left, as on a ProcessStream.
///
/// Nobody shook hands there: the desk does, in the client's name. What the agent says unasked has no place here and is
/// dropped. Not for the hot path: each answer is read to find who asked. Thread safety: its worker's. Lifetime: Link's.
/// Errors: of ask(), and to those who wait in on_no_answer(), once each. Complexity: an answer is looked up among those
/// who wait, one by one.
class EventDesk final : public AgentLink, public std::enable_shared_from_this<EventDesk> {
 public:
  /// Who asked one event. Is answered once, or forgotten. Lifetime: until it is answered, or forget().
  class Asker {
   public:
    /// `message`: an AgentToProxy. Lifetime: the call.
    virtual void on_answer(std::string_view message) = 0;
    virtual void on_no_answer(const base::Error& reason) = 0;

   protected:
    ~Asker() = default;
  };

  EventDesk(Worker& worker, std::unique_ptr<Opening> opening, Owner& owner);

  /// Begins. Once, after it is made.
  void open();
  /// `message`: a ProxyToAgent, with limits::tail_padding readable bytes behind it. Errors: it is none, or is no event;
  /// so much waits for answers that no more is taken. A ping, and what the session answers by itself, is answered
  /// before this returns; a handshake is, too, with the agent's own. Kinds: invalid_message, message_too_large.
  [[nodiscard]] base::Status ask(std::string_view message, Asker& asker);
  /// Its answer is not wanted any more. The agent's handler goes on with it, and its answer is dropped.
  void forget(const Asker& asker) noexcept;
  /// Its connection is over. Everybody who waits is told, then the owner.
  void end(const base::Error& reason);

  [[nodiscard]] bool is_open() const noexcept { return owner_ != nullptr; }
  [[nodiscard]] const Opening* opening() const noexcept override { return conversation_->opening(); }
  /// Clients of single events need not say that an exchange is complete.
  [[nodiscard]] bool is_busy() const noexcept override { return !waiting_.empty(); }
  void close() noexcept override;

 private:
  struct Waiting {
    std::string id;
    wire::ReplyTo event;
    Asker* asker;
  };

  [[nodiscard]] base::Status take(const wire::FrameView& frame, Asker& asker);
  void flush() override;
  void handle_actions();
  void deliver();
  void deliver(std::string_view message);
  [[nodiscard]] std::string taken_output();
  void arm_timer();
  void on_timer(base::TimePoint now);
  void let_go() noexcept;
  void fail_all(const base::Error& reason);

  wire::Output output_;
  std::unique_ptr<Opening> opening_;  // until it begins
  std::optional<Conversation> conversation_;
  std::string hello_;  // what a handshake is answered with
  http2::GrpcMessages said_;
  std::vector<Waiting> waiting_;  // no more than the connection has streams
  base::Timer timer_;
};

}  // namespace picket::transport::grpc
