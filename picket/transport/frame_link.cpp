#include "picket/transport/frame_link.hpp"

#include <array>
#include <cerrno>

#include <sys/uio.h>

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

template <class Session, class Framing>
FrameLink<Session, Framing>::FrameLink(Channel channel, Beginning opening, Owner& owner, session::Tap* tap)
    : Link<Session>(channel.worker(), owner),
      channel_(std::move(channel)),
      opening_(std::move(opening)),
      tap_(tap),
      timer_([](void* self, base::TimePoint now) { static_cast<FrameLink*>(self)->on_timer(now); }, this) {}

template <class Session, class Framing>
std::shared_ptr<FrameLink<Session, Framing>> FrameLink<Session, Framing>::dial(Channel channel,
                                                                               const Endpoint& endpoint,
                                                                               Beginning opening,
                                                                               base::Duration timeout, Owner& owner,
                                                                               session::Tap* tap) {
  auto link = std::make_shared<FrameLink>(std::move(channel), std::move(opening), owner, tap);
  link->connect(endpoint, timeout);
  return link;
}

template <class Session, class Framing>
std::shared_ptr<FrameLink<Session, Framing>> FrameLink<Session, Framing>::adopt(Channel channel, Beginning opening,
                                                                                Owner& owner, std::string received,
                                                                                session::Tap* tap) {
  auto link = std::make_shared<FrameLink>(std::move(channel), std::move(opening), owner, tap);
  link->received_ = std::move(received);
  link->connected();
  return link;
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::connect(const Endpoint& endpoint, base::Duration timeout) {
  peer_ = endpoint.text();
  worker_.timers().arm(timer_, worker_.now() + timeout);
  channel_.connect(endpoint, {&FrameLink::on_connected, this->shared_from_this()});
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::on_connected(std::shared_ptr<void>& self, const Completion& outcome) {
  FrameLink& link = *static_cast<FrameLink*>(self.get());
  if (link.owner_ == nullptr) return;
  const std::string peer = std::move(link.peer_);
  if (outcome.error != 0) return link.finish(cannot_connect(peer, outcome.error));
  link.connected();
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::connected() {
  if constexpr (!Session::pings) keep_alive(channel_.descriptor());
  framing_.emplace(std::move(opening_), worker_.now(), tap_);
  this->is_connected_ = true;
  handle_actions();  // a configuration that cannot be written ends it at once
  if (owner_ == nullptr) return;
  this->flush_later();
  reading_ = true;
  if (received_.empty()) return wait_to_read(this->shared_from_this());
  after_pass_.wait([](void* self) { static_cast<FrameLink*>(self)->hear_received(); }, this);
  worker_.resume(after_pass_);
}

// ---- reading

/// What came before this link had the channel, as if it had read it.
template <class Session, class Framing>
void FrameLink<Session, Framing>::hear_received() {
  auto self = this->shared_from_this();
  std::string bytes = std::exchange(received_, {});
  const std::size_t size = bytes.size();
  bytes.append(base::limits::tail_padding, '\0');
  framing_->feed(std::string_view{bytes}.substr(0, size), worker_.now());
  handle_actions();
  if (owner_ == nullptr) return;
  answer();
  if (owner_ == nullptr) return;
  arm_timer();
  wait_to_read(std::move(self));
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::wait_to_read(std::shared_ptr<FrameLink> self) {
  // The one share travels from read to read: no count is touched in between.
  FrameLink& link = *self;
  Waiter waiter{&FrameLink::on_readable, std::move(self)};
  link.reads_when_ == Readiness::readable ? link.channel_.wait_for_input(std::move(waiter))
                                          : link.channel_.wait(Readiness::writable, std::move(waiter));
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::on_readable(std::shared_ptr<void>& self, const Completion& outcome) {
  auto link = std::static_pointer_cast<FrameLink>(std::move(self));
  if (link->owner_ == nullptr) return;
  if (outcome.error != 0 && outcome.error != ECANCELED)  // called early: looks all the same
    return link->disconnected(link->channel_.failure(Transfer::failed(outcome.error)));
  link->passes_ = 0;
  link->reads_on_ = true;
  read_on(std::move(link));
}

/// Reads pass by pass. Who waited for what one brought goes on before its output leaves: it takes along what they ask
/// next.
template <class Session, class Framing>
void FrameLink<Session, Framing>::read_on(std::shared_ptr<FrameLink> self) {
  FrameLink& link = *self;
  while (link.reads_on_ && !link.backlogged()) {
    link.receive();
    if (link.owner_ == nullptr) return;
    if (link.worker_.has_resumptions()) {
      link.after_pass_.wait(&FrameLink::after_pass, &link);
      return link.worker_.resume(link.after_pass_);
    }
    link.answer_pass();
    if (link.owner_ == nullptr) return;
  }
  link.answer();
  if (link.owner_ == nullptr) return;
  link.arm_timer();
  link.reading_ = !link.backlogged();  // else flush() reads on
  if (link.reading_) wait_to_read(std::move(self));
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::after_pass(void* self) {
  auto link = static_cast<FrameLink*>(self)->shared_from_this();
  link->answer_pass();
  if (link->owner_ != nullptr) read_on(std::move(link));
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::receive() {
  // Into where it belongs, or into memory that the worker lends.
  const std::span<char> rest = framing_->rest();
  const std::span<char> into =
      rest.empty() ? worker_.scratch().first(passes_ == 0 ? first_pass_size : pass_size) : rest;
  const Transfer got = channel_.read_now(into);
  if (got.outcome == Transfer::Outcome::failed) return disconnected(channel_.failure(got));
  if (got.outcome == Transfer::Outcome::ended) return disconnected(closed_by_peer());
  ++passes_;
  reads_when_ = got.wanted;
  is_dry_ = !got.may_have_more;
  // Once a large frame is whole, the others of this loop come before what is behind it.
  reads_on_ = !is_dry_ && rest.empty() && passes_ < reads_per_turn;
  if (got.outcome == Transfer::Outcome::blocked) return;
  rest.empty() ? framing_->feed({into.data(), got.size}, worker_.now())
               : framing_->rest_received(got.size, worker_.now());
  handle_actions();
}

/// A body that has begun to come is here in a moment: what stands before it is answered along with it.
template <class Session, class Framing>
void FrameLink<Session, Framing>::answer_pass() {
  if (is_dry_ || passes_ != 1 || !framing_->holds_part_of_large_frame()) answer();
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::disconnected(base::Error reason) {
  reading_ = false;
  conversation().disconnected(std::move(reason));
  handle_actions();
}

/// What a read produced leaves at once: the peer goes on with it while this end re-arms, polls and serves others.
template <class Session, class Framing>
void FrameLink<Session, Framing>::answer() {
  translate();
  if (owner_ == nullptr) return;
  if (framing_->output().urgent() && !writer_waits_) write();
}

/// What was written becomes the peer's, where it speaks otherwise. The framing may answer for it.
template <class Session, class Framing>
void FrameLink<Session, Framing>::translate() {
  if constexpr (Framing::translates) {
    if (framing_->translate(worker_.now())) handle_actions();
  }
}

template <class Session, class Framing>
bool FrameLink<Session, Framing>::backlogged() const {
  const auto* const session = framing_->conversation().session();
  if (session != nullptr && session->is_saturated()) return true;
  return framing_->output().size() > backlog_limit;
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::handle_actions() {
  session_ = conversation().session();
  if (session_ != nullptr && !session_->actions().empty()) owner_->on_actions(*this);
  if (owner_ != nullptr && conversation().end()) finish(*conversation().end());
}

// ---- writing

template <class Session, class Framing>
void FrameLink<Session, Framing>::flush() {
  if (owner_ == nullptr) return;
  handle_actions();  // whoever called the session may have ended it
  if (owner_ == nullptr) return;
  translate();
  if (owner_ == nullptr) return;
  arm_timer();
  if (!writer_waits_) write();
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::write() {
  auto& output = framing_->output();
  std::array<iovec, iovecs_per_write> parts;
  while (output.urgent()) {
    const std::size_t count = output.gather(parts);
    const Transfer written = channel_.write_now(std::span{parts}.first(count));
    if (written.outcome == Transfer::Outcome::failed) {
      conversation().disconnected(channel_.failure(written));
      handle_actions();
      return;
    }
    if (written.outcome == Transfer::Outcome::blocked) return wait_to_write(written.wanted);
    worker_.wrote();
    framing_->wrote(written.size, worker_.now());
  }
  if (reading_ || backlogged()) return;
  reading_ = true;
  wait_to_read(this->shared_from_this());
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::wait_to_write(Readiness wanted) {
  writer_waits_ = true;
  const auto on_ready = [](std::shared_ptr<void>& self, const Completion&) {
    FrameLink& link = *static_cast<FrameLink*>(self.get());
    link.writer_waits_ = false;
    if (link.owner_ != nullptr) link.write();
  };
  channel_.wait(wanted, {on_ready, this->shared_from_this()});
}

// ---- time and the end

template <class Session, class Framing>
void FrameLink<Session, Framing>::arm_timer() {
  // Only ever moved earlier: a timer that fires too soon looks again.
  const base::TimePoint wakeup = conversation().next_wakeup();
  if (wakeup == base::TimePoint::max() || (timer_.armed() && timer_.due() <= wakeup)) return;
  worker_.timers().arm(timer_, wakeup);
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::on_timer(base::TimePoint now) {
  if (owner_ == nullptr) return;
  if (!framing_) return finish(fail(ErrorKind::timeout, "the connection was not accepted in time"));
  conversation().tick(now);
  handle_actions();
  this->flush_later();
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::finish(const base::Error& reason) {
  const auto self = this->shared_from_this();
  Owner* const owner = owner_;
  close();
  owner->on_closed(*this, reason);
}

/// What is queued, such as the reason for a refused handshake, leaves as far as it is taken now.
template <class Session, class Framing>
void FrameLink<Session, Framing>::write_farewell() {
  if constexpr (Framing::translates) (void)framing_->translate(worker_.now());
  auto& output = framing_->output();
  std::array<iovec, iovecs_per_write> parts;
  while (!output.empty()) {
    const std::size_t count = output.gather(parts);
    const Transfer written = channel_.write_now(std::span{parts}.first(count));
    if (written.outcome != Transfer::Outcome::moved) return;
    framing_->wrote(written.size, worker_.now());
  }
}

template <class Session, class Framing>
void FrameLink<Session, Framing>::close() noexcept {
  if (owner_ == nullptr) return;
  if (framing_ && !writer_waits_) write_farewell();
  owner_ = nullptr;
  timer_.cancel();
  after_pass_.forget();
  worker_.forget(*this);
  channel_.close();
}

template class FrameLink<session::ProxySession>;
template class FrameLink<session::ProxySession, DialectFraming>;
template class FrameLink<session::AgentSession>;

}  // namespace picket::transport
