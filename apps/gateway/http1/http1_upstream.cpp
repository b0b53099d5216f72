#include "apps/gateway/http1/http1_upstream.hpp"

#include <algorithm>
#include <utility>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/exchange/forwarded_request.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using enum base::ErrorKind;

/// Why a request could not be written, for the log.
base::Error not_taken(const base::Error& error) {
  return error.kind() == timeout ? base::fail(timeout, "request not taken in time") : error;
}

/// Why there is no head of an answer, for the log. `has_begun`: whether the upstream has said a word.
base::Error no_answer(const base::Error& error, bool has_begun) {
  if (error.kind() == timeout) return base::fail(timeout, "no answer in time");
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  return has_begun ? base::fail(invalid_message, "closed within its answer's head") : error;
}

/// Why an answer's body did not come to its end, for the log.
base::Error broken_body(const base::Error& error) {
  if (error.kind() == timeout) return base::fail(timeout, "the rest of the answer did not come in time");
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  return base::fail(connection_closed, "the answer ended early");
}

}  // namespace

Http1Upstream::Http1Upstream(upstream::Lease& lease, base::Deadline until, bool to_head,
                             exchange::UpstreamListener& listener, base::Arena& arena)
    : lease_(lease),
      until_(until),
      listener_(listener),
      reader_(buffer_, to_head, arena, [this](const http::ResponseHead& interim) { listener_.on_interim(interim); }),
      early_(lease.stream(), buffer_, reader_,
             [this] {
               lease_.stream().cancel();
               listener_.on_early_answer();
             }),
      tunnel_end_(lease.stream(), buffer_) {}

void Http1Upstream::finish() {
  // An upstream that answered before it had the whole request would take the next one for the rest of this.
  const bool is_clean = has_whole_request_ && body_->done() && buffer_.empty();
  if (response_.keep_alive && is_clean) lease_.give_back(response_.stray_body_may_follow);
}

void Http1Upstream::reset(exchange::ResetCode) noexcept {
  early_.stop();
  lease_.stream().close();
}

// ---- the request

void Http1Upstream::begin(const exchange::RequestStart& start) {
  chunks_ = start.length.kind == exchange::BodyLength::Kind::unknown;
  upgrade_ = start.upgrade;
  if (!upgrade_.empty()) reader_.allow_switch();
  write_head(start);
  early_.start(start.waits_for_100);
}

void Http1Upstream::write_head(const exchange::RequestStart& start) {
  head_.clear();
  http::write_request_line(head_, start.method, start.target);
  if (http::find(start.fields, "host") == nullptr) http::write_field(head_, "Host", lease_.authority());
  for (const auto& field : start.fields.items())
    if (!exchange::is_framing(field.name)) http::write_field(head_, field.name, field.value);
  if (chunks_) http::write_field(head_, "Transfer-Encoding", "chunked");
  if (start.length.kind == exchange::BodyLength::Kind::known)
    answers::write_number_field(head_, "Content-Length", start.length.bytes);
  if (!start.upgrade.empty()) {
    http::write_field(head_, "Connection", "Upgrade");
    http::write_field(head_, "Upgrade", start.upgrade);
  }
  if (start.waits_for_100) http::write_field(head_, "Expect", "100-continue");
  head_.append("\r\n");
}

void Http1Upstream::end_with(const http::FieldList& trailers) {
  trailers_.clear();
  http::write_fields(trailers_, trailers);
}

transport::Task<base::Status> Http1Upstream::write(std::span<const base::SharedBytes> pieces, bool last) {
  const http::ChunkSize size{base::size_of(pieces)};
  add_parts(pieces, size, last);
  const std::span<iovec> all{parts_};
  const base::Deadline deadline = lease_.within(lease_.timeouts().write, until_);
  const auto written = co_await lease_.stream().write(all, deadline);
  head_.clear();
  if (!written) co_return not_taken(written.error());
  if (last) has_whole_request_ = true;
  co_return base::Status{};
}

void Http1Upstream::add_parts(std::span<const base::SharedBytes> pieces, const http::ChunkSize& size, bool last) {
  const bool has_bytes = base::size_of(pieces) != 0;
  parts_.clear();
  if (!head_.empty()) parts_.push_back(http::part(head_.text()));
  if (chunks_ && has_bytes) parts_.push_back(http::part(size.text()));
  for (const auto& piece : pieces)
    if (!piece.empty()) parts_.push_back(http::part(base::as_text(piece.view())));
  if (chunks_ && has_bytes) parts_.push_back(http::part("\r\n"));
  if (!chunks_ || !last) return;
  parts_.push_back(http::part("0\r\n"));
  if (!trailers_.empty()) parts_.push_back(http::part(trailers_.text()));
  parts_.push_back(http::part("\r\n"));
}

// ---- the answer

transport::Task<base::Result<const http::ResponseHead*>> Http1Upstream::answer() {
  early_.stop();
  if (const auto& early = early_.outcome()) co_return take_head(*early);
  const auto head = co_await read_head();
  co_return take_head(head);
}

base::Result<const http::ResponseHead*> Http1Upstream::take_head(const EarlyAnswer::Outcome& head) {
  if (!head) return is_of_layer(head.error()) ? head.error() : no_answer(head.error(), reader_.has_begun());
  if (head->status == 101 && !base::same_name(head->headers.find("upgrade").value_or(""), upgrade_))
    return base::fail(invalid_message, "it switched to another protocol than was asked for");
  response_ = *head;
  body_.emplace(lease_.stream(), buffer_, response_.framing, response_.content_length, true);
  return &response_;
}

transport::Task<base::Result<http::ResponseHead>> Http1Upstream::read_head() {
  const base::Deadline deadline = lease_.within(lease_.timeouts().read, until_);
  while (true) {
    if (auto head = reader_.take()) co_return std::move(*head);
    const std::span<char> space{buffer_.prepare(read_size), read_size};
    const auto size = co_await lease_.stream().read_some(space, deadline);
    if (!size && size.error().kind() == connection_closed)
      co_return base::fail(connection_closed, "connection reset before it answered");
    if (!size) co_return size.error();
    if (*size == 0) co_return base::fail(connection_closed, "closed before it answered");
    buffer_.commit(*size);
  }
}

transport::Task<base::Result<std::size_t>> Http1Upstream::read(std::span<char> into) {
  const base::Deadline deadline = lease_.within(lease_.timeouts().read, until_);
  auto size = co_await body_->read(into, deadline);
  if (!size) co_return is_of_layer(size.error()) ? size.error() : broken_body(size.error());
  co_return size;
}

}  // namespace picket::apps::gateway::http1
