#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <boost/container/deque.hpp>

#include "picket/agent/handler.hpp"
#include "picket/agent/internal/line.hpp"
#include "picket/agent/internal/self_report.hpp"
#include "picket/agent/server.hpp"
#include "picket/base/arena.hpp"
#include "picket/transport/grpc_server.hpp"
#include "picket/transport/link.hpp"

namespace picket::agent::internal {

/// One proxy's connection at an agent: takes the session's events to the handler and its replies back.
///
/// Execution::on_loop calls the handler in place. Execution::handed_over copies each event and hands it to the worker's
/// threads; the events of one exchange still come one at a time, in order, and what was cancelled before it started is
/// not evaluated. Thread safety: under its worker's enter(). Lifetime: shared by its link's owner and by events being
/// evaluated.
class ServedConnection final : public transport::AgentLink::Owner,
                               public std::enable_shared_from_this<ServedConnection> {
 public:
  struct Terms {
    transport::Worker& worker;
    AnyHandler& handler;
    std::shared_ptr<Mailbox> mailbox;
    Execution execution;
    std::shared_ptr<const session::AgentConfig> config;
    std::function<void(std::string_view)> log;
    Workload& workload;
    bool measures_latency;
    std::function<void(ServedConnection&)> on_open;  ///< Called once, when the proxy may be told things.
    /// Called once, when the connection has ended: for that reason, or for none where close() was called.
    std::function<void(ServedConnection&, const base::Error* reason)> on_over;
  };

  /// What `terms` refers to outlives the connection.
  explicit ServedConnection(std::shared_ptr<const Terms> terms) : shared_terms_(std::move(terms)) {}
  /// Begins with `opening` on the link that `make` makes.
  void start(const transport::MakeAgentLink& make, std::unique_ptr<session::AgentOpening> opening);

  /// Tells the proxy what answers nothing: a HealthStatus, a MetricsReport. Nothing before it is open.
  template <class Message>
  void send(const Message& message) {
    if (!link_ || link_->session() == nullptr) return;
    if (link_->session()->send(message)) link_->flush_later();
  }
  /// Asks the proxy for a change of its configuration. `answered` is called once: with nothing where nobody answers.
  void ask(Remark& request, ProxyHandle::Answered answered);
  /// Whether it would say what came of that.
  [[nodiscard]] bool hears_config_answers() const noexcept {
    return link_ && link_->session() != nullptr && link_->session()->hears_config_answers();
  }
  /// Whether an exchange is under way.
  [[nodiscard]] bool busy() const noexcept;
  /// Events that are not answered, and those of them that wait for a thread.
  [[nodiscard]] std::size_t unanswered() const noexcept;
  [[nodiscard]] std::size_t queued() const noexcept;
  void close();
  /// How many connections in all the proxy wants of this agent; none where it did not say, or nothing yet.
  [[nodiscard]] std::optional<std::uint32_t> connections_wanted() const noexcept;

 private:
  struct Event {
    session::EventRef ref;
    session::EventMessage message;
    base::Arena memory;
    base::TimePoint came;
  };
  /// One exchange: its state for the handler and, when evaluation is handed over, its queue.
  struct Slot {
    ExchangeState exchange;
    std::uint32_t generation = 0;
    bool evaluating = false;               // an event of it is with a thread, or deferred
    bool cancelled = false;                // … and nobody wants the answer any more
    boost::container::deque<Event> queue;  // takes no memory while it is empty, unlike std::deque
  };
  class HandledEvent;
  class ServedLine;

  void on_actions(transport::AgentLink& link) override;
  void on_closed(transport::AgentLink& link, const base::Error& reason) override;
  void opened(const session::AgentSession& session);
  void say(const Remark& remark);
  void config_answered(const wire::ConfigUpdateResponse& response);
  void forget_questions();
  void arrived(const session::Arrived& arrived);
  void ended(const session::Ended& ended);
  [[nodiscard]] Reply call_handler(const std::shared_ptr<Slot>& slot, const session::EventRef& ref,
                                   const session::EventMessage& message, base::TimePoint came);
  void call_on_cancel(const std::shared_ptr<Slot>& slot);
  void respond(const session::EventRef& ref, const Decision& decision, base::TimePoint came);
  std::shared_ptr<Slot>& slot_of(const session::Arrived& arrived);
  void free_slot(std::uint32_t index);

  // handed over only
  void enqueue(const std::shared_ptr<Slot>& slot, const session::Arrived& arrived);
  void hand_over_next(const std::shared_ptr<Slot>& slot);
  void evaluate(const std::shared_ptr<Slot>& slot, const Event& event);
  void evaluated(const std::shared_ptr<Slot>& slot);

  const std::shared_ptr<const Terms> shared_terms_;
  const Terms& terms_ = *shared_terms_;
  std::shared_ptr<transport::AgentLink> link_;
  ConnectionState connection_;
  std::vector<std::shared_ptr<Slot>> slots_;  // by the session's exchange index
  base::Arena arena_;                         // of the response being written
  std::shared_ptr<Line> line_;
  std::map<std::string, ProxyHandle::Answered, std::less<>> asked_;  // of the proxy, by the requests' ids
  std::uint64_t questions_ = 0;
};

}  // namespace picket::agent::internal
