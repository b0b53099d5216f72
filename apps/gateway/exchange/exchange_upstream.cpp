#include <spdlog/spdlog.h>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/body/body_pace.hpp"
#include "apps/gateway/exchange/early_answer.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "picket/http/outgoing.hpp"
#include "picket/inspection/chunks.hpp"

namespace picket::apps::gateway::exchange {

namespace {

/// Why a request could not be written, for the log.
base::Error not_taken(const base::Error& error) {
  if (error.kind() == base::ErrorKind::timeout) return base::fail(error.kind(), "request not taken in time");
  return error;
}

}  // namespace

transport::Task<void> Exchange::forward(const config::Route& route) {
  auto& pool = *service_.upstreams[route.upstream];
  auto lease = co_await send_upstream(pool);
  upstream_ = nullptr;
  watch_.stop();
  if (lease) {
    co_await respond(std::move(*lease));
  } else if (!client_lost_ && status_ == 0) {
    co_await refuse(answers::Reason::upstream_error, 502);
  }
}

/// Asks one target after the other, until one answers or the request must not be sent again.
transport::Task<std::optional<upstream::Lease>> Exchange::send_upstream(upstream::Pool& pool) {
  upstream::Tried tried;
  std::size_t told = 0;  // failures that are in the log
  while (true) {
    watch_.start();
    auto lease = co_await pool.acquire(tried, upstream_, client_lost_);
    for (; told < tried.failures.size(); ++told)
      note_upstream_error(tried.failures[told].endpoint->text(), tried.failures[told].why);
    if (!lease && lease.error().kind() == base::ErrorKind::io && !client_lost_) {
      note_upstream_error(pool.id(), lease.error());
      co_await refuse(answers::Reason::overloaded, 503);
    }
    if (!lease || client_lost_) co_return std::nullopt;
    upstream_error_.clear();
    ++attempts_;
    upstream_address_ = lease->address();
    upstream_ = &lease->stream();
    upstream_buffer_.clear();
    const auto status = co_await ask(*lease);
    watch_.stop();
    if (status) {
      lease->answered();
      co_return std::move(*lease);
    }
    if (client_lost_ || status_ != 0) co_return std::nullopt;
    note_upstream_error(lease->address(), status.error());
    const bool goes_on = may_ask_again(*lease, status.error(), tried) && !pool.is_exhausted(tried);
    told = tried.failures.size();
    if (!goes_on) {
      if (status.error().kind() == base::ErrorKind::timeout) co_await refuse(answers::Reason::upstream_error, 504);
      co_return std::nullopt;
    }
    service_.shard.metrics.upstream_retries.add();
    upstream_ = nullptr;
  }
}

/// Whether a request that got no answer may be sent again: on a new connection where a pooled one turned out to be
/// stale, to another target where one hung up. What may have done something is not repeated (RFC 9110 §9.2.2).
bool Exchange::may_ask_again(upstream::Lease& lease, const base::Error& error, upstream::Tried& tried) {
  using enum base::ErrorKind;
  if (error.kind() != connection_closed && error.kind() != io) return false;
  if (!lease.reused()) {
    lease.failed(error, tried);
  } else if (std::exchange(tried.pooled_was_stale, true)) {
    return false;
  }
  return http::is_idempotent(request_.method) && !body_started_;
}

void Exchange::note_upstream_error(std::string_view address, const base::Error& error) {
  upstream_address_ = address;
  upstream_error_ = error.detail();
  spdlog::warn("upstream {}: {} (request {})", address, error.detail(), id_.text());
}

/// Sends the request and reads the response's head, which counts whatever became of sending: an upstream may answer
/// before it has taken all of a body.
transport::Task<base::Status> Exchange::ask(upstream::Lease& lease) {
  http::ResponseReader reader{upstream_buffer_, request_.is_head(), arena_,
                              [this](const http::ResponseHead& interim) { pass_interim(interim); }};
  EarlyAnswer early{lease.stream(), upstream_buffer_, reader, [this, &lease] {
                      lease.stream().cancel();
                      client_.cancel();
                    }};
  early.start(expect_goes_on_);
  const auto sent = co_await send_request(lease, early);
  early.stop();
  request_is_sent_ = sent.has_value();
  if (early.outcome()) co_return take_response(*early.outcome(), reader);
  if (client_lost_ || status_ != 0 || (!sent && sent.error().kind() == base::ErrorKind::timeout)) co_return sent;
  watch_.start();
  const auto head = co_await read_response_head(lease, reader);
  co_return take_response(head, reader);
}

/// Errors: `head`'s in words for the log; connection_closed and io where the upstream has not said a word, only then.
base::Status Exchange::take_response(const base::Result<http::ResponseHead>& head, const http::ResponseReader& reader) {
  using enum base::ErrorKind;
  if (head) {
    response_ = *head;
    return {};
  }
  const base::Error& error = head.error();
  if (error.kind() == timeout) return base::fail(timeout, "no answer in time");
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  if (reader.has_begun()) return base::fail(invalid_message, "closed within its answer's head");
  return error;
}

/// Interim answers go on to clients that know of them (RFC 9110 §15.2), but for a 100 that this client has had from the
/// gateway. Where agents look at answers, theirs is the word on its fields, and they are asked about the final one.
void Exchange::pass_interim(const http::ResponseHead& interim) {
  const bool is_continue = interim.status == 100;
  const bool is_inspected = inspection_->wants_response_headers();
  if (request_.version < 11 || (is_inspected && !is_continue)) return;
  if (is_continue && request_.expects_continue && !expect_goes_on_) return;
  http::write_status_line(interim_, interim.status, interim.reason);
  if (!is_inspected) {
    http::FieldList fields{arena_};
    http::copy_end_to_end(interim.headers, fields);
    http::write_fields(interim_, fields);
  }
  interim_.append("\r\n");
  // The exchange may be reading from the client: nothing is awaited here. An error is met again by the final answer.
  const iovec all = http::part(interim_.text());
  const auto written = transport::write_vectored(client_.descriptor(), {&all, 1});
  interim_.consume(written ? *written : interim_.size());
}

void Exchange::build_request(base::Buffer& out, const std::string& upstream_address) {
  const base::HeaderOps operations = inspection_->request_operations();
  http::FieldList changed{arena_};
  if (!operations.empty()) {
    changed.reserve(forwarded_.fields.size() + operations.size());
    for (const auto& field : forwarded_.fields.items()) changed.push_back(field);
    http::apply(operations, changed, arena_);
  }
  const http::FieldList& fields = operations.empty() ? forwarded_.fields : changed;

  http::write_request_line(out, forwarded_.method, forwarded_.target);
  if (http::find(fields, "host") == nullptr) http::write_field(out, "Host", upstream_address);
  for (const auto& field : fields.items())
    if (!is_framing(field.name)) http::write_field(out, field.name, field.value);
  if (body_is_held_) {
    answers::write_number_field(out, "Content-Length", inspection::size_of(held_));
  } else if (request_.framing == http::Framing::length) {
    answers::write_number_field(out, "Content-Length", request_.content_length);
  } else if (request_.framing == http::Framing::chunked) {
    http::write_field(out, "Transfer-Encoding", "chunked");
  }
  if (expect_goes_on_) http::write_field(out, "Expect", "100-continue");
  out.append("\r\n");
}

transport::Task<base::Status> Exchange::send_request(upstream::Lease& lease, EarlyAnswer& early) {
  base::Buffer head;
  build_request(head, lease.address());
  const bool chunked = !body_is_held_ && request_.framing == http::Framing::chunked;
  const std::uint64_t held_size = inspection::size_of(held_);
  const http::ChunkSize size_line{held_size};
  std::vector<iovec> parts{http::part(head.text())};
  if (chunked && held_size != 0) parts.push_back(http::part(size_line.text()));
  for (const auto piece : held_)
    if (!piece.empty()) parts.push_back(http::part(base::as_text(piece)));
  if (chunked && held_size != 0) parts.push_back(http::part("\r\n"));
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  const std::span<iovec> all{parts};
  const auto written = co_await lease.stream().write(all, deadline);
  if (!written) co_return not_taken(written.error());
  if (body_is_held_ || body_.done()) co_return base::Status{};
  co_return co_await stream_body(lease.stream(), early);
}

/// A body that no agent looks at goes on as it comes, the upstream's pace being the client's, until the upstream
/// answers. A client that waits for a 100 begins once the upstream's has been passed on, or when it tires of waiting
/// (RFC 9110 §10.1.1).
transport::Task<base::Status> Exchange::stream_body(transport::Stream& upstream, EarlyAnswer& early) {
  watch_.stop();  // the client is read from, and watched while the upstream takes what came
  const bool chunked = request_.framing == http::Framing::chunked;
  const auto block = service_.shard.blocks.take();
  body::BodyPace pace{service_.timeouts.body};
  while (!early.outcome()) {
    const std::span<char> space{block.get(), body::block_size};
    const base::TimePoint now = service_.worker.now();
    const bool waits_for_upstream = expect_goes_on_ && !body_started_;
    const base::Deadline deadline =
        waits_for_upstream ? base::Deadline::after(now, service_.upstream_timeouts.read) : pace.begins(now, body_size_);
    const auto size = co_await body_.read(space, deadline);
    if (!waits_for_upstream) pace.ends(service_.worker.now());
    body_started_ = body_started_ || size;
    if (early.outcome()) break;
    if (!size) {
      early.stop();
      if (waits_for_upstream && size.error().kind() == base::ErrorKind::timeout)
        co_return base::fail(base::ErrorKind::timeout, "no answer in time");
      co_await refuse_unread(size.error());
      co_return size.error();
    }
    body_size_ += *size;
    if (body_size_ > service_.config.limits.max_body_size) {
      early.stop();
      co_await refuse(answers::Reason::body_too_large, 413);
      co_return base::fail(base::ErrorKind::message_too_large, "the body is over the limit");
    }
    http::Outgoing outgoing{{}, {block.get(), *size}, chunked, body_.done()};
    const std::span<iovec> all = outgoing.parts();
    const base::Deadline write_deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
    watch_.start();
    const auto written = co_await upstream.write(all, write_deadline);
    watch_.stop();
    if (!written) co_return not_taken(written.error());
    if (body_.done()) co_return base::Status{};
  }
  co_return base::fail(base::ErrorKind::connection_closed, "the upstream answered first");
}

transport::Task<base::Result<http::ResponseHead>> Exchange::read_response_head(upstream::Lease& lease,
                                                                               http::ResponseReader& reader) {
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.upstream_timeouts.read);
  while (true) {
    if (auto head = reader.take()) co_return std::move(*head);
    const std::span<char> space{upstream_buffer_.prepare(body::read_size), body::read_size};
    const auto size = co_await lease.stream().read_some(space, deadline);
    if (!size && size.error().kind() == base::ErrorKind::connection_closed)
      co_return base::fail(base::ErrorKind::connection_closed, "connection reset before it answered");
    if (!size) co_return size.error();
    if (*size == 0) co_return base::fail(base::ErrorKind::connection_closed, "closed before it answered");
    upstream_buffer_.commit(*size);
  }
}

}  // namespace picket::apps::gateway::exchange
