#include "apps/gateway/http1/input_watch.hpp"

namespace picket::apps::gateway::http1 {
namespace {

constexpr base::Duration patience = std::chrono::milliseconds{20};

}  // namespace

InputWatch::InputWatch(transport::Stream& stream, std::function<bool()> on_input)
    : stream_(stream), on_input_(std::move(on_input)), timer_(&InputWatch::on_due, this) {}

void InputWatch::start() { stream_.worker().timers().arm(timer_, stream_.worker().now() + patience); }

void InputWatch::stop() {
  timer_.cancel();
  if (!self_) return;
  *self_ = nullptr;
  self_.reset();
  stream_.cancel();
}

void InputWatch::on_due(void* self, base::TimePoint) {
  auto& watch = *static_cast<InputWatch*>(self);
  if (watch.self_) return;  // it looks already
  watch.self_ = std::make_shared<InputWatch*>(&watch);
  watch.look();
}

void InputWatch::look() {
  const auto on_input = [](std::shared_ptr<void>& shared, const transport::Completion&) {
    const auto self = std::static_pointer_cast<InputWatch*>(shared);
    if (*self != nullptr) (*self)->readable();
  };
  stream_.wait_for_input({on_input, self_});
}

void InputWatch::readable() {
  if (stream_.is_open() && on_input_()) {
    look();
  } else {
    self_.reset();
  }
}

}  // namespace picket::apps::gateway::http1
