#include "apps/gateway/asking/http2_upstream.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/asking/upstream_connection.hpp"
#include "picket/base/ascii.hpp"
#include "picket/http/fields.hpp"

namespace picket::apps::gateway::asking {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;
using Answer = UpstreamStream::Answer;
using Woken = StreamWait::Woken;

base::Error nobody_asks() { return fail(ErrorKind::connection_closed, "nobody asks any more"); }

}  // namespace

Http2Upstream::~Http2Upstream() {
  if (stream_ != nullptr) connection_.release(*stream_);
}

// ---- the request

void Http2Upstream::add(std::string_view name, std::string_view value) {
  const std::span<char> copy = text_.allocate_array<char>(name.size());
  std::ranges::transform(name, copy.begin(), base::lower);
  head_.push_back({{copy.data(), copy.size()}, text_.copy(value)});
}

/// RFC 9113 §8.3.1: the authority stands in front, and no Host beside it.
void Http2Upstream::begin(const exchange::RequestStart& start) {
  head_.clear();
  const base::Header* const host = http::find(start.fields, "host");
  head_.reserve(start.fields.size() + 7);
  add(":method", start.method);
  add(":scheme", connection_.scheme());
  add(":authority", host != nullptr ? host->value : lease_.authority());
  add(":path", start.target);
  for (const auto& field : start.fields.items())
    if (!http::stays_on_its_hop(field.name) && !base::same_name(field.name, "host")) add(field.name, field.value);
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

transport::Task<base::Status> Http2Upstream::write(std::span<const base::SharedBytes> pieces, bool last) {
  if (stream_ == nullptr) {
    const bool has_body = !last || base::size_of(pieces) != 0 || !ending_.empty();
    auto opened = open(has_body);
    if (!opened) co_return opened;
  }
  if (stream_->is_closed || stream_->answer() == Answer::failed) co_return nobody_asks();
  stream_->offer(pieces);
  connection_.push(*stream_, last, base::Headers(ending_));
  if (stream_->size() != 0) {
    StreamWait::Until written{stream_->writing, lease_.within(lease_.timeouts().write, until_)};
    const Woken woken = co_await written;
    if (stream_->size() != 0) {
      stream_->keep(connection_.promised(stream_->id));
      if (woken != Woken::late) co_return nobody_asks();
      connection_.probe();
      co_return fail(ErrorKind::timeout, "request not taken in time");
    }
  }
  has_whole_request_ = last;
  if (last) stream_->reading.wake(Woken::ready);  // its time begins
  co_return base::Status{};
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
  co_return &stream_->head();
}

transport::Task<base::Result<std::size_t>> Http2Upstream::read(std::span<char> into) {
  while (!stream_->has_bytes() && stream_->answer() == Answer::begun) {
    StreamWait::Until heard{stream_->reading, lease_.within(lease_.timeouts().read, until_)};
    const Woken woken = co_await heard;
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

void Http2Upstream::reset(exchange::ResetCode) noexcept {
  if (stream_ == nullptr) return;
  connection_.reset(stream_->id, ErrorCode::cancel);
  stream_->stop();
}

}  // namespace picket::apps::gateway::asking
