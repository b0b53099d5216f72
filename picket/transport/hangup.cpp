#include "picket/transport/hangup.hpp"

#include <cerrno>
#include <memory>
#include <system_error>

namespace picket::transport {
namespace {

/// Throws std::system_error: at start only.
int make_poll() {
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
  return descriptor;
}

}  // namespace

HangupMonitor::HangupMonitor(Worker& worker) : poll_(worker, make_poll()) { wait(); }

void HangupMonitor::wait() {
  const auto on_readable = [](std::shared_ptr<void>& self, const Completion& outcome) {
    if (outcome.error != 0) return;  // the monitor is gone
    auto& monitor = *static_cast<HangupMonitor*>(self.get());
    monitor.dispatch();
    monitor.wait();
  };
  poll_.wait(Readiness::readable, {on_readable, this});
}

void HangupMonitor::dispatch() {
  const int count = ::epoll_wait(poll_.value(), events_.data(), static_cast<int>(events_.size()), 0);
  batch_ = std::span{events_}.first(count > 0 ? static_cast<std::size_t>(count) : 0);
  while (!batch_.empty()) {
    const epoll_event event = batch_.front();
    batch_ = batch_.subspan(1);
    if (event.data.ptr != nullptr) static_cast<HangupWatch*>(event.data.ptr)->heard(event.events);
  }
}

void HangupMonitor::set(int operation, int descriptor, HangupWatch& watch, std::uint32_t events) noexcept {
  epoll_event event{.events = events | EPOLLONESHOT, .data = {.ptr = &watch}};
  ::epoll_ctl(poll_.value(), operation, descriptor, &event);
}

void HangupMonitor::forget(HangupWatch& watch) noexcept {
  for (epoll_event& event : batch_)
    if (event.data.ptr == &watch) event.data.ptr = nullptr;
}

/// The kernel would tell what is gone.
HangupWatch::~HangupWatch() { stop(true); }

void HangupWatch::start(int descriptor) noexcept {
  stop(true);
  descriptor_ = descriptor;
  monitor_.set(EPOLL_CTL_ADD, descriptor, *this, EPOLLRDHUP);
}

void HangupWatch::stop(bool is_open) noexcept {
  if (started() && is_open) monitor_.set(EPOLL_CTL_DEL, descriptor_, *this, 0);
  descriptor_ = -1;
  monitor_.forget(*this);
}

void HangupWatch::heard(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return on_hangup_(Hangup::reset);
  monitor_.set(EPOLL_CTL_MOD, descriptor_, *this, 0);  // errors are told without being asked for
  on_hangup_(Hangup::end_of_stream);
}

}  // namespace picket::transport
