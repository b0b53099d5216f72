#include <chrono>

#include "picket/agent/agent_handle.hpp"
#include "picket/agent/internal/line.hpp"
#include "picket/agent/internal/standing.hpp"
#include "picket/agent/internal/wall_clock.hpp"
#include "picket/agent/proxy_handle.hpp"
#include "picket/wire/copy.hpp"

namespace picket::agent {
namespace {

using internal::Line;
using internal::Remark;

template <class Message>
std::shared_ptr<Remark> remark_of(const Message& message) {
  auto remark = std::make_shared<Remark>();
  remark->message = wire::copy_into(message, remark->memory);
  return remark;
}

void say_flow(Line& line, std::string_view correlation_id, wire::FlowAction action, std::uint64_t bytes = 0) {
  wire::FlowControl flow{
      .action = action, .buffer_available = bytes, .timestamp_ms = internal::milliseconds_since_1970()};
  if (!correlation_id.empty()) flow.correlation_id = correlation_id;
  line.say(remark_of(flow));
}

}  // namespace

void AgentHandle::report(Health health) const { standing_->report(std::move(health)); }
Health AgentHandle::health() const { return standing_->health(); }

void ProxyHandle::pause() const { say_flow(*line_, {}, wire::FlowAction::pause); }
void ProxyHandle::resume() const { say_flow(*line_, {}, wire::FlowAction::resume); }
void ProxyHandle::update_capacity(std::uint64_t bytes) const {
  say_flow(*line_, {}, wire::FlowAction::update_capacity, bytes);
}

void ProxyHandle::log(wire::LogLevel level, std::string_view message, std::string_view correlation_id) const {
  wire::LogMessage line{.level = level, .message = message, .timestamp_ms = internal::milliseconds_since_1970()};
  if (!correlation_id.empty()) line.correlation_id = correlation_id;
  line_->say(remark_of(line));
}

void ProxyHandle::request(const wire::ConfigUpdate& update, Answered answered) const {
  line_->ask(remark_of(wire::ConfigUpdateRequest{
                 .update = update, .request_id = {}, .timestamp_ms = internal::milliseconds_since_1970()}),
             std::move(answered));
}

void ExchangeHandle::pause() const { say_flow(*line_, correlation_id_, wire::FlowAction::pause); }
void ExchangeHandle::resume() const { say_flow(*line_, correlation_id_, wire::FlowAction::resume); }
void ExchangeHandle::update_capacity(std::uint64_t bytes) const {
  say_flow(*line_, correlation_id_, wire::FlowAction::update_capacity, bytes);
}

}  // namespace picket::agent
