#include "picket/transport/grpc_stream.hpp"

#include <algorithm>
#include <utility>

#include "picket/transport/grpc/framing.hpp"

namespace picket::transport {
namespace {

// What gather() looks at; what lies behind more parts is gathered with the next call.
constexpr std::size_t most_parts = 64;
// Output over which nothing more is taken from the peer: whoever does not take answers gets no more questions in.
constexpr std::size_t backlog_limit = std::size_t{1024} * 1024;

}  // namespace

template <class Session>
std::size_t GrpcStream<Session>::Body::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  std::array<iovec, most_parts> parts;
  const std::size_t count = output_.gather(parts);
  std::size_t used = 0;
  for (std::size_t i = 0; i < count && used < out.size(); ++i) {
    const std::size_t before = std::min(skip, parts[i].iov_len);
    skip -= before;
    if (before < parts[i].iov_len)
      out[used++] = {static_cast<char*>(parts[i].iov_base) + before, parts[i].iov_len - before};
  }
  return used;
}

template <class Session>
GrpcStream<Session>::GrpcStream(Worker& worker, std::unique_ptr<Opening> opening, wire::Envelope incoming, Owner& owner)
    : Link<Session>(worker, owner),
      opening_(std::move(opening)),
      incoming_(incoming),
      output_(grpc::message_framing),
      timer_([](void* self, base::TimePoint now) { static_cast<GrpcStream*>(self)->on_timer(now); }, this) {}

template <class Session>
void GrpcStream<Session>::begin(Http2Link& link, http2::StreamId id) {
  link_ = &link;
  id_ = id;
  this->is_connected_ = true;
  conversation_.emplace(std::move(opening_), worker_.now(), output_);
  this->flush_later();
}

template <class Session>
void GrpcStream<Session>::on_data(std::string_view bytes) {
  withheld_ += bytes.size();
  if (owner_ == nullptr || conversation_->end()) return give_window_back();
  const auto self = this->shared_from_this();
  const base::TimePoint now = worker_.now();
  conversation_->begin_batch(now);
  auto status = messages_.feed(bytes, [&](std::string_view message) -> base::Status {
    const auto frame = wire::open_envelope(incoming_, message);
    if (!frame) return frame.error();
    return conversation_->take(*frame, now);
  });
  (void)conversation_->end_batch();
  if (!status) conversation_->close(std::move(status.error()));
  handle_actions();
  give_window_back();
  if (owner_ == nullptr) return;
  link_->expect(messages_.missing());
  arm_timer();
  offer();
}

/// While too much waits for answers, or to be written, the peer sends no more than its window.
template <class Session>
void GrpcStream<Session>::give_window_back() {
  const bool is_backlogged =
      owner_ != nullptr && ((session_ != nullptr && session_->is_saturated()) || output_.size() > backlog_limit);
  if (withheld_ == 0 || is_backlogged) return;
  link_->connection().taken(id_, std::exchange(withheld_, 0));
}

template <class Session>
void GrpcStream<Session>::on_ended(base::Error reason) {
  if (owner_ == nullptr) return;
  if (!conversation_) return finish(reason);
  conversation_->disconnected(std::move(reason));
  handle_actions();
}

template <class Session>
void GrpcStream<Session>::handle_actions() {
  session_ = conversation_->session();
  if (session_ != nullptr && !session_->actions().empty()) owner_->on_actions(*this);
  if (owner_ != nullptr && conversation_->end()) finish(*conversation_->end());
}

template <class Session>
void GrpcStream<Session>::flush() {
  if (owner_ == nullptr) return;
  const auto self = this->shared_from_this();
  handle_actions();  // whoever called the session may have ended it
  if (owner_ == nullptr) return;
  arm_timer();
  if (withheld_ != 0) {
    give_window_back();
    link_->flush_later();
  }
  if (!output_.urgent()) return;
  offer();
  link_->flush_later();
}

template <class Session>
void GrpcStream<Session>::arm_timer() {
  const base::TimePoint wakeup = conversation_->next_wakeup();
  if (wakeup == base::TimePoint::max() || (timer_.armed() && timer_.due() <= wakeup)) return;
  worker_.timers().arm(timer_, wakeup);
}

template <class Session>
void GrpcStream<Session>::on_timer(base::TimePoint now) {
  if (owner_ == nullptr) return;
  const auto self = this->shared_from_this();
  conversation_->tick(now);
  handle_actions();
  this->flush_later();
}

template <class Session>
void GrpcStream<Session>::finish(const base::Error& reason) {
  const auto self = this->shared_from_this();
  Owner* const owner = owner_;
  owner_ = nullptr;
  timer_.cancel();
  worker_.forget(*this);
  end_stream(&reason);
  owner->on_closed(*this, reason);
}

template <class Session>
void GrpcStream<Session>::close() noexcept {
  if (owner_ == nullptr) return;
  owner_ = nullptr;
  timer_.cancel();
  worker_.forget(*this);
  end_stream(nullptr);
}

template class GrpcStream<session::ProxySession>;
template class GrpcStream<session::AgentSession>;

}  // namespace picket::transport
