#include "picket/transport/http2_link.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <sys/uio.h>

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;

// Reads per readiness, and bytes of each, as of frames (frame_link.cpp says why): both ends work at the same time
// instead of by turns, and a peer that sends as fast as it is answered does not keep the others waiting.
constexpr int reads_per_turn = 4;
constexpr std::size_t first_pass_size = std::size_t{4} * 1024;
constexpr std::size_t pass_size = std::size_t{8} * 1024;
// From so many missing bytes on the rest of a message is read in one; with what HTTP/2 puts between them.
constexpr std::size_t worth_a_read = 4096;
constexpr std::size_t frames_between = 512;
constexpr std::size_t iovecs_per_write = 64;
// What a peer that reads has to give a larger window: longer than to most of them and back. Who gives none waits so
// long for each of its small ones.
constexpr base::Duration patience_with_windows = std::chrono::milliseconds{250};

base::Error closed_by_peer() { return fail(ErrorKind::connection_closed, "the peer closed the connection"); }

}  // namespace

Http2Link::Http2Link(Channel channel, http2::Role role, const http2::Limits& limits, Owner& owner)
    : channel_(std::move(channel)),
      worker_(channel_.worker()),
      connection_(role, limits, owner),
      owner_(&owner),
      timer_([](void* self, base::TimePoint) { static_cast<Http2Link*>(self)->on_late(); }, this) {}

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
  link.begin({});
}

/// The peer: with the connect, or with windows that are worth a frame.
void Http2Link::on_late() {
  if (!is_connected_) return finish(fail(ErrorKind::timeout, "the connection was not accepted in time"));
  connection_.hurry();
  flush();
}

void Http2Link::serve(std::string_view already_read) { begin(already_read); }

void Http2Link::begin(std::string_view already_read) {
  timer_.cancel();
  is_connected_ = true;
  owner_->on_connected();
  if (owner_ != nullptr && !already_read.empty()) take(already_read);
  if (owner_ == nullptr) return;
  flush_later();
  wait_to_read(shared_from_this());
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

void Http2Link::wait_to_read(std::shared_ptr<Http2Link> self) {
  Http2Link& link = *self;
  link.channel_.wait_for_input({&Http2Link::on_readable, std::move(self)});
}

void Http2Link::on_readable(std::shared_ptr<void>& self, const Completion&) {
  auto link = std::static_pointer_cast<Http2Link>(std::move(self));
  if (link->owner_ == nullptr) return;
  link->passes_ = 0;
  link->reads_on_ = true;
  read_on(std::move(link));
}

/// Reads pass by pass. Who waited for what one brought goes on before its output leaves: it takes along what they ask
/// next.
void Http2Link::read_on(std::shared_ptr<Http2Link> self) {
  Http2Link& link = *self;
  while (link.reads_on_) {
    link.receive();
    if (link.owner_ == nullptr) return;
    if (link.worker_.has_resumptions()) {
      link.after_pass_.wait(&Http2Link::after_pass, &link);
      return link.worker_.resume(link.after_pass_);
    }
    link.answer_pass();
    if (link.owner_ == nullptr) return;
  }
  wait_to_read(std::move(self));
}

void Http2Link::after_pass(void* self) {
  auto link = static_cast<Http2Link*>(self)->shared_from_this();
  link->answer_pass();
  if (link->owner_ != nullptr) read_on(std::move(link));
}

void Http2Link::receive() {
  const bool is_rest = expected_ >= worth_a_read;
  const std::size_t size = is_rest ? std::min(expected_ + frames_between, Worker::scratch_size)
                                   : (passes_ == 0 ? first_pass_size : pass_size);
  const std::span<char> into = worker_.scratch().first(size);
  const Transfer got = channel_.read_now(into);
  if (got.outcome == Transfer::Outcome::failed) return finish(channel_.failure(got));
  if (got.outcome == Transfer::Outcome::ended) return finish(closed_by_peer());
  ++passes_;
  is_dry_ = !got.may_have_more;
  // Once a large message is whole, the others of this loop come before what is behind it.
  reads_on_ = !is_dry_ && !is_rest && passes_ < reads_per_turn;
  if (got.outcome == Transfer::Outcome::blocked) return;
  expected_ = 0;
  take({into.data(), got.size});
}

void Http2Link::take(std::string_view bytes) {
  base::Status status;
  if (!inside([&] { status = connection_.feed(bytes, worker_.now()); })) return;
  if (!status) return finish(status.error());
  if (connection_.is_over()) finish(closed_by_peer());
}

/// A body that has begun to come is here with the next pass: what stands before it is answered along with it.
void Http2Link::answer_pass() {
  if (reads_on_ && passes_ == 1 && expected_ >= worth_a_read) return;
  owner_->before_answering();
  write();
}

// ---- writing

void Http2Link::flush() {
  const auto self = shared_from_this();
  write();
}

void Http2Link::write() {
  while (owner_ != nullptr && !writer_waits_ && connection_.has_output() && write_once()) {
  }
  if (owner_ == nullptr) return;
  if (!connection_.holds_back()) {
    timer_.cancel();
  } else if (!timer_.armed()) {
    worker_.timers().arm(timer_, worker_.now() + patience_with_windows);
  }
  if (connection_.is_broken() && !connection_.has_output())
    finish(fail(ErrorKind::invalid_message, "HTTP/2: the peer broke the protocol"));
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
    link.write();
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
  after_pass_.forget();
  worker_.forget(*this);
  channel_.close();
}

}  // namespace picket::transport
