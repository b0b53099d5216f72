#include "apps/gateway/http1/http1_upstream.hpp"

#include <algorithm>
#include <utility>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/exchange/forwarded_request.hpp"
#include "apps/gateway/http1/tunnel.hpp"

namespace picket::apps::gateway::http1 {
namespace {

using enum base::ErrorKind;

/// What the peer did to the connection below its answer, such as refusing our certificate.
bool is_of_tls(const base::Error& error) {
  return error.kind() == invalid_message && error.detail().starts_with("TLS: ");
}

/// Why a request could not be written, for the log.
base::Error not_taken(const base::Error& error) {
  return error.kind() == timeout ? base::fail(timeout, "request not taken in time") : error;
}

/// Why there is no head of an answer, for the log. `has_begun`: whether the upstream has said a word.
base::Error no_answer(const base::Error& error, bool has_begun) {
  if (error.kind() == timeout) return base::fail(timeout, "no answer in time");
  if (is_of_tls(error)) return error;
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  return has_begun ? base::fail(invalid_message, "closed within its answer's head") : error;
}

/// Why an answer's body did not come to its end, for the log.
base::Error broken_body(const base::Error& error) {
  if (error.kind() == timeout) return base::fail(timeout, "the rest of the answer did not come in time");
  if (is_of_tls(error)) return error;
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  return base::fail(connection_closed, "the answer ended early");
}

}  // namespace

Http1Upstream::Attempt::Attempt(Http1Upstream& side, upstream::Lease leased)
    : lease(std::move(leased)),
      reader(side.buffer_, side.to_head_, side.arena_,
             [&side](const http::ResponseHead& interim) { side.listener_->on_interim(interim); }),
      early(lease.stream(), side.buffer_, reader, [this, &side] {
        lease.stream().cancel();
        side.listener_->on_early_answer();
      }) {}

// ---- connections

Http1Upstream::Http1Upstream(generation::Service& service, transport::Cancel& cancel, bool to_head,
                             base::Arena& arena) noexcept
    : service_(service),
      arena_(arena),
      to_head_(to_head),
      cancel_(cancel),
      guard_(
          cancel, [](void* self) { static_cast<Http1Upstream*>(self)->reset(exchange::ResetCode::cancelled); }, this) {}

transport::Task<base::Status> Http1Upstream::connect(std::size_t upstream, std::uint64_t key,
                                                     exchange::UpstreamListener& listener) {
  attempt_.reset();
  buffer_.clear();
  listener_ = &listener;
  const bool is_first = pool_ == nullptr;
  pool_ = &*service_.upstreams[upstream];
  tried_.key = key;
  if (is_first) tried_.until = within(pool_->timeouts.request);
  auto lease = co_await pool_->acquire(tried_, cancel_);
  tell_failures();
  const bool is_ours = !lease && (lease.error().kind() == io || lease.error().kind() == unavailable);
  const bool nobody_failed = is_ours || (!lease && tried_.failures.empty());
  if (nobody_failed && !cancel_.is_requested()) listener.on_upstream_error(pool_->id(), lease.error());
  if (!lease) co_return lease.error();
  attempt_.emplace(*this, std::move(*lease));
  co_return base::Status{};
}

bool Http1Upstream::is_untrusted() const noexcept {
  return !tried_.failures.empty() && tried_.failures.back().is_untrusted;
}

/// 0: no pause is too long.
base::Deadline Http1Upstream::within(base::Duration pause) const {
  if (pause == base::Duration::zero()) return tried_.until;
  return std::min(base::Deadline::after(service_.worker.now(), pause), tried_.until);
}

void Http1Upstream::tell_failures() {
  for (; told_ < tried_.failures.size(); ++told_)
    listener_->on_upstream_error(tried_.failures[told_].site->endpoint().text(), tried_.failures[told_].why);
}

/// On a new connection where a pooled one turned out to be stale, to another target where one hung up.
bool Http1Upstream::has_another(const base::Error& error) {
  upstream::Lease& lease = attempt_->lease;
  if (error.kind() != connection_closed && error.kind() != io) {
    lease.unanswered();
    return false;
  }
  if (!lease.reused()) {
    lease.failed(error, tried_);
  } else if (std::exchange(tried_.pooled_was_stale, true)) {
    return false;
  }
  told_ = tried_.failures.size();
  return pool_->may_ask_again(tried_, lease.reused());
}

transport::Task<exchange::Tunnelled> Http1Upstream::tunnel(exchange::TunnelEnd client, base::Duration idle) {
  const exchange::TunnelEnd upstream{.stream = attempt_->lease.stream(), .buffered = buffer_};
  Tunnel passing{service_.worker, client, upstream, idle};
  co_await passing.run();
  attempt_.reset();
  co_return passing.passed();
}

void Http1Upstream::finish() {
  // An upstream that answered before it had the whole request would take the next one for the rest of this.
  const bool is_clean = attempt_->has_whole_request && body_->done() && buffer_.empty();
  if (response_.keep_alive && is_clean) attempt_->lease.give_back(response_.stray_body_may_follow);
  attempt_.reset();
}

void Http1Upstream::reset(exchange::ResetCode) noexcept {
  if (!attempt_) return;
  attempt_->early.stop();
  attempt_->lease.stream().close();
}

// ---- the request

void Http1Upstream::begin(const exchange::RequestStart& start) {
  chunks_ = start.length.kind == exchange::BodyLength::Kind::unknown;
  upgrade_ = start.upgrade;
  if (!upgrade_.empty()) attempt_->reader.allow_switch();
  write_head(start);
  attempt_->early.start(start.waits_for_100);
}

void Http1Upstream::write_head(const exchange::RequestStart& start) {
  head_.clear();
  http::write_request_line(head_, start.method, start.target);
  if (http::find(start.fields, "host") == nullptr) http::write_field(head_, "Host", attempt_->lease.authority());
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

transport::Task<base::Status> Http1Upstream::write(std::span<const base::SharedBytes> pieces, bool last) {
  const http::ChunkSize size{base::size_of(pieces)};
  add_parts(pieces, size, last);
  const std::span<iovec> all{parts_};
  const base::Deadline deadline = within(pool_->timeouts.write);
  const auto written = co_await attempt_->lease.stream().write(all, deadline);
  head_.clear();
  if (!written) co_return not_taken(written.error());
  if (last) attempt_->has_whole_request = true;
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
  if (chunks_ && last) parts_.push_back(http::part("0\r\n\r\n"));
}

// ---- the answer

transport::Task<base::Result<const http::ResponseHead*>> Http1Upstream::answer() {
  attempt_->early.stop();
  if (const auto& early = attempt_->early.outcome()) co_return take_head(*early);
  const auto head = co_await read_head();
  co_return take_head(head);
}

base::Result<const http::ResponseHead*> Http1Upstream::take_head(const EarlyAnswer::Outcome& head) {
  if (!head) return no_answer(head.error(), attempt_->reader.has_begun());
  if (head->status == 101 && !base::same_name(head->headers.find("upgrade").value_or(""), upgrade_))
    return base::fail(invalid_message, "it switched to another protocol than was asked for");
  attempt_->lease.answered();
  response_ = *head;
  body_.emplace(attempt_->lease.stream(), buffer_, response_.framing, response_.content_length, true);
  return &response_;
}

transport::Task<base::Result<http::ResponseHead>> Http1Upstream::read_head() {
  const base::Deadline deadline = within(pool_->timeouts.read);
  while (true) {
    if (auto head = attempt_->reader.take()) co_return std::move(*head);
    const std::span<char> space{buffer_.prepare(read_size), read_size};
    const auto size = co_await attempt_->lease.stream().read_some(space, deadline);
    if (!size && size.error().kind() == connection_closed)
      co_return base::fail(connection_closed, "connection reset before it answered");
    if (!size) co_return size.error();
    if (*size == 0) co_return base::fail(connection_closed, "closed before it answered");
    buffer_.commit(*size);
  }
}

transport::Task<base::Result<std::size_t>> Http1Upstream::read(std::span<char> into) {
  const base::Deadline deadline = within(pool_->timeouts.read);
  auto size = co_await body_->read(into, deadline);
  if (!size) co_return broken_body(size.error());
  co_return size;
}

}  // namespace picket::apps::gateway::http1
