#include "apps/gateway/asking/http2_upstream.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/asking/upstream_connection.hpp"
#include "picket/base/ascii.hpp"
#include "picket/http/fields.hpp"
#include "picket/websocket/handshake.hpp"

namespace picket::apps::gateway::asking {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;
using Answer = UpstreamStream::Answer;
using Woken = StreamWait::Woken;

// RFC 8441 has any 2xx for a switch. But whatever follows these two breaks the protocol (RFC 9110 §15.3.5, §15.3.6),
// and ends the stream: a client that was told of a switch would be cut with the first bytes.
constexpr bool has_no_content(int status) noexcept { return status == 204 || status == 205; }

base::Error nobody_asks() { return fail(ErrorKind::connection_closed, "nobody asks any more"); }

/// The key of a handshake (RFC 6455 §4.2.1), which has one, well-formed; null where it is none.
const base::Header* key_of(const http::FieldList& fields) {
  const base::Header* found = nullptr;
  for (const auto& field : fields.items()) {
    if (!base::same_name(field.name, "sec-websocket-key")) continue;
    if (found != nullptr || !picket::websocket::is_key(field.value)) return nullptr;
    found = &field;
  }
  return found;
}

/// What an extended CONNECT has no use for (RFC 8441 §5).
bool is_of_key(std::string_view name) noexcept {
  return base::same_name(name, "sec-websocket-key") || base::same_name(name, "sec-websocket-accept");
}

}  // namespace

Http2Upstream::Http2Upstream(UpstreamConnection& connection, upstream::Lease& lease, base::Deadline until, bool to_head,
                             exchange::UpstreamListener& listener)
    : connection_(connection),
      lease_(lease),
      until_(until),
      listener_(listener),
      to_head_(to_head),
      offered_(connection.worker()) {}

Http2Upstream::~Http2Upstream() {
  connection_.forget(offered_);
  if (stream_ != nullptr) connection_.release(*stream_, has_last_word_);
}

// ---- the request

void Http2Upstream::add(std::string_view name, std::string_view value) {
  const std::span<char> copy = text_.allocate_array<char>(name.size());
  std::ranges::transform(name, copy.begin(), base::lower);
  head_.push_back({{copy.data(), copy.size()}, text_.copy(value)});
}

/// RFC 9113 §8.3.1: the authority stands in front, and no Host beside it.
void Http2Upstream::add_pseudo_fields(const exchange::RequestStart& start) {
  const base::Header* const host = http::find(start.fields, "host");
  add(":method", asks_to_switch() ? "CONNECT" : start.method);
  if (asks_to_switch()) add(":protocol", start.upgrade);
  add(":scheme", connection_.scheme());
  add(":authority", host != nullptr ? host->value : lease_.authority());
  add(":path", start.target);
}

/// What asks for a switch without a key is no handshake: it goes as the plain request that it is, too.
void Http2Upstream::begin(const exchange::RequestStart& start) {
  const base::Header* const key = start.upgrade.empty() ? nullptr : key_of(start.fields);
  if (key != nullptr) accept_ = picket::websocket::accept_of(key->value);
  head_.clear();
  head_.reserve(start.fields.size() + 8);
  add_pseudo_fields(start);
  for (const auto& field : start.fields.items()) {
    const bool stays = http::stays_on_its_hop(field.name) || base::same_name(field.name, "host") ||
                       (asks_to_switch() && is_of_key(field.name));
    if (!stays) add(field.name, field.value);
  }
  if (asks_to_switch()) return;  // what follows is no body
  if (start.length.kind == exchange::BodyLength::Kind::known)
    add("content-length", fmt::format_int(start.length.bytes).c_str());
  if (start.wants_trailers) add("te", "trailers");
  if (start.waits_for_100) add("expect", "100-continue");
}

void Http2Upstream::end_with(const http::FieldList& trailers) {
  ending_.clear();
  std::swap(head_, ending_);
  for (const auto& field : trailers.items()) add(field.name, field.value);
  std::swap(head_, ending_);
}

base::Status Http2Upstream::open(bool has_body) {
  const auto opened = connection_.open(base::Headers(head_), has_body, to_head_, listener_);
  if (opened) {
    stream_ = *opened;
    return {};
  }
  unopened_ = fail(ErrorKind::unavailable, opened.error().detail());
  return unopened_;
}

/// RFC 8441 §3: nobody asks for what was not offered. A connection that has just begun has not said yet.
transport::Task<base::Status> Http2Upstream::await_offer() {
  if (!connection_.takes_websockets().has_value() && !connection_.is_over()) {
    StreamWait::Until heard{offered_, lease_.within(lease_.timeouts().read, until_)};
    connection_.await_settings(offered_);
    const Woken woken = co_await heard;
    connection_.forget(offered_);
    if (woken == Woken::stopped) co_return nobody_asks();
    if (woken == Woken::late) {
      connection_.probe();
      co_return fail(ErrorKind::timeout, "its settings of HTTP/2 did not come in time");
    }
  }
  const auto takes = connection_.takes_websockets();
  if (!takes.has_value()) co_return fail(ErrorKind::connection_closed, "the connection ended before it answered");
  if (*takes) co_return base::Status{};
  co_return fail(ErrorKind::serialization,
                 "it takes no WebSocket over HTTP/2: its settings lack ENABLE_CONNECT_PROTOCOL");
}

transport::Task<base::Status> Http2Upstream::write(std::span<const base::SharedBytes> pieces, bool last) {
  if (stream_ == nullptr && asks_to_switch()) {
    auto offered = co_await await_offer();
    if (!offered) {
      unopened_ = offered.error();
      co_return offered;
    }
  }
  if (stream_ == nullptr) {
    const bool has_body = !last || asks_to_switch() || base::size_of(pieces) != 0 || !ending_.empty();
    auto opened = open(has_body);
    if (!opened) co_return opened;
  }
  // What stands behind a handshake is no body of its request: the stream stays open.
  const base::Deadline deadline = lease_.within(lease_.timeouts().write, until_);
  const bool ends = last && !asks_to_switch();
  auto written = co_await write_by(deadline, pieces, ends);
  if (!written) co_return written;
  has_whole_request_ = last;
  if (last) stream_->reading.wake(Woken::ready);  // its time begins
  co_return written;
}

transport::Task<base::Status> Http2Upstream::write_by(base::Deadline deadline,
                                                      std::span<const base::SharedBytes> pieces, bool last) {
  if (stream_->is_closed || stream_->answer() == Answer::failed) co_return nobody_asks();
  stream_->offer(pieces);
  connection_.push(*stream_, last, base::Headers(ending_));
  if (stream_->size() == 0) co_return base::Status{};
  StreamWait::Until written{stream_->writing, deadline};
  const Woken woken = co_await written;
  if (stream_->size() == 0) co_return base::Status{};
  stream_->keep(connection_.promised(stream_->id));
  if (woken != Woken::late) co_return nobody_asks();
  connection_.probe();
  co_return fail(ErrorKind::timeout, "request not taken in time");
}

// ---- the answer

/// An upstream owes nothing as long as it is owed the rest of the request.
transport::Task<base::Result<const http::ResponseHead*>> Http2Upstream::answer() {
  if (stream_ == nullptr) co_return unopened_;
  while (stream_->answer() == Answer::awaited) {
    const base::Deadline deadline = has_whole_request_ ? lease_.within(lease_.timeouts().read, until_) : until_;
    StreamWait::Until heard{stream_->reading, deadline};
    const Woken woken = co_await heard;
    if (woken == Woken::stopped) co_return nobody_asks();
    if (woken != Woken::late) continue;
    connection_.probe();
    co_return fail(ErrorKind::timeout, "no answer in time");
  }
  if (stream_->answer() == Answer::failed) co_return stream_->why_failed();
  const http::ResponseHead& head = stream_->head();
  if (!asks_to_switch()) co_return &head;
  if (has_no_content(head.status))
    co_return fail(ErrorKind::invalid_message,
                   "malformed answer: one without content, behind which no tunnel can follow");
  if (head.status / 100 == 2) co_return &as_switch(head);
  end_stream();  // there is nothing else to ask
  co_return &head;
}

/// RFC 8441 §5: any 2xx is the switch. Whoever asked by HTTP/1.1 is told so by that version's.
const http::ResponseHead& Http2Upstream::as_switch(const http::ResponseHead& head) {
  switched_fields_.clear();
  for (const auto& field : head.headers)
    if (!is_of_key(field.name) && !http::stays_on_its_hop(field.name)) switched_fields_.push_back(field);
  switched_fields_.push_back({"sec-websocket-accept", accept_});
  switched_ = {.status = 101, .reason = {}, .version = 20, .headers = base::Headers(switched_fields_)};
  return switched_;
}

transport::Task<base::Result<std::size_t>> Http2Upstream::read_by(base::Deadline deadline, std::span<char> into) {
  while (!stream_->has_bytes() && stream_->answer() == Answer::begun) {
    StreamWait::Until heard{stream_->reading, deadline};
    stream_->await_bytes(into);
    const Woken woken = co_await heard;
    if (woken != Woken::ready) stream_->await_no_bytes();
    if (woken == Woken::stopped) co_return nobody_asks();
    if (woken == Woken::late) {
      connection_.probe();
      co_return fail(ErrorKind::timeout, "the rest of the answer did not come in time");
    }
  }
  const std::size_t size = stream_->read(into);
  if (size == 0 && stream_->answer() == Answer::failed) {
    const base::Error& why = stream_->why_failed();
    const bool has_ended = why.kind() == ErrorKind::connection_closed;
    co_return has_ended ? fail(ErrorKind::connection_closed, "the answer ended early") : why;
  }
  co_return size;
}

// ---- the end

void Http2Upstream::finish() {
  // RFC 9113 §8.1: the answer is whole, and the rest of the request is not sent.
  if (!has_whole_request_) connection_.reset(stream_->id, ErrorCode::cancel);
  stream_->stop();
}

/// Where both ends are said there is nothing to take back, nor behind a last word.
void Http2Upstream::reset(exchange::ResetCode) noexcept {
  if (stream_ == nullptr) return offered_.wake(Woken::stopped);
  const bool has_ended = stream_->has_ended && stream_->answer() == Answer::whole;
  if (!has_ended && !has_last_word_) connection_.reset(stream_->id, ErrorCode::cancel);
  stream_->stop();
}

void Http2Upstream::stop_writing() noexcept {
  offered_.wake(Woken::stopped);
  if (stream_ != nullptr) stream_->writing.wake(Woken::stopped);
}

void Http2Upstream::end_stream() {
  if (!stream_->has_ended && !stream_->is_closed) connection_.push(*stream_, true, {});
}

// ---- as an end of a tunnel

transport::Task<base::Status> Http2Upstream::End::write(std::string_view bytes, base::Deadline deadline) {
  const base::SharedBytes piece = base::SharedBytes::borrowed(base::as_bytes(bytes));
  const std::span<const base::SharedBytes> pieces{&piece, 1};
  co_return co_await side_.write_by(deadline, pieces, false);
}

/// RFC 8441 §5: as a connection's reset.
void Http2Upstream::End::cut() noexcept {
  if (!side_.stream_->has_ended) side_.reset(exchange::ResetCode::cancelled);
}

void Http2Upstream::End::write_last(std::string_view bytes) noexcept {
  UpstreamStream& stream = *side_.stream_;
  if (stream.has_ended || stream.is_closed || stream.size() != 0) return;
  stream.offer_copy(bytes);
  side_.end_stream();
  side_.has_last_word_ = true;
}

}  // namespace picket::apps::gateway::asking
