#include "apps/gateway/asking/upstream_stream.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/asking/upstream_connection.hpp"
#include "picket/http/http2_response.hpp"

namespace picket::apps::gateway::asking {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;
using picket::http2::HeadKind;
using Woken = StreamWait::Woken;

// As of answers over HTTP/1.1 (http/response_reader.cpp).
constexpr http::HeadLimits limits{.max_size = 64 * 1024, .max_fields = 1000};
constexpr int most_interims = 16;

/// RFC 9113 §8.7: what was refused may be asked again.
base::Error closed_with(ErrorCode code) {
  if (code == ErrorCode::refused_stream) return fail(ErrorKind::unavailable, "it refused the stream");
  return fail(ErrorKind::invalid_message, fmt::format("the stream was reset: {}", name(code)));
}

/// What stood behind such a head would be taken for the next answer by a client of HTTP/1.1, and agents not see it.
bool has_no_body(const http::ResponseHead& head) noexcept {
  return head.framing == http::Framing::none || (head.framing == http::Framing::length && head.content_length == 0);
}

}  // namespace

UpstreamStream::UpstreamStream(UpstreamConnection& connection, transport::Worker& worker, bool to_head,
                               exchange::UpstreamListener& listener)
    : reading(worker),
      writing(worker),
      connection_(connection),
      listener_(listener),
      to_head_(to_head),
      unread_(worker.blocks()) {}

// ---- what the connection tells it

void UpstreamStream::take_head(HeadKind kind, const base::Headers& fields, bool ends) {
  if (is_released || answer_ == Answer::failed) return;
  if (kind == HeadKind::trailers) {
    for (const auto& field : fields) trailers_.push_back({arena_.copy(field.name), arena_.copy(field.value)});
    return;
  }
  const bool is_final = kind == HeadKind::head;
  if (!is_final && ++interims_ > most_interims)
    return refuse(fail(ErrorKind::invalid_message, "malformed answer: more than 16 interim responses"));
  auto head = http::read_http2_response(fields, ends, to_head_, limits, arena_);
  if (!head) return refuse(fail(ErrorKind::invalid_message, "malformed answer: " + head.error().detail()));
  if (!is_final) return listener_.on_interim(*head);
  head_ = *head;
  answer_ = Answer::begun;
  reading.wake(Woken::ready);
  // One that does well may want the rest of the request for it.
  if (head_.status >= 300) listener_.on_early_answer();
}

void UpstreamStream::take_data(std::string_view bytes) {
  if (is_released || answer_ != Answer::begun) return connection_.taken(id, bytes.size());
  if (has_no_body(head_)) {
    connection_.taken(id, bytes.size());
    return refuse(fail(ErrorKind::invalid_message, "malformed answer: a body where its head says that there is none"));
  }
  if (!unread_.take(bytes)) {
    connection_.taken(id, bytes.size());
    // Not the upstream's failure.
    return refuse(fail(ErrorKind::message_too_large, "no place for the answer's body within max-held-bytes"),
                  ErrorCode::cancel);
  }
  reading.wake(Woken::ready);
}

void UpstreamStream::take_end() {
  if (answer_ != Answer::begun) return;
  answer_ = Answer::whole;
  reading.wake(Woken::ready);
  if (!is_released) listener_.on_early_answer();
}

/// An upstream that has answered need not take the rest of the request (RFC 9113 §8.1).
void UpstreamStream::take_close(ErrorCode code) {
  is_closed = true;
  if (answer_ != Answer::whole) fail_with(closed_with(code));
  writing.wake(Woken::stopped);
}

void UpstreamStream::lose(const base::Error& why) {
  is_closed = true;
  fail_with(why);
  writing.wake(Woken::stopped);
}

void UpstreamStream::fail_with(base::Error why) {
  if (answer_ == Answer::whole || answer_ == Answer::failed) return;
  answer_ = Answer::failed;
  error_ = std::move(why);
  reading.wake(Woken::ready);
  writing.wake(Woken::stopped);
  if (!is_released) listener_.on_early_answer();
}

void UpstreamStream::refuse(base::Error why, ErrorCode code) {
  fail_with(std::move(why));
  connection_.reset(id, code);
}

// ---- the answer

std::size_t UpstreamStream::read(std::span<char> into) {
  const std::size_t size = unread_.read(into);
  done_with(size);
  return size;
}

/// The upstream may send as many more.
void UpstreamStream::done_with(std::size_t size) {
  if (size != 0) connection_.taken(id, size);
}

// ---- the request

void UpstreamStream::offer(std::span<const base::SharedBytes> pieces) {
  parts_.clear();
  written_ = unwritten_ = 0;
  for (const auto& piece : pieces) {
    if (piece.empty()) continue;
    parts_.push_back(base::as_text(piece.view()));
    unwritten_ += piece.size();
  }
}

void UpstreamStream::offer_copy(std::string_view bytes) {
  kept_.clear();
  kept_.append(bytes);
  parts_.assign(1, kept_.text());
  written_ = 0;
  unwritten_ = bytes.size();
}

void UpstreamStream::keep(std::size_t promised) {
  std::size_t skip = written_;
  std::size_t left = promised;
  base::Buffer kept;
  for (std::string_view part : parts_) {
    const std::size_t dropped = std::min(skip, part.size());
    skip -= dropped;
    part = part.substr(dropped, left);
    kept.append(part);
    left -= part.size();
  }
  kept_ = std::move(kept);
  parts_.assign(kept_.empty() ? 0 : 1, kept_.text());
  written_ = 0;
  unwritten_ = kept_.size();
}

void UpstreamStream::stop() noexcept {
  reading.wake(Woken::stopped);
  writing.wake(Woken::stopped);
}

void UpstreamStream::release() {
  is_released = true;
  done_with(unread_.drop());
}

// ---- as the connection sees it

std::size_t UpstreamStream::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  skip += written_;
  std::size_t used = 0;
  for (const std::string_view part : parts_) {
    if (used == out.size()) break;
    const std::size_t dropped = std::min(skip, part.size());
    skip -= dropped;
    if (dropped == part.size()) continue;
    out[used++] = {const_cast<char*>(part.data()) + dropped, part.size() - dropped};  // it is only read
  }
  return used;
}

void UpstreamStream::consume(std::size_t size) {
  written_ += size;
  unwritten_ -= size;
  if (unwritten_ == 0) writing.wake(Woken::ready);
}

}  // namespace picket::apps::gateway::asking
