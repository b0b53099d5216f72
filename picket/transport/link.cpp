#include "picket/transport/link.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>
#include <sys/socket.h>

#include "picket/transport/listener.hpp"
#include "picket/transport/stream.hpp"

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;

// Reads per readiness, 28 KiB: a peer that sends as fast as it is answered must not keep the others waiting. With 64
// events in flight on 4 connections, p99 in JSON was 224 to 771 us with 16 reads and is 212 to 265 with 4; in
// MessagePack, where a backlog is shorter, 4 cost 8 % of the decisions per second.
constexpr int reads_per_turn = 4;
// Bytes decoded before their answers leave: both ends work at the same time instead of by turns. Measured with 64
// events in flight: 8 KiB gives 1.6 times the decisions per second of a whole backlog at once. With 8, which 8 KiB
// hold, a first pass of 4 KiB gives 1.4 times those of one of 8; with 64 in JSON it costs 5 %.
constexpr std::size_t first_pass_size = 4 * 1024;
constexpr std::size_t pass_size = 8 * 1024;
// Output over which nothing more is read from the peer: whoever does not take answers gets no more questions in.
constexpr std::size_t backlog_limit = 1024 * 1024;
// iovecs per system call: about 30 bodies.
constexpr std::size_t iovecs_per_write = 64;

base::Error closed_by_peer() { return fail(ErrorKind::connection_closed, "the peer closed the connection"); }

}  // namespace

template <class Session>
Link<Session>::Link(Worker& worker, const Config& config, Owner& owner)
    : worker_(worker),
      config_(config),
      owner_(&owner),
      socket_(worker.context()),
      timer_([](void* self, base::TimePoint now) { static_cast<Link*>(self)->on_timer(now); }, this) {}

template <class Session>
Link<Session>::~Link() {
  worker_.forget(*this);
}

template <class Session>
std::shared_ptr<Link<Session>> Link<Session>::dial(Worker& worker, const Endpoint& endpoint, const Config& config,
                                                   base::Duration timeout, Owner& owner) {
  auto link = std::make_shared<Link>(worker, config, owner);
  link->connect(endpoint, timeout);
  return link;
}

template <class Session>
std::shared_ptr<Link<Session>> Link<Session>::adopt(Worker& worker, int descriptor, const Config& config,
                                                    Owner& owner) {
  auto link = std::make_shared<Link>(worker, config, owner);
  link->socket_ = std::move(transport::adopt(worker, descriptor).socket());
  link->connected();
  return link;
}

// In handlers the last reference must go before the guard does, so it is moved into a local behind it.

template <class Session>
void Link<Session>::connect(const Endpoint& endpoint, base::Duration timeout) {
  worker_.timers().arm(timer_, worker_.now() + timeout);
  auto on_connected = [self = this->shared_from_this(),
                       name = endpoint.text()](const boost::system::error_code& error) mutable {
    const auto guard = self->worker_.enter();
    const auto link = std::move(self);
    if (link->owner_ == nullptr) return;
    if (const auto outcome = connect_outcome(link->socket_, error)) {
      link->finish(
          fail(ErrorKind::connection_failed, fmt::format("cannot connect to {}: {}", name, outcome.message())));
    } else {
      link->connected();
    }
  };
  socket_.async_connect({endpoint.address(), endpoint.size()}, std::move(on_connected));
}

template <class Session>
void Link<Session>::connected() {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  session_ = std::make_unique<Session>(config_, worker_.now());
  handle_actions();  // a configuration that cannot be written ends it at once
  if (owner_ == nullptr) return;
  touch();
  reading_ = true;
  wait_readable(this->shared_from_this());
}

// ---- reading

template <class Session>
void Link<Session>::wait_readable(std::shared_ptr<Link> self) {
  // The one reference travels from read to read: no count is touched in between.
  Link& link = *self;
  auto on_ready = [self = std::move(self)](const boost::system::error_code& error) mutable {
    const auto guard = self->worker_.enter();
    auto here = std::move(self);
    if (here->owner_ == nullptr) return;
    if (error) return here->disconnected(fail(ErrorKind::connection_closed, error.message()));
    here->passes_ = 0;
    here->reads_on_ = true;
    read_on(std::move(here));
  };
  link.socket_.async_wait(Socket::wait_read, std::move(on_ready));
}

/// Reads pass by pass. Who waited for what one brought goes on before its output leaves: it takes along what they ask
/// next.
template <class Session>
void Link<Session>::read_on(std::shared_ptr<Link> self) {
  Link& link = *self;
  while (link.reads_on_ && !link.backlogged()) {
    link.receive();
    if (link.owner_ == nullptr) return;
    if (link.worker_.has_resumptions()) {
      link.after_pass_.wait(&Link::after_pass, &link);
      return link.worker_.resume(link.after_pass_);
    }
    link.answer_pass();
    if (link.owner_ == nullptr) return;
  }
  link.answer();
  if (link.owner_ == nullptr) return;
  link.arm_timer();
  link.reading_ = !link.backlogged();  // else flush() reads on
  if (link.reading_) wait_readable(std::move(self));
}

template <class Session>
void Link<Session>::after_pass(void* self) {
  auto link = static_cast<Link*>(self)->shared_from_this();
  link->answer_pass();
  if (link->owner_ != nullptr) read_on(std::move(link));
}

template <class Session>
void Link<Session>::receive() {
  // Into where it belongs, or into memory that the worker lends.
  const std::span<char> rest = session_->rest();
  const std::span<char> into =
      rest.empty() ? worker_.scratch().first(passes_ == 0 ? first_pass_size : pass_size) : rest;
  const ssize_t got = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_DONTWAIT);
  const bool nothing = got < 0 && (errno == EAGAIN || errno == EINTR);
  if (got < 0 && !nothing)
    return disconnected(fail(ErrorKind::connection_closed, std::generic_category().message(errno)));
  if (got == 0) return disconnected(closed_by_peer());
  const std::size_t size = nothing ? 0 : static_cast<std::size_t>(got);
  ++passes_;
  is_dry_ = size < into.size();
  // Once a large frame is whole, the others of this loop come before what is behind it.
  reads_on_ = !is_dry_ && rest.empty() && passes_ < reads_per_turn;
  if (nothing) return;
  rest.empty() ? session_->feed({into.data(), size}, worker_.now()) : session_->rest_received(size, worker_.now());
  handle_actions();
}

/// A body that has begun to come is here in a moment: what stands before it is answered along with it.
template <class Session>
void Link<Session>::answer_pass() {
  if (is_dry_ || passes_ != 1 || !session_->cuts_large_frame()) answer();
}

template <class Session>
void Link<Session>::disconnected(base::Error reason) {
  reading_ = false;
  session_->disconnected(std::move(reason));
  handle_actions();
}

/// What a read produced leaves at once: the peer goes on with it while this end re-arms, polls and serves others.
template <class Session>
void Link<Session>::answer() {
  if (session_->output().urgent() && !waiting_writable_) write();
}

template <class Session>
bool Link<Session>::backlogged() const {
  if constexpr (std::is_same_v<Session, session::AgentSession>) {
    if (session_->unanswered() > base::limits::max_unanswered_events) return true;
  }
  return session_->output().size() > backlog_limit;
}

template <class Session>
void Link<Session>::handle_actions() {
  if (!session_->actions().empty()) owner_->on_actions(*this);
  if (owner_ != nullptr && session_->end()) finish(*session_->end());
}

// ---- writing

template <class Session>
void Link<Session>::touch() {
  if (owner_ != nullptr && session_) worker_.flush_later(*this);
}

template <class Session>
void Link<Session>::flush() {
  if (owner_ == nullptr) return;
  handle_actions();  // whoever called the session may have ended it
  if (owner_ == nullptr) return;
  arm_timer();
  if (!waiting_writable_) write();
}

template <class Session>
void Link<Session>::write() {
  auto& output = session_->output();
  std::array<iovec, iovecs_per_write> parts;
  while (output.urgent()) {
    const std::size_t count = output.gather(parts);
    const auto written = write_vectored(socket_.native_handle(), std::span{parts}.first(count));
    if (!written) {
      session_->disconnected(written.error());
      handle_actions();
      return;
    }
    if (*written == 0) return wait_writable();
    worker_.wrote();
    output.consume(*written);
  }
  if (reading_ || backlogged()) return;
  reading_ = true;
  wait_readable(this->shared_from_this());
}

template <class Session>
void Link<Session>::wait_writable() {
  waiting_writable_ = true;
  socket_.async_wait(Socket::wait_write,
                     [self = this->shared_from_this()](const boost::system::error_code& error) mutable {
                       const auto guard = self->worker_.enter();
                       const auto link = std::move(self);
                       link->waiting_writable_ = false;
                       if (link->owner_ != nullptr && !error) link->write();
                     });
}

// ---- time and the end

template <class Session>
void Link<Session>::arm_timer() {
  // Only ever moved earlier: a timer that fires too soon looks again.
  const base::TimePoint wakeup = session_->next_wakeup();
  if (wakeup == base::TimePoint::max() || (timer_.armed() && timer_.due() <= wakeup)) return;
  worker_.timers().arm(timer_, wakeup);
}

template <class Session>
void Link<Session>::on_timer(base::TimePoint now) {
  if (owner_ == nullptr) return;
  if (!session_) return finish(fail(ErrorKind::timeout, "the connection was not accepted in time"));
  session_->tick(now);
  handle_actions();
  touch();
}

template <class Session>
void Link<Session>::finish(const base::Error& reason) {
  const auto self = this->shared_from_this();
  Owner* const owner = owner_;
  close();
  owner->on_closed(*this, reason);
}

template <class Session>
void Link<Session>::close() noexcept {
  if (owner_ == nullptr) return;
  if (session_ && !session_->output().empty() && !waiting_writable_) {
    // A farewell, such as the reason for a refused handshake: it goes out if the kernel takes it now.
    std::array<iovec, iovecs_per_write> parts;
    const std::size_t count = session_->output().gather(parts);
    (void)write_vectored(socket_.native_handle(), std::span{parts}.first(count)).has_value();
  }
  owner_ = nullptr;
  timer_.cancel();
  after_pass_.forget();
  worker_.forget(*this);
  boost::system::error_code ignored;
  socket_.close(ignored);
}

template class Link<session::ProxySession>;
template class Link<session::AgentSession>;

}  // namespace picket::transport
