#include "apps/gateway/asking/upstream_connection.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "picket/base/block_pool.hpp"

namespace picket::apps::gateway::asking {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;
using picket::http2::HeadKind;
using picket::http2::StreamId;

// Requests at once on one connection, where the upstream takes as many; for others there is another.
constexpr std::size_t most_streams = 100;
// Bytes of one answer that may be under way unread. The connection's window is that of all streams: an answer that
// nobody reads holds no other up.
constexpr std::uint32_t stream_window = 128 * 1024;
// What a large answer of many fields takes, counted as RFC 9113 §6.5.2 does.
constexpr std::uint32_t head_size = 64 * 1024 + 32 * 1000;
constexpr picket::http2::Limits limits{.stream_window = stream_window,
                                       .connection_window = stream_window * most_streams,
                                       .frame_size = 16'384,
                                       .concurrent_streams = 0,
                                       .head_size = head_size,
                                       .idle_frames = 1000,
                                       .queued = std::size_t{64} * 1024};
// Silence after which who begins to ask wants a sign of life, and how long that is waited for.
constexpr base::Duration quiet_time = std::chrono::seconds{5};
constexpr base::Duration time_for_a_sign = std::chrono::seconds{5};

}  // namespace

UpstreamConnection::UpstreamConnection(transport::Worker& worker, upstream::Socket socket)
    : worker_(worker),
      place_(std::move(socket.place)),
      upstream_place_(std::move(socket.upstream_place)),
      heard_(worker.now()),
      silence_(&UpstreamConnection::on_silence, this) {
  transport::Channel channel{worker, socket.stream.unbind()};
  scheme_ = channel.is_plain() ? "http" : "https";
  link_ = std::make_shared<transport::Http2Link>(std::move(channel), picket::http2::Role::client, limits,
                                                 static_cast<transport::Http2Link::Owner&>(*this));
  link_->serve();
}

/// What stands in frames is still to be written, as far as it is taken at once.
UpstreamConnection::~UpstreamConnection() {
  if (phase_ == Phase::over) return;
  link_->connection().go_away(ErrorCode::no_error);
  link_->close(std::make_shared<Streams>(std::move(streams_)));
}

std::size_t UpstreamConnection::room() const noexcept {
  if (phase_ != Phase::open) return 0;
  const std::size_t most = streams_at_once();
  return most - std::min(most, streams_.size() + awaiting_settings_.size());
}

std::optional<std::size_t> UpstreamConnection::most() const noexcept {
  if (!takes_websockets().has_value()) return std::nullopt;  // its settings have not come
  return streams_at_once();
}

std::size_t UpstreamConnection::streams_at_once() const noexcept {
  return std::min(most_streams, link_->connection().most_streams());
}

UpstreamStream* UpstreamConnection::find(StreamId id) const noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

// ---- streams

base::Result<UpstreamStream*> UpstreamConnection::open(base::Headers head, bool has_body, bool to_head,
                                                       exchange::UpstreamListener& listener) {
  const bool is_full = streams_.size() >= streams_at_once();  // who awaited its settings did not know how many it takes
  if (phase_ != Phase::open || is_full)
    return fail(ErrorKind::unavailable, "it takes no more requests on this connection");
  if (worker_.now() - heard_ >= quiet_time) probe();
  auto made = std::make_unique<UpstreamStream>(*this, worker_, to_head, listener);
  const auto id = link_->connection().request(head, has_body ? made.get() : nullptr);
  if (!id) {
    phase_ = Phase::leaving;
    return id.error();
  }
  made->id = *id;
  link_->flush_later();
  return streams_.emplace(*id, std::move(made)).first->second.get();
}

void UpstreamConnection::wake_for_settings() noexcept {
  for (StreamWait* const wait : awaiting_settings_) wait->wake(StreamWait::Woken::ready);
}

/// What came of it and was not read gives the window of the connection back, whichever way the stream is over.
void UpstreamConnection::release(UpstreamStream& stream, bool has_last_word) {
  const bool is_over = phase_ == Phase::over || stream.is_closed;
  const bool has_ended = stream.has_ended && stream.size() == 0 && stream.answer() == UpstreamStream::Answer::whole;
  const bool ends_by_itself = has_last_word || has_ended;
  if (!is_over && !ends_by_itself) stream.keep(promised(stream.id));
  stream.release();
  if (is_over) {
    streams_.erase(stream.id);
  } else if (!ends_by_itself) {
    reset(stream.id, ErrorCode::cancel);
  }
}

void UpstreamConnection::push(UpstreamStream& stream, bool last, base::Headers trailers) {
  if (phase_ == Phase::over) return;
  if (stream.size() != 0) link_->connection().resume(stream.id);
  stream.has_ended = stream.has_ended || last;
  if (last) link_->connection().finish(stream.id, trailers);
  link_->flush_later();
}

void UpstreamConnection::reset(StreamId id, ErrorCode code) {
  if (phase_ == Phase::over) return;
  link_->connection().reset(id, code);
  link_->flush_later();
}

void UpstreamConnection::taken(StreamId id, std::size_t size) {
  if (phase_ == Phase::over) return;
  link_->connection().taken(id, size);
  link_->flush_later();
}

// ---- whether anybody is there

void UpstreamConnection::probe() {
  if (phase_ == Phase::over || silence_.armed()) return;
  link_->connection().ping();
  link_->flush_later();
  worker_.timers().arm(silence_, worker_.now() + time_for_a_sign);
}

void UpstreamConnection::before_answering() {
  heard_ = worker_.now();
  silence_.cancel();
  if (takes_websockets().has_value()) wake_for_settings();
}

void UpstreamConnection::on_silence(void* self, base::TimePoint) {
  auto& connection = *static_cast<UpstreamConnection*>(self);
  connection.link_->close();
  connection.on_over(fail(ErrorKind::connection_closed, "no sign of life"));
}

// ---- what the upstream does

void UpstreamConnection::on_head(StreamId id, HeadKind kind, base::Headers fields, bool ends) {
  if (UpstreamStream* const stream = find(id)) stream->take_head(kind, fields, ends);
}

void UpstreamConnection::on_data(StreamId id, std::string_view bytes) {
  link_->expect(base::block_size);
  if (UpstreamStream* const stream = find(id)) return stream->take_data(bytes);
  taken(id, bytes.size());
}

void UpstreamConnection::on_end(StreamId id) {
  link_->expect(0);
  if (UpstreamStream* const stream = find(id)) stream->take_end();
}

/// Frames of it are still to be written: it is closed behind them, and nobody gets more of it.
void UpstreamConnection::on_cut(StreamId id) {
  if (UpstreamStream* const stream = find(id)) stream->writing.wake(StreamWait::Woken::stopped);
}

void UpstreamConnection::on_closed(StreamId id, ErrorCode code) {
  UpstreamStream* const stream = find(id);
  if (stream == nullptr) return;
  stream->take_close(code);
  if (!stream->is_released) return;
  streams_.erase(id);
  upstream_place_->call_next();  // who had it left before: there was no place then
}

/// Streams above the last that it takes are closed as refused, which RFC 9113 §6.8 says they are.
void UpstreamConnection::on_goaway(StreamId, ErrorCode, std::string_view) {
  if (phase_ == Phase::open) phase_ = Phase::leaving;
}

void UpstreamConnection::on_over(const base::Error& reason) {
  phase_ = Phase::over;
  silence_.cancel();
  const bool is_end = reason.kind() == ErrorKind::connection_closed || reason.kind() == ErrorKind::io;
  const base::Error why =
      is_end ? fail(ErrorKind::connection_closed, "the connection ended before it answered") : reason;
  for (const auto& [id, stream] : streams_) stream->lose(why);
  wake_for_settings();
  std::erase_if(streams_, [](const auto& entry) { return entry.second->is_released; });
  place_.reset();
  upstream_place_.reset();
}

}  // namespace picket::apps::gateway::asking
