#include "apps/gateway/http2/http2_connection.hpp"

#include <chrono>
#include <optional>
#include <utility>

#include "apps/gateway/asking/asked_upstream.hpp"
#include "apps/gateway/exchange/refused_head.hpp"
#include "picket/base/block_pool.hpp"

namespace picket::apps::gateway::http2 {
namespace {

using picket::http2::ErrorCode;
using picket::http2::HeadKind;
using picket::http2::StreamId;

// What a stream may have under way unread: what RFC 9113 §6.9.2 gives it before anybody says otherwise.
constexpr std::uint32_t stream_window = 65'535;
constexpr std::uint32_t frame_size = 16'384;
// Cut into frames before the first of them is written.
constexpr std::size_t queued = std::size_t{64} * 1024;
// Frames that bring nothing, in ten seconds: a page's worth of requests that a user gives up.
constexpr std::uint32_t idle_frames = 400;
// Behind an answer that came before the request's end: time to read it, and for a body that ends soon anyway.
constexpr base::Duration until_not_wanted = std::chrono::milliseconds{50};

/// A field costs 32 bytes more in HTTP/2's count (RFC 9113 §6.5.2), so that whatever passes in HTTP/1.1 passes here.
std::uint32_t head_size(const http::HeadLimits& limits) noexcept {
  return static_cast<std::uint32_t>(limits.max_size + 32 * limits.max_fields);
}

/// The connection's window is that of all its streams: one whose body nobody reads holds no other up. What all of them
/// hold counts into max-held-bytes.
picket::http2::Limits limits_of(const generation::Service& service, std::size_t streams) {
  const auto count = static_cast<std::uint32_t>(streams);
  return {.stream_window = stream_window,
          .connection_window = stream_window * count,
          .frame_size = frame_size,
          .concurrent_streams = count,
          .head_size = head_size(service.head_limits),
          .idle_frames = idle_frames,
          .queued = queued,
          .extended_connect = true};
}

/// Goes on when what was read with it has been read, too: a body that came along with its head is there then.
class BehindTheRead {
 public:
  explicit BehindTheRead(transport::Worker& worker) noexcept : worker_(worker) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept {
    waiting_.wait(waiting);
    worker_.resume(waiting_);
  }
  void await_resume() const noexcept {}

 private:
  transport::Worker& worker_;
  transport::Resumption waiting_;
};

/// Waits to be resumed.
class Waits {
 public:
  explicit Waits(transport::Resumption& waiting) noexcept : waiting_(waiting) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) noexcept { waiting_.wait(waiting); }
  void await_resume() const noexcept {}

 private:
  transport::Resumption& waiting_;
};

}  // namespace

/// One request, from its head until neither its exchange nor its frames need it.
struct Http2Connection::Stream : base::Recycled {
  Stream(std::shared_ptr<generation::Service> by, transport::Http2Link& link, StreamId id)
      : service(std::move(by)), side(*service, link, id) {}

  std::shared_ptr<generation::Service> service;
  Http2Client side;
  std::optional<http::HeadError> error;  // of its head
  exchange::Exchange* exchange = nullptr;
  bool is_served = false;
  bool is_closed = false;
};

Http2Connection::Http2Connection(Owner& owner, transport::Channel channel, const downstream::Peer& peer,
                                 std::string_view listener)
    : owner_(owner),
      peer_(peer),
      listener_(listener),
      worker_(channel.worker()),
      most_exchanges_(owner.service()->listener(listener).max_concurrent_streams),
      link_(std::make_shared<transport::Http2Link>(std::move(channel), picket::http2::Role::server,
                                                   limits_of(*owner.service(), most_exchanges_),
                                                   static_cast<transport::Http2Link::Owner&>(*this))),
      timer_(&Http2Connection::on_due, this),
      head_timer_(&Http2Connection::on_head_due, this),
      not_wanted_timer_(&Http2Connection::on_not_wanted_due, this) {}

Http2Connection::~Http2Connection() = default;

transport::Task<void> Http2Connection::serve(base::Buffer already_read) {
  owner_.service()->shard.metrics.http2.connections.add();
  became_idle();
  link_->serve(already_read.text());
  already_read.release();
  Waits end{end_};
  if (phase_ != Phase::over || exchanges_ != 0) co_await end;
}

Http2Connection::Stream* Http2Connection::find(StreamId id) const noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

// ---- what the client does

/// A first request has its time from the beginning on; a later one has it from here on. Nothing else can come of a
/// connection before a head is whole (RFC 9113 §6.10).
void Http2Connection::on_head_begins(StreamId id) {
  const bool is_beside_others = exchanges_ != 0;
  if (!is_beside_others && (requests_ == 0 || phase_ != Phase::open)) return;
  if (is_beside_others) head_ = id;
  worker_.timers().arm(is_beside_others ? head_timer_ : timer_,
                       worker_.now() + owner_.service()->listener(listener_).request_timeout);
}

void Http2Connection::on_head_due(void* self, base::TimePoint) { static_cast<Http2Connection*>(self)->close(); }

void Http2Connection::on_head(StreamId id, HeadKind kind, base::Headers fields, bool ends) {
  head_timer_.cancel();
  if (kind == HeadKind::trailers) {
    if (Stream* const stream = find(id)) stream->side.take_trailers(fields);
    return;
  }
  const auto& service = owner_.service();
  auto& metrics = service->shard.metrics.http2;
  metrics.streams.add();
  if (exchanges_ >= most_exchanges_) {
    metrics.streams_refused.add();
    return link_->connection().reset(id, ErrorCode::refused_stream);
  }
  Stream& stream = *streams_.emplace(id, std::make_unique<Stream>(service, *link_, id)).first->second;
  stream.error = stream.side.take_head(fields, ends);
  if (kind == HeadKind::oversized) stream.error = http::HeadError{431, "a head larger than the limit"};
  if (exchanges_++ == 0) {
    timer_.cancel();
    owner_.on_busy();
  }
  transport::spawn(serve_stream(stream));
  ++requests_;
  const std::uint64_t most = service->listener(listener_).keepalive_max_requests;
  if (most != 0 && requests_ >= most) drain();
}

void Http2Connection::on_data(StreamId id, std::string_view bytes) {
  Stream* const stream = find(id);
  if (stream == nullptr) return link_->connection().taken(id, bytes.size());
  if (!stream->side.take_data(bytes)) stream->service->shard.metrics.http2.streams_overloaded.add();
  link_->expect(base::block_size);
}

void Http2Connection::on_end(StreamId id) {
  link_->expect(0);
  if (Stream* const stream = find(id)) stream->side.take_end();
}

void Http2Connection::on_sent(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->side.answer_is_sent();
  if (stream->is_served && !stream->side.body_has_come()) rest_is_not_wanted(id);
}

void Http2Connection::on_cut(StreamId id) {
  Stream* const stream = find(id);
  if (stream != nullptr && !stream->side.is_sent()) stream->side.lose();
}

void Http2Connection::on_closed(StreamId id, ErrorCode) {
  if (id == head_) head_timer_.cancel();  // it was none
  std::erase_if(not_wanted_, [id](const NotWanted& each) { return each.id == id; });
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->is_closed = true;
  if (stream->is_served) {
    streams_.erase(id);
  } else if (!stream->side.is_sent()) {
    stream->service->shard.metrics.http2.streams_cut.add();
    stream->side.lose();
  }
}

void Http2Connection::on_over(const base::Error&) {
  const auto excess = link_->connection().excess();
  if (excess) owner_.service()->shard.metrics.http2.excesses[static_cast<std::size_t>(*excess)].add();
  is_over();
}

// ---- exchanges

transport::Task<void> Http2Connection::serve_stream(Stream& stream) {
  BehindTheRead later{worker_};
  co_await later;
  bool is_answered = true;
  if (stream.is_closed || phase_ == Phase::over) {
    // It was taken back with the read that brought it: nobody is asked about it.
    stream.service->shard.metrics.requests_by_class[0].add();
  } else if (stream.error) {
    co_await refuse(stream);
  } else {
    is_answered = co_await serve_exchange(stream);
  }
  served(stream, is_answered);
}

transport::Task<bool> Http2Connection::serve_exchange(Stream& stream) {
  generation::Service& service = *stream.service;
  base::Arena& arena = stream.side.arena();
  transport::Cancel cancel;
  asking::AskedUpstream upstream{service, cancel, stream.side.request().is_head(), arena};
  exchange::Exchange exchange{service, stream.side, upstream, cancel, peer_, service.listener(listener_), arena};
  stream.exchange = &exchange;
  co_await exchange.serve();
  stream.exchange = nullptr;
  co_return exchange.state().stage() == exchange::Stage::answered;
}

transport::Task<void> Http2Connection::refuse(Stream& stream) {
  exchange::RefusedHead refused{*stream.service, *stream.error, stream.side.arena()};
  stream.side.begin({.status = refused.answer().status,
                     .reason = {},
                     .fields = refused.fields(),
                     .length = exchange::BodyLength::of(refused.answer().body.size())});
  const auto written = co_await stream.side.write(refused.answer().body, true);
  refused.write_log(peer_, written ? refused.answer().body.size() : 0);
}

void Http2Connection::served(Stream& stream, bool is_answered) {
  const StreamId id = stream.side.stream();
  const bool is_stuck = stream.side.is_stuck();
  stream.is_served = true;
  stream.side.discard();
  if (!stream.is_closed && !is_answered) link_->connection().reset(id, ErrorCode::cancel);
  if (!stream.is_closed && is_answered && stream.side.is_sent() && !stream.side.body_has_come()) rest_is_not_wanted(id);
  link_->flush_later();
  if (stream.is_closed) streams_.erase(id);
  --exchanges_;
  if (is_stuck) return close();
  if (exchanges_ != 0) return;
  if (phase_ == Phase::over) return worker_.resume(end_);
  became_idle();
}

/// RFC 9113 §8.1: the answer is whole, and nobody reads the rest of the request. The reset that says so comes apart
/// from the answer: curl 7.88, which Debian 12 has, takes one that has no body for lost where both come in one read.
void Http2Connection::rest_is_not_wanted(StreamId id) {
  if (phase_ != Phase::open && phase_ != Phase::leaving) return link_->connection().reset(id, ErrorCode::no_error);
  not_wanted_.push_back({.id = id, .due = worker_.now() + until_not_wanted});
  if (!not_wanted_timer_.armed()) worker_.timers().arm(not_wanted_timer_, not_wanted_.front().due);
  if (phase_ == Phase::leaving && exchanges_ == 0) worker_.timers().arm(timer_, when_all_is_said());
}

void Http2Connection::on_not_wanted_due(void* self, base::TimePoint now) {
  static_cast<Http2Connection*>(self)->say_not_wanted(now);
}

/// For those whose time it is.
void Http2Connection::say_not_wanted(base::TimePoint now) {
  while (!not_wanted_.empty() && not_wanted_.front().due <= now) {
    const StreamId id = not_wanted_.front().id;
    not_wanted_.pop_front();
    const Stream* const stream = find(id);
    if (stream != nullptr && !stream->side.body_has_come()) link_->connection().reset(id, ErrorCode::no_error);
  }
  if (!not_wanted_.empty()) worker_.timers().arm(not_wanted_timer_, not_wanted_.front().due);
  link_->flush_later();
}

/// When the connection's own side may end.
base::TimePoint Http2Connection::when_all_is_said() const {
  return not_wanted_.empty() ? worker_.now() : not_wanted_.back().due + until_not_wanted;
}

// ---- the end

/// A first request has its time from the beginning on: who connects and says nothing holds a place for no longer.
void Http2Connection::became_idle() {
  const config::Listener& listener = owner_.service()->listener(listener_);
  if (owner_.service()->shard.draining && requests_ != 0) return drain();
  if (phase_ != Phase::open) return worker_.timers().arm(timer_, when_all_is_said());
  worker_.timers().arm(timer_,
                       worker_.now() + (requests_ != 0 ? listener.keepalive_timeout : listener.request_timeout));
  owner_.on_idle();
}

void Http2Connection::on_due(void* self, base::TimePoint now) {
  auto& connection = *static_cast<Http2Connection*>(self);
  if (connection.phase_ == Phase::open) return connection.drain();
  if (connection.phase_ != Phase::leaving) return connection.close();
  if (!connection.not_wanted_.empty()) {  // a worker that is late has both due at once
    connection.say_not_wanted(now);
    return connection.worker_.timers().arm(connection.timer_, connection.when_all_is_said());
  }
  connection.phase_ = Phase::lingering;
  if (!connection.link_->connection().has_output()) connection.link_->shutdown_write();
  connection.worker_.timers().arm(connection.timer_, now + connection.owner_.service()->timeouts.linger);
}

void Http2Connection::drain() {
  if (phase_ != Phase::open) return;
  phase_ = Phase::leaving;
  owner_.on_busy();
  link_->connection().go_away(ErrorCode::no_error);
  link_->flush_later();
  // What is queued is written at the end of this turn.
  if (exchanges_ == 0) worker_.timers().arm(timer_, when_all_is_said());
}

void Http2Connection::close() {
  if (phase_ == Phase::over) return;
  link_->close();
  is_over();
}

void Http2Connection::abort() {
  for (const auto& [id, stream] : streams_)
    if (stream->exchange != nullptr) stream->exchange->abandon(wire::CancelReason::proxy_shutdown);
  close();
}

void Http2Connection::is_over() {
  if (phase_ == Phase::over) return;
  phase_ = Phase::over;
  timer_.cancel();
  head_timer_.cancel();
  not_wanted_timer_.cancel();
  owner_.on_busy();
  for (const auto& [id, stream] : streams_) stream->side.lose();
  if (exchanges_ == 0) worker_.resume(end_);
}

}  // namespace picket::apps::gateway::http2
