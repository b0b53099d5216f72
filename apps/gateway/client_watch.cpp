#include "apps/gateway/client_watch.hpp"

#include <cerrno>

#include <sys/socket.h>

namespace picket::apps::gateway {
namespace {

constexpr base::Duration patience = std::chrono::milliseconds{20};

}  // namespace

ClientWatch::ClientWatch(transport::Stream& stream, std::function<void()> on_gone)
    : stream_(stream), on_gone_(std::move(on_gone)), timer_(&ClientWatch::on_due, this) {}

void ClientWatch::start() { stream_.worker().timers().arm(timer_, stream_.worker().now() + patience); }

void ClientWatch::stop() {
  timer_.cancel();
  if (!self_) return;
  *self_ = nullptr;
  self_.reset();
  boost::system::error_code ignored;
  if (stream_.is_open()) stream_.socket().cancel(ignored);
}

void ClientWatch::on_due(void* self, base::TimePoint) { static_cast<ClientWatch*>(self)->look(); }

void ClientWatch::look() {
  self_ = std::make_shared<ClientWatch*>(this);
  stream_.socket().async_wait(transport::Stream::Socket::wait_read,
                              [self = self_](const boost::system::error_code& error) {
                                if (*self != nullptr && !error) (*self)->readable();
                              });
}

void ClientWatch::readable() {
  *self_ = nullptr;
  self_.reset();
  char byte = 0;
  const ssize_t size = ::recv(stream_.descriptor(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
  on_gone_();
}

}  // namespace picket::apps::gateway
