#include "picket/transport/grpc/event_desk.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "picket/session/handshake.hpp"
#include "picket/transport/grpc/framing.hpp"
#include "picket/wire/envelope.hpp"

namespace picket::transport::grpc {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr std::array asked_alone{FrameType::request_headers,  FrameType::request_body_chunk,
                                 FrameType::response_headers, FrameType::response_body_chunk,
                                 FrameType::websocket_frame,  FrameType::guardrail_inspect,
                                 FrameType::request_complete, FrameType::ping};

/// The handshake of a proxy that says nothing of itself, as a ProxyToAgent with room behind it.
std::string handshake() {
  static constexpr std::array<std::uint32_t, 1> versions{2};
  static constexpr std::array<wire::Text, 1> extensions{"event-reply"};
  wire::Output output;
  (void)wire::encode(session::grpc_handshake,
                     wire::HandshakeRequest{.supported_versions = versions, .extensions = extensions}, output)
      .has_value();
  return output.flatten().append(base::limits::tail_padding, '\0');
}

}  // namespace

EventDesk::EventDesk(Worker& worker, std::unique_ptr<Opening> opening, Owner& owner)
    : AgentLink(worker, owner),
      output_(message_framing),
      opening_(std::move(opening)),
      timer_([](void* self, base::TimePoint now) { static_cast<EventDesk*>(self)->on_timer(now); }, this) {
  conversation_.emplace(std::move(opening_), worker.now(), output_);
}

void EventDesk::open() {
  is_connected_ = true;
  const std::string bytes = handshake();
  const std::string_view message = std::string_view{bytes}.substr(0, bytes.size() - base::limits::tail_padding);
  const auto frame = wire::open_envelope(wire::Envelope::proxy_to_agent, message);
  conversation_->begin_batch(worker_.now());
  if (auto status = frame ? conversation_->take(*frame, worker_.now()) : base::Status{frame.error()}; !status)
    conversation_->close(std::move(status.error()));
  const std::string said = taken_output();
  if (said.size() > http2::grpc_prefix_size + base::limits::tail_padding)
    hello_ = said.substr(http2::grpc_prefix_size, said.size() - http2::grpc_prefix_size - base::limits::tail_padding);
  handle_actions();
  (void)taken_output();  // what it says to whoever comes
}

base::Status EventDesk::ask(std::string_view message, Asker& asker) {
  const auto frame = wire::open_envelope(wire::Envelope::proxy_to_agent, message);
  if (!frame) return frame.error();
  if (frame->type == FrameType::handshake_request) {
    asker.on_answer(hello_);
    return {};
  }
  if (std::ranges::find(asked_alone, frame->type) == asked_alone.end())
    return fail(ErrorKind::invalid_message,
                fmt::format("ProcessEvent asks one event; {} belongs on ProcessStream", wire::name(frame->type)));
  if (session_ == nullptr || session_->is_saturated())
    return fail(ErrorKind::message_too_large, "too many events wait for answers");
  const auto self = shared_from_this();
  conversation_->begin_batch(worker_.now());
  auto status = take(*frame, asker);
  handle_actions();
  deliver();
  if (owner_ != nullptr) arm_timer();
  return status;
}

base::Status EventDesk::take(const wire::FrameView& frame, Asker& asker) {
  PICKET_TRY(conversation_->take(frame, worker_.now()));
  (void)conversation_->end_batch();
  if (!output_.empty()) {  // it was answered without the handler
    const std::string said = taken_output();
    asker.on_answer(std::string_view{said}.substr(http2::grpc_prefix_size,
                                                  said.size() - http2::grpc_prefix_size - base::limits::tail_padding));
    return {};
  }
  for (const auto& action : session_->actions()) {
    const auto* const arrived = std::get_if<session::Arrived>(&action);
    if (arrived == nullptr) continue;
    const auto id = std::visit([](const auto* event) { return wire::correlation_id_of(*event); }, arrived->message);
    waiting_.push_back({std::string{id}, arrived->ref.key, &asker});
  }
  return {};
}

void EventDesk::forget(const Asker& asker) noexcept {
  std::erase_if(waiting_, [&](const Waiting& waiting) { return waiting.asker == &asker; });
}

/// What is to be written, as messages with their prefixes, and room behind them.
std::string EventDesk::taken_output() {
  std::string bytes = output_.flatten();
  output_.consume(bytes.size());
  return bytes.append(base::limits::tail_padding, '\0');
}

void EventDesk::deliver() {
  if (output_.empty()) return;
  const std::string bytes = taken_output();
  const auto each = [this](std::string_view message) -> base::Status {
    deliver(message);
    return {};
  };
  (void)said_.feed(std::string_view{bytes}.substr(0, bytes.size() - base::limits::tail_padding), each).has_value();
}

void EventDesk::deliver(std::string_view message) {
  const auto frame = wire::open_envelope(wire::Envelope::agent_to_proxy, message);
  if (!frame || frame->type != FrameType::agent_response) return;
  base::Arena memory;
  const auto answer = wire::decode<wire::AgentResponse>(session::grpc_handshake, frame->payload, memory);
  if (!answer || !answer->reply_to) return;
  const auto found = std::ranges::find_if(waiting_, [&](const Waiting& waiting) {
    return waiting.id == answer->correlation_id && waiting.event == *answer->reply_to;
  });
  if (found == waiting_.end()) return;  // whoever asked has gone
  Asker& asker = *found->asker;
  waiting_.erase(found);
  asker.on_answer(message);
}

void EventDesk::handle_actions() {
  session_ = conversation_->session();
  if (owner_ != nullptr && session_ != nullptr && !session_->actions().empty()) owner_->on_actions(*this);
  if (owner_ != nullptr && conversation_->end()) end(*conversation_->end());
}

void EventDesk::flush() {
  if (owner_ == nullptr) return;
  const auto self = shared_from_this();
  handle_actions();
  deliver();
  if (owner_ != nullptr) arm_timer();
}

void EventDesk::arm_timer() {
  const base::TimePoint wakeup = conversation_->next_wakeup();
  if (wakeup == base::TimePoint::max() || (timer_.armed() && timer_.due() <= wakeup)) return;
  worker_.timers().arm(timer_, wakeup);
}

void EventDesk::on_timer(base::TimePoint now) {
  if (owner_ == nullptr) return;
  conversation_->tick(now);
  flush();
}

void EventDesk::end(const base::Error& reason) {
  if (owner_ == nullptr) return;
  const auto self = shared_from_this();
  Owner* const owner = owner_;
  let_go();
  fail_all(reason);
  owner->on_closed(*this, reason);
}

void EventDesk::close() noexcept {
  if (owner_ == nullptr) return;
  const auto self = shared_from_this();
  let_go();
  fail_all(fail(ErrorKind::unavailable, "the agent ends"));
}

void EventDesk::let_go() noexcept {
  owner_ = nullptr;
  timer_.cancel();
  worker_.forget(*this);
}

void EventDesk::fail_all(const base::Error& reason) {
  for (const Waiting& waiting : std::exchange(waiting_, {})) waiting.asker->on_no_answer(reason);
}

}  // namespace picket::transport::grpc
