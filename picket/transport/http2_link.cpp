#include "picket/transport/http2_link.hpp"

#include <array>
#include <cerrno>

#include <sys/uio.h>

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;

// Reads per readiness, and bytes of each: a peer that sends as fast as it is answered must not keep the others waiting.
constexpr int reads_per_turn = 4;
constexpr std::size_t read_size = std::size_t{32} * 1024;
constexpr std::size_t iovecs_per_write = 64;

base::Error closed_by_peer() { return fail(ErrorKind::connection_closed, "the peer closed the connection"); }

}  // namespace

Http2Link::Http2Link(Channel channel, http2::Role role, const http2::Limits& limits, Owner& owner)
    : channel_(std::move(channel)),
      worker_(channel_.worker()),
      connection_(role, limits, owner),
      owner_(&owner),
      timer_(
          [](void* self, base::TimePoint) {
            static_cast<Http2Link*>(self)->finish(fail(ErrorKind::timeout, "the connection was not accepted in time"));
          },
          this) {}

Http2Link::~Http2Link() { worker_.forget(*this); }

void Http2Link::connect(const Endpoint& endpoint, base::Duration timeout) {
  peer_ = endpoint.text();
  worker_.timers().arm(timer_, worker_.now() + timeout);
  channel_.connect(endpoint, {&Http2Link::on_connected, shared_from_this()});
}

void Http2Link::on_connected(std::shared_ptr<void>& self, const Completion& outcome) {
  Http2Link& link = *static_cast<Http2Link*>(self.get());
  if (link.owner_ == nullptr) return;
  const std::string peer = std::move(link.peer_);
  if (outcome.error != 0) return link.finish(cannot_connect(peer, outcome.error));
  link.begin();
}

void Http2Link::serve() { begin(); }

void Http2Link::begin() {
  timer_.cancel();
  is_connected_ = true;
  owner_->on_connected();
  if (owner_ == nullptr) return;
  flush_later();
  wait_to_read();
}

/// Calls the connection, which may tell the owner that a stream is closed, whatever it is called for. What the owner
/// closes meanwhile is shut behind it. Returns whether the link is still open.
template <class Call>
bool Http2Link::inside(Call call) {
  is_inside_ = true;
  call();
  is_inside_ = false;
  if (owner_ == nullptr) shut();
  return owner_ != nullptr;
}

// ---- reading

void Http2Link::wait_to_read() { channel_.wait_for_input({&Http2Link::on_readable, shared_from_this()}); }

void Http2Link::on_readable(std::shared_ptr<void>& self, const Completion&) {
  const auto link = std::static_pointer_cast<Http2Link>(std::move(self));
  if (link->owner_ != nullptr) link->read();
}

void Http2Link::read() {
  for (int i = 0; i < reads_per_turn; ++i)
    if (!read_once()) break;
  if (owner_ == nullptr) return;
  flush_later();
  wait_to_read();
}

/// Whether another read may bring something now.
bool Http2Link::read_once() {
  const std::span<char> into = worker_.scratch().first(read_size);
  const Transfer got = channel_.read_now(into);
  if (got.outcome == Transfer::Outcome::failed) return finish(channel_.failure(got)), false;
  if (got.outcome == Transfer::Outcome::ended) return finish(closed_by_peer()), false;
  if (got.outcome == Transfer::Outcome::blocked) return false;
  base::Status status;
  if (!inside([&] { status = connection_.feed({into.data(), got.size}, worker_.now()); })) return false;
  if (!status) return finish(status.error()), false;
  if (connection_.is_over()) return finish(closed_by_peer()), false;
  return got.may_have_more;
}

// ---- writing

void Http2Link::flush() {
  if (owner_ == nullptr || writer_waits_) return;
  const auto self = shared_from_this();
  while (connection_.has_output() && write_once()) {
  }
}

/// Whether there may be more to write now.
bool Http2Link::write_once() {
  std::array<iovec, iovecs_per_write> parts;
  std::size_t count = 0;
  if (!inside([&] { count = connection_.gather(parts); }) || count == 0) return false;
  const Transfer written = channel_.write_now(std::span{parts}.first(count));
  if (written.outcome == Transfer::Outcome::failed) return finish(channel_.failure(written)), false;
  if (written.outcome == Transfer::Outcome::blocked) return wait_to_write(written.wanted), false;
  worker_.wrote();
  return inside([&] { connection_.wrote(written.size); });
}

void Http2Link::wait_to_write(Readiness wanted) {
  writer_waits_ = true;
  const auto on_ready = [](std::shared_ptr<void>& self, const Completion&) {
    Http2Link& link = *static_cast<Http2Link*>(self.get());
    link.writer_waits_ = false;
    link.flush();
  };
  channel_.wait(wanted, {on_ready, shared_from_this()});
}

// ---- the end

void Http2Link::finish(const base::Error& reason) {
  const auto self = shared_from_this();
  if (owner_ == nullptr) return;
  timer_.cancel();
  owner_->on_over(reason);
  close();
}

void Http2Link::close(std::shared_ptr<void> bodies) noexcept {
  if (owner_ == nullptr) return;
  owner_ = nullptr;
  bodies_ = std::move(bodies);
  if (!is_inside_) shut();
}

void Http2Link::shut() noexcept {
  const auto bodies = std::move(bodies_);
  std::array<iovec, iovecs_per_write> parts;
  while (is_connected_ && !writer_waits_ && connection_.has_output()) {
    const std::size_t count = connection_.gather(parts);
    const Transfer written =
        count == 0 ? Transfer::blocked(Readiness::writable) : channel_.write_now(std::span{parts}.first(count));
    if (written.outcome != Transfer::Outcome::moved) break;
    connection_.wrote(written.size);
  }
  timer_.cancel();
  worker_.forget(*this);
  channel_.close();
}

}  // namespace picket::transport
