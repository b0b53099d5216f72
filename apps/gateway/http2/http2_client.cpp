#include "apps/gateway/http2/http2_client.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/base/ascii.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/http2_request.hpp"

namespace picket::apps::gateway::http2 {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;

// A body that goes along with its head, as HTTP/1.1 has it (http1::read_size).
constexpr std::size_t small = 16 * 1024;

base::Error gone() { return fail(ErrorKind::connection_closed, "the stream is over"); }

/// RFC 9113 §8.2: names go in lower case.
std::string_view lower_copy(std::string_view name, base::Arena& arena) {
  const std::span<char> copy = arena.allocate_array<char>(name.size());
  std::ranges::transform(name, copy.begin(), base::lower);
  return {copy.data(), copy.size()};
}

/// What the exchange has put there stays, for HEAD; all else of the framing is this side's.
bool passes(std::string_view name) noexcept {
  return !http::stays_on_its_hop(name) || base::same_name(name, "content-length");
}

}  // namespace

Http2Client::Http2Client(generation::Service& service, transport::Http2Link& link, picket::http2::StreamId stream)
    : service_(service),
      link_(link),
      stream_(stream),
      unread_(service.worker.blocks()),
      reading_(service.worker),
      writing_(service.worker) {}

void Http2Client::stop() noexcept {
  reading_.wake(Woken::stopped);
  writing_.wake(Woken::stopped);
}

// ---- the request

std::optional<http::HeadError> Http2Client::take_head(const base::Headers& fields, bool ends) {
  http::RequestRead read = http::read_http2_request(fields, ends, service_.head_limits, arena_);
  request_ = read.head;
  if (ends) body_ = Body::whole;
  return read.error;
}

bool Http2Client::take_data(std::string_view bytes) {
  if (body_ == Body::unwanted || is_lost()) {
    connection().taken(stream_, bytes.size());
    return true;
  }
  if (!unread_.take(bytes)) {
    connection().taken(stream_, bytes.size());
    connection().reset(stream_, ErrorCode::enhance_your_calm);
    lose();
    return false;
  }
  reading_.wake(Woken::ready);
  return true;
}

void Http2Client::take_trailers(const base::Headers& fields) {
  for (const auto& field : fields) trailers_.push_back({arena_.copy(field.name), arena_.copy(field.value)});
}

void Http2Client::take_end() {
  body_ = Body::whole;
  reading_.wake(Woken::ready);
}

void Http2Client::lose() {
  if (is_lost()) return;
  answer_ = Answer::lost;
  if (reading_.is_awaited() || writing_.is_awaited()) return stop();
  if (on_gone_) on_gone_();
}

void Http2Client::discard() {
  if (body_ == Body::coming) body_ = Body::unwanted;
  on_gone_ = nullptr;
  done_with(unread_.drop());
}

/// The client may send as many more.
void Http2Client::done_with(std::size_t size) {
  if (size == 0) return;
  connection().taken(stream_, size);
  link_.flush_later();
}

std::optional<base::SharedBytes> Http2Client::take_whole() {
  if (!body_has_come() || unread_.empty() || unread_.size() > small) return std::nullopt;
  const base::ByteView whole = unread_.read_all();  // its memory stays: nothing comes behind the end
  done_with(whole.size());
  return base::SharedBytes::borrowed(whole);
}

transport::Task<base::Result<std::size_t>> Http2Client::read(std::span<char> into, base::Deadline deadline) {
  if (unread_.empty() && !body_has_come() && !is_lost()) {
    Wait::Until wait{reading_, deadline};
    unread_.await(into);
    const Woken woken = co_await wait;
    if (woken != Woken::ready) unread_.await_no_more();
    if (woken == Woken::late) co_return fail(ErrorKind::timeout, "the client sent nothing in time");
    if (woken == Woken::stopped) co_return gone();
  }
  const std::size_t size = unread_.read(into);
  if (size == 0 && !body_has_come()) co_return gone();
  done_with(size);
  co_return size;
}

// ---- the answer

void Http2Client::write_head(std::uint16_t status, const http::FieldList& fields) {
  head_text_.reset();
  head_.clear();
  head_.reserve(fields.size() + 2);
  head_.push_back({":status", head_text_.copy(fmt::format_int(status).c_str())});
  for (const auto& field : fields.items())
    if (passes(field.name)) head_.push_back({lower_copy(field.name, head_text_), head_text_.copy(field.value)});
}

void Http2Client::interim(std::uint16_t status, std::string_view, const http::FieldList& fields) {
  const bool has_head = !head_.empty();
  if (is_lost() || has_head) return;
  write_head(status, fields);
  connection().respond_interim(stream_, base::Headers(head_));
  head_.clear();
  link_.flush_later();
}

/// HTTP/2 has no 101, and a stream no handshake (RFC 8441 §5).
void Http2Client::begin(const exchange::AnswerStart& start) {
  if (!start.upgrade.empty()) {
    write_head(200, start.fields);
    std::erase_if(head_, [](const base::Header& field) { return field.name == "sec-websocket-accept"; });
    return;
  }
  write_head(start.status, start.fields);
  if (start.length.kind != exchange::BodyLength::Kind::known) return;
  head_.push_back({"content-length", head_text_.copy(fmt::format_int(start.length.bytes).c_str())});
}

void Http2Client::end_with(const http::FieldList& trailers) {
  for (const auto& field : trailers.items())
    ending_.push_back({lower_copy(field.name, head_text_), head_text_.copy(field.value)});
}

transport::Task<base::Status> Http2Client::write(std::string_view bytes, bool last) {
  return write_by(base::Deadline::after(service_.worker.now(), service_.timeouts.write), bytes, last);
}

transport::Task<base::Status> Http2Client::write_by(base::Deadline deadline, std::string_view bytes, bool last) {
  if (is_lost()) co_return gone();
  unwritten_ = bytes;
  push(last);
  if (unwritten_.empty()) co_return base::Status{};
  Wait::Until wait{writing_, deadline};
  const Woken woken = co_await wait;
  if (unwritten_.empty()) co_return base::Status{};
  give_up(woken);
  if (woken == Woken::late) co_return fail(ErrorKind::timeout, "the client read nothing in time");
  co_return gone();
}

/// Hands over what there is.
void Http2Client::push(bool last) {
  const bool has_body = !last || !unwritten_.empty() || !ending_.empty();
  if (!head_.empty()) connection().respond(stream_, base::Headers(head_), has_body ? this : nullptr);
  head_.clear();
  if (!unwritten_.empty()) connection().resume(stream_);
  if (last) connection().finish(stream_, base::Headers(ending_));
  link_.flush_later();
}

/// What stands in frames is still to be written, and the caller's memory goes.
void Http2Client::give_up(Woken why) {
  const std::size_t promised = connection().promised(stream_);
  kept_.append(unwritten_.substr(0, promised));
  unwritten_ = kept_.text();
  if (why == Woken::late && promised != 0) answer_ = Answer::stuck;
  connection().reset(stream_, ErrorCode::cancel);
  link_.flush_later();
}

void Http2Client::reset(exchange::ResetCode code) noexcept {
  connection().reset(stream_, code == exchange::ResetCode::broken ? ErrorCode::internal_error : ErrorCode::cancel);
  link_.flush_later();
}

// ---- as an end of a tunnel

void Http2Client::End::shutdown_write() {
  if (std::exchange(has_ended_, true) || side_.is_lost()) return;
  side_.push(true);
}

/// RFC 8441 §5: as a connection's reset.
void Http2Client::End::cut() noexcept {
  if (!std::exchange(has_ended_, true)) side_.reset(exchange::ResetCode::cancelled);
}

void Http2Client::End::write_last(std::string_view bytes) noexcept {
  if (has_ended_ || side_.is_lost()) return;
  side_.kept_.append(bytes);
  side_.unwritten_ = side_.kept_.text();
  shutdown_write();
}

// ---- as the connection sees it

std::size_t Http2Client::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  if (skip >= unwritten_.size() || out.empty()) return 0;
  out.front() = {const_cast<char*>(unwritten_.data()) + skip, unwritten_.size() - skip};  // it is only read
  return 1;
}

void Http2Client::consume(std::size_t size) {
  unwritten_.remove_prefix(size);
  if (unwritten_.empty()) writing_.wake(Woken::ready);
}

}  // namespace picket::apps::gateway::http2
