#include "picket/agent/internal/served_connection.hpp"

#include <fmt/format.h>

#include "picket/base/overloaded.hpp"
#include "picket/wire/copy.hpp"

namespace picket::agent::internal {
namespace {

// Questions to a proxy that wait for its answer.
constexpr std::size_t most_questions = 64;

session::EventMessage keep(const session::EventMessage& message, base::Arena& memory) {
  return std::visit(
      [&]<class Message>(const Message* event) -> session::EventMessage {
        return static_cast<const Message*>(new (memory.allocate(sizeof(Message), alignof(Message)))
                                               Message(wire::copy_into(*event, memory)));
      },
      message);
}

}  // namespace

/// The event being handled: answered later, on the connection's worker.
class ServedConnection::HandledEvent final : public EventSource {
 public:
  HandledEvent(ServedConnection& connection, const std::shared_ptr<Slot>& slot, const session::EventRef& ref,
               base::TimePoint came) noexcept
      : connection_(connection), slot_(slot), ref_(ref), came_(came) {}

  Completion defer() override {
    // Where threads evaluate, the exchange's next event waits for this one; else its slot is free for another exchange.
    auto waiting = connection_.terms_.execution == Execution::handed_over ? slot_ : nullptr;
    return {connection_.terms_.mailbox, [self = connection_.shared_from_this(), slot = std::move(waiting), ref = ref_,
                                         came = came_](const std::optional<Decision>& decision) {
              if (decision) self->respond(ref, *decision, came);
              if (slot) self->evaluated(slot);
            }};
  }
  std::shared_ptr<Line> line() override { return connection_.line_; }

 private:
  ServedConnection& connection_;
  const std::shared_ptr<Slot>& slot_;
  session::EventRef ref_;
  base::TimePoint came_;
};

/// Takes what any thread says to the connection's worker.
class ServedConnection::ServedLine final : public Line {
 public:
  explicit ServedLine(const std::shared_ptr<ServedConnection>& connection)
      : mailbox_(connection->terms_.mailbox), connection_(connection) {}

  void say(std::shared_ptr<const Remark> remark) override {
    mailbox_->post([connection = connection_, remark = std::move(remark)] {
      if (const auto held = connection.lock()) held->say(*remark);
    });
  }
  void ask(std::shared_ptr<Remark> request, ProxyHandle::Answered answered) override {
    mailbox_->post([connection = connection_, request = std::move(request), answered = std::move(answered)]() mutable {
      if (const auto held = connection.lock()) return held->ask(*request, std::move(answered));
      if (answered) answered(std::nullopt);
    });
  }

 private:
  std::shared_ptr<Mailbox> mailbox_;
  std::weak_ptr<ServedConnection> connection_;
};

void ServedConnection::start(const transport::MakeAgentLink& make, std::unique_ptr<session::AgentOpening> opening) {
  line_ = std::make_shared<ServedLine>(shared_from_this());
  link_ = make(std::move(opening), *this);
}

std::optional<std::uint32_t> ServedConnection::connections_wanted() const noexcept {
  return link_ && link_->session() != nullptr ? link_->session()->connections_wanted() : std::nullopt;
}

// ---- what is said unasked

void ServedConnection::say(const Remark& remark) {
  if (!link_ || link_->session() == nullptr) return;
  const auto* const line = std::get_if<wire::LogMessage>(&remark.message);
  if (line == nullptr) return std::visit([this](const auto& message) { send(message); }, remark.message);
  if (link_->session()->format().encoding == wire::Encoding::protobuf) return send(*line);
  // No frame carries it.
  if (terms_.log) terms_.log(line->message);
}

void ServedConnection::ask(Remark& request, ProxyHandle::Answered answered) {
  auto& message = std::get<wire::ConfigUpdateRequest>(request.message);
  const std::string id = fmt::format("{}-{}", terms_.config->info.agent_id, ++questions_);
  message.request_id = id;
  const bool is_sent = link_ && link_->session() != nullptr && link_->session()->send(message).has_value();
  if (is_sent) link_->flush_later();
  if (!answered) return;
  if (!is_sent || !link_->session()->hears_config_answers() || asked_.size() >= most_questions)
    return answered(std::nullopt);
  asked_.emplace(id, std::move(answered));
}

void ServedConnection::config_answered(const wire::ConfigUpdateResponse& response) {
  const auto found = asked_.find(response.request_id);
  if (found == asked_.end()) return;
  auto answered = std::move(found->second);
  asked_.erase(found);
  answered(ConfigAnswer{.accepted = response.accepted, .error = std::string{response.error.value_or("")}});
}

/// Nobody answers any more.
void ServedConnection::forget_questions() {
  for (auto& [id, answered] : std::exchange(asked_, {})) answered(std::nullopt);
}

std::size_t ServedConnection::unanswered() const noexcept {
  return link_ && link_->session() != nullptr ? link_->session()->unanswered() : 0;
}

std::size_t ServedConnection::queued() const noexcept {
  std::size_t events = 0;
  for (const auto& slot : slots_)
    if (slot) events += slot->queue.size();
  return events;
}

bool ServedConnection::busy() const noexcept { return link_ && link_->is_busy(); }

void ServedConnection::close() {
  if (!link_) return;
  const auto self = shared_from_this();
  const auto link = std::move(link_);
  link->close();
  forget_questions();
  terms_.on_over(*this, nullptr);
}

// ---- what the session reports

void ServedConnection::on_actions(transport::AgentLink& link) {
  auto& session = *link.session();
  for (std::size_t i = 0; i < session.actions().size(); ++i) {
    const session::AgentAction action = session.actions()[i];
    std::visit(base::Overloaded{[&](const session::Opened&) { opened(session); },
                                [&](const session::Arrived& event) { arrived(event); },
                                [&](const session::Ended& event) { ended(event); },
                                [&](const session::Rejected&) { terms_.workload.rejected.add(); },
                                [&](const session::ConfigAnswered& answer) { config_answered(*answer.response); },
                                [](const session::Finished&) {}},
               action);
  }
  session.clear_actions();
}

void ServedConnection::on_closed(transport::AgentLink&, const base::Error& reason) {
  const auto self = shared_from_this();
  link_.reset();
  forget_questions();
  terms_.on_over(*this, &reason);
}

void ServedConnection::opened(const session::AgentSession& session) {
  connection_.state = terms_.handler.connect();
  connection_.announced_events = session.announced_events();
  terms_.on_open(*this);
}

void ServedConnection::arrived(const session::Arrived& arrived) {
  if (!link_) return;
  auto& slot = slot_of(arrived);
  if (terms_.execution == Execution::handed_over) return enqueue(slot, arrived);
  const base::TimePoint came = terms_.worker.now();
  const Reply reply = call_handler(slot, arrived.ref, arrived.message, came);
  if (const auto* const decision = std::get_if<Decision>(&reply)) respond(arrived.ref, *decision, came);
  if (std::holds_alternative<const wire::RequestComplete*>(arrived.message)) free_slot(arrived.ref.exchange);
}

void ServedConnection::ended(const session::Ended& ended) {
  if (ended.reason == session::EndReason::timed_out) terms_.workload.timed_out.add(ended.unanswered);
  if (ended.exchange >= slots_.size()) return;
  const auto slot = slots_[ended.exchange];
  if (!slot || slot->generation != ended.generation) return;
  slot->cancelled = true;
  slot->queue.clear();
  free_slot(ended.exchange);
  if (terms_.execution == Execution::on_loop) {
    call_on_cancel(slot);
  } else if (!slot->evaluating) {
    evaluated(slot);  // else whoever evaluates it now gets there
  }
}

// ---- the handler

Reply ServedConnection::call_handler(const std::shared_ptr<Slot>& slot, const session::EventRef& ref,
                                     const session::EventMessage& message, base::TimePoint came) {
  HandledEvent event{*this, slot, ref, came};
  return terms_.handler.handle(message, {slot->exchange, connection_, event});
}

void ServedConnection::call_on_cancel(const std::shared_ptr<Slot>& slot) {
  HandledEvent event{*this, slot, {}, {}};
  terms_.handler.cancelled({slot->exchange, connection_, event});
}

void ServedConnection::respond(const session::EventRef& ref, const Decision& decision, base::TimePoint came) {
  if (!link_) return;
  if (const std::string_view call = decision.misfit(ref.key.type); !call.empty()) {
    terms_.workload.rejected.add();
    if (terms_.log)
      terms_.log(fmt::format("an answer to {} cannot honour {}: the event is left unanswered", wire::name(ref.key.type),
                             call));
    return;
  }
  arena_.reset();
  (void)link_->session()->respond(ref, decision.response(ref.key, arena_), terms_.worker.now());
  terms_.workload.answered.add();
  // The turn's time is the same for all that it brought; what a handler took on the loop only the clock knows.
  if (terms_.measures_latency) terms_.workload.latency.record(base::Clock::now() - came);
  link_->flush_later();
}

// ---- evaluation by the worker's threads

void ServedConnection::enqueue(const std::shared_ptr<Slot>& slot, const session::Arrived& arrived) {
  Event event{.ref = arrived.ref, .message = {}, .memory = base::Arena{}, .came = terms_.worker.now()};
  event.message = keep(arrived.message, event.memory);
  slot->queue.push_back(std::move(event));
  if (!slot->evaluating) hand_over_next(slot);
}

void ServedConnection::hand_over_next(const std::shared_ptr<Slot>& slot) {
  slot->evaluating = true;
  auto event = std::make_shared<Event>(std::move(slot->queue.front()));
  slot->queue.pop_front();
  terms_.worker.hand_over([self = shared_from_this(), held = slot, event]() mutable {
    auto& worker = self->terms_.worker;
    self->evaluate(held, *event);
    const auto guard = worker.enter();  // the last references go under it
    event.reset();
    held.reset();
    self.reset();
  });
}

void ServedConnection::evaluate(const std::shared_ptr<Slot>& slot, const Event& event) {
  {
    const auto guard = terms_.worker.enter();
    if (slot->cancelled || !link_ || !link_->session()->live(event.ref)) return evaluated(slot);
  }
  const Reply reply = call_handler(slot, event.ref, event.message, event.came);
  if (std::holds_alternative<Deferred>(reply)) return;  // its completion goes on
  const auto guard = terms_.worker.enter();
  if (const auto* const decision = std::get_if<Decision>(&reply)) respond(event.ref, *decision, event.came);
  if (event.ref.key.type == wire::FrameType::request_complete && slots_[event.ref.exchange] == slot)
    free_slot(event.ref.exchange);
  evaluated(slot);
}

void ServedConnection::evaluated(const std::shared_ptr<Slot>& slot) {
  slot->evaluating = false;
  if (!slot->cancelled) {
    if (!slot->queue.empty()) hand_over_next(slot);
    return;
  }
  terms_.worker.hand_over([self = shared_from_this(), held = slot]() mutable {
    auto& worker = self->terms_.worker;
    self->call_on_cancel(held);
    const auto guard = worker.enter();
    held.reset();
    self.reset();
  });
}

// ---- the table of exchanges

std::shared_ptr<ServedConnection::Slot>& ServedConnection::slot_of(const session::Arrived& arrived) {
  const std::uint32_t index = arrived.ref.exchange;
  if (index >= slots_.size()) slots_.resize(index + 1);
  auto& slot = slots_[index];
  if (slot && slot->generation == arrived.ref.generation && !slot->exchange.correlation_id.empty()) return slot;
  if (!slot) slot = std::make_shared<Slot>();
  slot->generation = arrived.ref.generation;
  slot->exchange.correlation_id =
      std::visit([](const auto* event) { return wire::correlation_id_of(*event); }, arrived.message);
  return slot;
}

void ServedConnection::free_slot(std::uint32_t index) {
  auto& slot = slots_[index];
  if (slot.use_count() > 1) {
    slot.reset();  // an evaluation or a completion still refers to it
    return;
  }
  slot->exchange.state.reset();
  slot->exchange.correlation_id.clear();
  slot->queue.clear();
  slot->evaluating = slot->cancelled = false;
}

}  // namespace picket::agent::internal
