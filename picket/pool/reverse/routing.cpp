#include "picket/pool/reverse/routing.hpp"

#include <algorithm>
#include <type_traits>

#include "picket/session/terms.hpp"
#include "picket/wire/messages.hpp"

namespace picket::pool::reverse {
namespace {

using wire::FrameType;

// Of a worker that is not answered: its session ends the connection long before.
constexpr std::size_t most_pings = 256;

}  // namespace

base::Status Routing::from_worker(std::size_t worker, const wire::FrameView& frame, Sink& sink) {
  arena_.reset();
  switch (frame.type) {
    case FrameType::handshake_response: return answered(frame, sink);
    case FrameType::configure: return configure(worker, frame, sink);
    case FrameType::ping: pinged(worker, frame, sink); return {};
    case FrameType::request_headers: return event<wire::RequestHeaders>(worker, frame, sink);
    case FrameType::request_body_chunk: return event<wire::RequestBodyChunk>(worker, frame, sink);
    case FrameType::response_headers: return event<wire::ResponseHeaders>(worker, frame, sink);
    case FrameType::response_body_chunk: return event<wire::ResponseBodyChunk>(worker, frame, sink);
    case FrameType::websocket_frame: return event<wire::WebSocketFrame>(worker, frame, sink);
    case FrameType::guardrail_inspect: return event<wire::GuardrailInspect>(worker, frame, sink);
    case FrameType::request_complete: return event<wire::RequestComplete>(worker, frame, sink);
    case FrameType::pong: return {};  // pings of the agent are answered here
    default: sink.to_agent(frame.type, frame.payload); return {};
  }
}

base::Status Routing::from_agent(const wire::FrameView& frame, Sink& sink) {
  arena_.reset();
  switch (frame.type) {
    case FrameType::agent_response: return response(frame, sink);
    case FrameType::flow_control: return flow(frame, sink);
    case FrameType::health_status: to_all(frame, sink); return {};
    case FrameType::ping: sink.to_agent(FrameType::pong, frame.payload); return {};
    case FrameType::pong: ponged(frame, sink); return {};
    default: sink.to_worker(0, frame.type, frame.payload); return {};
  }
}

/// The workers are configured alike, so that they answer alike.
base::Status Routing::answered(const wire::FrameView& frame, Sink& sink) {
  if (is_answered_) return {};
  const auto answer = wire::decode<wire::ReverseAnswer>(wire::Format{}, frame.payload, arena_);
  if (!answer) return answer.error();
  is_answered_ = true;
  format_ = session::terms(answer->encoding.value_or(wire::Encoding::json), answer->extensions).format;
  sink.to_agent(frame.type, frame.payload);
  return {};
}

base::Status Routing::configure(std::size_t worker, const wire::FrameView& frame, Sink& sink) {
  const auto configure = wire::decode<wire::Configure>(format_, frame.payload, arena_);
  if (!configure) return configure.error();
  if (configuration_ == frame.payload && verdict_) {
    sink.to_worker(worker, FrameType::agent_response, *verdict_);
    return {};
  }
  waiting_.push_back(worker);
  if (configuration_ == frame.payload) return {};
  configuration_.emplace(frame.payload);
  configuration_id_ = configure->correlation_id;
  verdict_.reset();
  sink.to_agent(frame.type, frame.payload);
  return {};
}

template <class Event>
base::Status Routing::event(std::size_t worker, const wire::FrameView& frame, Sink& sink) {
  const auto event = wire::decode<Event>(format_, frame.payload, arena_);
  if (!event) return event.error();
  const std::string_view id = wire::correlation_id_of(*event);
  const auto [exchange, is_new] = by_id_.try_emplace(std::string{id}, Owner{worker});
  if (is_new) ++open_;
  if constexpr (std::is_same_v<Event, wire::RequestComplete>) {
    end(exchange->second);
    over_.emplace_back(id);
    if (over_.size() > remembered) forget_oldest();
  }
  sink.to_agent(frame.type, frame.payload);
  return {};
}

void Routing::leave(std::size_t worker) noexcept {
  for (auto& [id, exchange] : by_id_)
    if (exchange.worker == worker) end(exchange);
}

void Routing::forget_oldest() {
  by_id_.erase(over_.front());
  over_.pop_front();
}

void Routing::pinged(std::size_t worker, const wire::FrameView& frame, Sink& sink) {
  if (pings_.size() == most_pings) pings_.pop_front();
  pings_.push_back({worker, std::string{frame.payload}});
  sink.to_agent(frame.type, frame.payload);
}

/// A pong holds what its ping did; of two workers that said the same the first is answered first.
void Routing::ponged(const wire::FrameView& frame, Sink& sink) {
  base::Arena arena;
  const auto pong = wire::decode<wire::Pong>(wire::Format{}, frame.payload, arena);
  const auto is_its = [&](const Ping& ping) {
    if (ping.payload == frame.payload) return true;
    std::string text = ping.payload;
    text.reserve(text.size() + base::limits::tail_padding);  // the parser may look a little past the text
    const auto asked = wire::decode<wire::Ping>(wire::Format{}, text, arena);
    return pong && asked && asked->sequence == pong->sequence && asked->timestamp_ms == pong->timestamp_ms;
  };
  const auto found = std::ranges::find_if(pings_, is_its);
  if (found == pings_.end()) return;
  sink.to_worker(found->worker, frame.type, frame.payload);
  pings_.erase(found);
}

base::Status Routing::response(const wire::FrameView& frame, Sink& sink) {
  const auto response = wire::decode<wire::AgentResponse>(format_, frame.payload, arena_);
  if (!response) return response.error();
  if (!waiting_.empty() && response->correlation_id == configuration_id_) {
    verdict_.emplace(frame.payload);
    for (const std::size_t worker : std::exchange(waiting_, {})) sink.to_worker(worker, frame.type, frame.payload);
    return {};
  }
  sink.to_worker(worker_of(response->correlation_id), frame.type, frame.payload);
  return {};
}

base::Status Routing::flow(const wire::FrameView& frame, Sink& sink) {
  const auto flow = wire::decode<wire::FlowControl>(format_, frame.payload, arena_);
  if (!flow) return flow.error();
  if (flow->correlation_id) {
    sink.to_worker(worker_of(*flow->correlation_id), frame.type, frame.payload);
  } else {
    to_all(frame, sink);
  }
  return {};
}

void Routing::to_all(const wire::FrameView& frame, Sink& sink) const {
  for (std::size_t i = 0; i < workers_; ++i) sink.to_worker(i, frame.type, frame.payload);
}

std::size_t Routing::worker_of(std::string_view id) const {
  const auto found = by_id_.find(std::string{id});
  return found == by_id_.end() ? 0 : found->second.worker;
}

}  // namespace picket::pool::reverse
