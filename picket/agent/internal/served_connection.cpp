#include "picket/agent/internal/served_connection.hpp"

#include <fmt/format.h>

#include "picket/base/overloaded.hpp"
#include "picket/session/handshake.hpp"
#include "picket/wire/copy.hpp"

namespace picket::agent::internal {
namespace {

session::EventMessage keep(const session::EventMessage& message, base::Arena& memory) {
  return std::visit(
      [&]<class Message>(const Message* event) -> session::EventMessage {
        return static_cast<const Message*>(new (memory.allocate(sizeof(Message), alignof(Message)))
                                               Message(wire::copy_into(*event, memory)));
      },
      message);
}

}  // namespace

/// Answers the event being handled later, on the connection's worker.
class ServedConnection::EventCompletions final : public CompletionSource {
 public:
  EventCompletions(ServedConnection& connection, const std::shared_ptr<Slot>& slot,
                   const session::EventRef& ref) noexcept
      : connection_(connection), slot_(slot), ref_(ref) {}

  Completion defer() override {
    return {connection_.terms_.mailbox,
            [self = connection_.shared_from_this(), slot = slot_, ref = ref_](const std::optional<Decision>& decision) {
              if (decision) self->respond(ref, *decision);
              if (self->terms_.execution == Execution::handed_over) self->evaluated(slot);
            }};
  }

 private:
  ServedConnection& connection_;
  const std::shared_ptr<Slot>& slot_;
  session::EventRef ref_;
};

void ServedConnection::start(const transport::MakeAgentLink& make, const wire::Format& format) {
  connection_.state = terms_.handler.connect();
  link_ = make(std::make_unique<session::AgentHandshake>(terms_.config, format), *this);
}

void ServedConnection::drain() {
  if (!link_ || link_->session() == nullptr) return;
  const wire::HealthStatus draining{.agent_id = terms_.config->info.agent_id, .state = wire::HealthState::draining};
  if (link_->session()->send(draining)) link_->flush_later();
}

bool ServedConnection::busy() const noexcept {
  return link_ && link_->session() != nullptr && link_->session()->exchanges() != 0;
}

void ServedConnection::close() {
  if (!link_) return;
  const auto link = std::move(link_);
  link->close();
  terms_.on_over(*this);
}

// ---- what the session reports

void ServedConnection::on_actions(transport::AgentLink& link) {
  auto& session = *link.session();
  for (std::size_t i = 0; i < session.actions().size(); ++i) {
    const session::AgentAction action = session.actions()[i];
    std::visit(
        base::Overloaded{[&](const session::Opened&) { connection_.announced_events = session.announced_events(); },
                         [&](const session::Arrived& event) { arrived(event); },
                         [&](const session::Ended& event) { ended(event); }, [](const session::Finished&) {}},
        action);
  }
  session.clear_actions();
}

void ServedConnection::on_closed(transport::AgentLink&, const base::Error& reason) {
  const auto self = shared_from_this();
  if (reason.kind() != base::ErrorKind::connection_closed && terms_.log)
    terms_.log(fmt::format("closed a proxy's connection ({})", reason.message()));
  link_.reset();
  terms_.on_over(*this);
}

void ServedConnection::arrived(const session::Arrived& arrived) {
  if (!link_) return;
  auto& slot = slot_of(arrived);
  if (terms_.execution == Execution::handed_over) return enqueue(slot, arrived);
  const Reply reply = call_handler(slot, arrived.ref, arrived.message);
  if (const auto* const decision = std::get_if<Decision>(&reply)) respond(arrived.ref, *decision);
  if (std::holds_alternative<const wire::RequestComplete*>(arrived.message)) free_slot(arrived.ref.exchange);
}

void ServedConnection::ended(const session::Ended& ended) {
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
                                     const session::EventMessage& message) {
  EventCompletions completions{*this, slot, ref};
  return terms_.handler.handle(message, {slot->exchange, connection_, completions});
}

void ServedConnection::call_on_cancel(const std::shared_ptr<Slot>& slot) {
  EventCompletions completions{*this, slot, {}};
  terms_.handler.cancelled({slot->exchange, connection_, completions});
}

void ServedConnection::respond(const session::EventRef& ref, const Decision& decision) {
  if (!link_) return;
  if (const std::string_view call = decision.misfit(ref.key.type); !call.empty()) {
    if (terms_.log)
      terms_.log(fmt::format("an answer to {} cannot honour {}: the event is left unanswered", wire::name(ref.key.type),
                             call));
    return;
  }
  arena_.reset();
  (void)link_->session()->respond(ref, decision.response(ref.key, arena_), terms_.worker.now());
  link_->flush_later();
}

// ---- evaluation by the worker's threads

void ServedConnection::enqueue(const std::shared_ptr<Slot>& slot, const session::Arrived& arrived) {
  Event event{.ref = arrived.ref, .message = {}, .memory = base::Arena{}};
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
  const Reply reply = call_handler(slot, event.ref, event.message);
  if (std::holds_alternative<Deferred>(reply)) return;  // its completion goes on
  const auto guard = terms_.worker.enter();
  if (const auto* const decision = std::get_if<Decision>(&reply)) respond(event.ref, *decision);
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
