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
  stream_.socket().async_wait(transport::Stream::Socket::wait_read,
                              [self = self_](const boost::system::error_code& error) {
                                if (*self == nullptr) return;
                                if (error) {
                                  (*self)->self_.reset();
                                } else {
                                  (*self)->readable();
                                }
                              });
}

void InputWatch::readable() {
  if (on_input_()) {
    look();
  } else {
    self_.reset();
  }
}

}  // namespace picket::apps::gateway::http1
