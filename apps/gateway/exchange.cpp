#include "apps/gateway/exchange.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "apps/gateway/answer_writer.hpp"
#include "apps/gateway/http/parser.hpp"
#include "apps/gateway/logs/access_line.hpp"
#include "apps/gateway/logs/json_line.hpp"
#include "apps/gateway/router.hpp"

namespace picket::apps::gateway {
namespace {

using inspection::Reason;

constexpr std::size_t block_size = 64 * 1024;
constexpr std::size_t read_size = 16 * 1024;
constexpr http::HeadLimits response_head_limits{.max_size = 64 * 1024, .max_fields = 1000};

iovec part(std::string_view text) noexcept { return {const_cast<char*>(text.data()), text.size()}; }
iovec part(base::ByteView bytes) noexcept { return part(base::as_text(bytes)); }

/// What a client may take for so many bytes of a body that is held: who sends a byte now and then would hold memory for
/// ever.
base::Duration time_for(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t slowest = 1024;  // bytes a second
  return std::chrono::seconds{bytes / slowest};
}

/// "<hex size>\r\n" of a chunk.
std::string_view chunk_head(std::array<char, 24>& buffer, std::size_t size) noexcept {
  char* const end = std::to_chars(buffer.data(), buffer.data() + 18, size, 16).ptr;
  end[0] = '\r';
  end[1] = '\n';
  return {buffer.data(), static_cast<std::size_t>(end + 2 - buffer.data())};
}

}  // namespace

Exchange::Exchange(Service& service, transport::Stream& client, base::Buffer& client_buffer, const Peer& peer,
                   const http::RequestHead& request, base::Arena& arena)
    : service_(service),
      client_(client),
      peer_(peer),
      request_(request),
      arena_(arena),
      body_(client, client_buffer, request.framing, request.content_length),
      watch_(client, [this] { abandon(wire::CancelReason::client_disconnect); }),
      id_(service.worker.ids().mint()),
      request_id_(request.headers.find("x-request-id").value_or("")),
      began_(base::Clock::now()),
      keep_alive_(request.keep_alive) {
  if (request_id_.empty()) request_id_ = id_.text();
}

Exchange::~Exchange() {
  inspection_.reset();
  service_.worker.ids().release(id_);
}

transport::Task<void> Exchange::serve() {
  const std::string_view authority = authority_of(request_.target);
  const auto [route, ambiguous] = find_route(service_.config, request_);
  if (!authority.empty() && authority != request_.headers.find("host").value_or("")) {
    keep_alive_ = false;
    co_await refuse(Reason::bad_request, 400);
  } else if (ambiguous) {
    co_await refuse(Reason::bad_request, 400);
  } else if (route == nullptr) {
    inspection::Answer nowhere{
        .status = 404, .fields = http::FieldList{arena_}, .body = "no route takes this request\n"};
    co_await answer(std::move(nowhere));
  } else if (request_.framing == http::Framing::length &&
             request_.content_length > service_.config.limits.max_body_size) {
    co_await refuse(Reason::body_too_large, 413);
  } else {
    inspection_.emplace(service_.inspection, *route, id_, arena_);
    bool goes_on = co_await inspect_head(*route);
    if (goes_on) goes_on = co_await continue_if_expected();
    if (goes_on && request_.has_body() && inspection_->wants_request_body()) goes_on = co_await hold_and_inspect_body();
    if (goes_on) co_await forward(*route);
  }
  conclude();
}

// ---- agents

transport::Task<bool> Exchange::inspect_head(const config::Route& route) {
  thread_local std::string time;
  const auto optional_text = [](std::string_view text) { return text.empty() ? std::nullopt : std::optional{text}; };
  const wire::RequestHeaders event{
      .metadata = {.correlation_id = id_.text(),
                   .request_id = request_id_,
                   .client_ip = peer_.address,
                   .client_port = peer_.port,
                   .server_name = optional_text(request_.headers.find("host").value_or("")),
                   .protocol = request_.version == 11 ? "HTTP/1.1" : "HTTP/1.0",
                   .route_id = route.id,
                   .upstream_id = service_.config.upstreams[route.upstream].id,
                   .timestamp = arena_.copy(logs::rfc3339_now(time)),
                   .traceparent = request_.headers.find("traceparent")},
      .method = request_.method,
      .uri = request_.target,
      .headers = request_.headers};
  watch_.start();
  auto verdict = co_await inspection_->request_headers(event);
  co_return co_await goes_on_after(std::move(verdict));
}

transport::Task<bool> Exchange::goes_on_after(inspection::Verdict verdict) {
  watch_.stop();
  if (client_lost_) co_return false;
  if (!verdict.answer) co_return true;
  decision_ = verdict.decision;
  deciding_agent_ = verdict.agent;
  co_await answer(std::move(*verdict.answer));
  co_return false;
}

transport::Task<bool> Exchange::continue_if_expected() {
  if (!request_.expects_continue || !request_.has_body() || body_.is_buffered()) co_return true;
  iovec line = part("HTTP/1.1 100 Continue\r\n\r\n");
  const std::span<iovec> parts{&line, 1};
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  const auto written = co_await client_.write(parts, deadline);
  client_lost_ = !written;
  co_return !client_lost_;
}

transport::Task<bool> Exchange::hold_and_inspect_body() {
  const auto refuse_above = inspection_->refuse_body_above();
  const std::uint64_t inspect_up_to = inspection_->inspect_body_up_to();
  const auto too_large = [&](std::uint64_t size) {
    return (refuse_above && size > *refuse_above) || size > service_.config.limits.max_body_size;
  };
  if (too_large(request_.content_length)) {
    co_await refuse(Reason::body_too_large, 413);
    co_return false;
  }
  const base::TimePoint began = service_.worker.now();
  // Blocks are taken as the body comes: a declared length reserves nothing.
  std::size_t used = block_size;
  while (!body_.done() && body_size_ <= inspect_up_to) {
    if (used == block_size) {
      blocks_.push_back(std::make_unique_for_overwrite<char[]>(block_size));
      held_.emplace_back(reinterpret_cast<const std::byte*>(blocks_.back().get()), 0);
      used = 0;
    }
    const std::span<char> space{blocks_.back().get() + used, block_size - used};
    const base::Deadline deadline =
        std::min(base::Deadline::after(service_.worker.now(), service_.timeouts.body),
                 base::Deadline::after(began, service_.timeouts.body + time_for(body_size_)));
    const auto size = co_await body_.read(space, deadline);
    if (!size) {
      const bool malformed = size.error().kind() == base::ErrorKind::invalid_message;
      client_lost_ = !malformed && size.error().kind() != base::ErrorKind::timeout;
      keep_alive_ = false;
      if (!client_lost_) co_await refuse(Reason::bad_request, malformed ? 400 : 408);
      co_return false;
    }
    used += *size;
    body_size_ += *size;
    held_.back() = base::as_bytes({blocks_.back().get(), used});
    if (too_large(body_size_)) {
      co_await refuse(Reason::body_too_large, 413);
      co_return false;
    }
  }
  body_is_held_ = body_.done();
  if (!body_is_held_) {
    inspection_->skip_request_body();  // too large for every agent, and all of them are fail-open
    co_return true;
  }
  watch_.start();
  auto verdict = co_await inspection_->request_body(held_);
  co_return co_await goes_on_after(std::move(verdict));
}

// ---- to the upstream

transport::Task<void> Exchange::forward(const config::Route& route) {
  auto& pool = *service_.upstreams[route.upstream];
  auto lease = co_await send_upstream(pool);
  upstream_ = nullptr;
  watch_.stop();
  if (lease) {
    co_await respond(std::move(*lease));
  } else if (!client_lost_ && status_ == 0) {
    co_await refuse(Reason::upstream_error, 502);
  }
}

/// Sends the request and reads the response's head; once more on a new connection where a pooled one turned out to be
/// stale.
transport::Task<std::optional<upstream::Lease>> Exchange::send_upstream(upstream::Pool& pool) {
  for (bool fresh = false;; fresh = true) {
    upstream_ = nullptr;
    auto lease = co_await pool.acquire(fresh);
    if (!lease || client_lost_) co_return std::nullopt;
    ++attempts_;
    upstream_address_ = lease->address();
    upstream_ = &lease->stream();
    upstream_buffer_.clear();
    auto status = co_await send_request(*lease);
    if (client_lost_ || status_ != 0) co_return std::nullopt;
    request_is_sent_ = status.has_value();
    if (status || body_started_ || !lease->reused()) {
      // An upstream may answer before it has taken all of a body: whatever became of writing, its answer counts.
      watch_.start();
      status = co_await read_response_head(*lease);
    }
    if (status) co_return std::move(*lease);
    if (client_lost_) co_return std::nullopt;
    const bool stale =
        lease->reused() && upstream_buffer_.empty() && status.error().kind() == base::ErrorKind::connection_closed;
    const bool repeatable = http::is_idempotent(request_.method) && !body_started_;
    watch_.stop();
    if (fresh || !stale || !repeatable) {
      if (status.error().kind() == base::ErrorKind::timeout) {
        co_await refuse(Reason::upstream_error, 504);
      }
      co_return std::nullopt;
    }
    service_.shard.metrics.upstream_retries.add();
  }
}

std::string Exchange::forwarded_for() const {
  std::string value;
  for (const auto& field : request_.headers)
    if (wire::same_name(field.name, "x-forwarded-for")) value.append(field.value).append(", ");
  return value + peer_.address;
}

void Exchange::build_request(base::Buffer& out, const std::string& upstream_address) {
  http::FieldList fields{arena_};
  fields.reserve(request_.headers.size() + 4);
  http::copy_end_to_end(request_.headers, fields);
  http::remove(fields, "x-forwarded-for");
  http::remove(fields, "x-forwarded-proto");
  fields.push_back({"X-Forwarded-For", arena_.copy(forwarded_for())});
  fields.push_back({"X-Forwarded-Proto", "http"});
  http::apply(inspection_->request_operations(), fields, arena_);
  const auto* const host = http::find(fields, "host");

  http::write_request_line(out, request_.method, origin_form(request_.target));
  if (host == nullptr) http::write_field(out, "Host", upstream_address);
  http::write_fields(out, fields);
  if (http::find(fields, "x-request-id") == nullptr) http::write_field(out, "X-Request-Id", request_id_);
  if (body_is_held_) {
    std::uint64_t size = 0;
    for (const auto piece : held_) size += piece.size();
    write_number_field(out, "Content-Length", size);
  } else if (request_.framing == http::Framing::length) {
    write_number_field(out, "Content-Length", request_.content_length);
  } else if (request_.framing == http::Framing::chunked) {
    http::write_field(out, "Transfer-Encoding", "chunked");
  }
  out.append("\r\n");
}

transport::Task<base::Status> Exchange::send_request(upstream::Lease& lease) {
  base::Buffer head;
  build_request(head, lease.address());
  const bool chunked = !body_is_held_ && request_.framing == http::Framing::chunked;
  std::vector<iovec> parts{part(head.text())};
  std::uint64_t held_size = 0;
  for (const auto piece : held_) held_size += piece.size();
  std::array<char, 24> chunk{};
  if (chunked && held_size != 0) parts.push_back(part(chunk_head(chunk, held_size)));
  for (const auto piece : held_)
    if (!piece.empty()) parts.push_back(part(piece));
  if (chunked && held_size != 0) parts.push_back(part("\r\n"));
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  const std::span<iovec> all{parts};
  const auto written = co_await lease.stream().write(all, deadline);
  if (!written) co_return written.error();
  if (body_is_held_ || body_.done()) co_return base::Status{};
  co_return co_await stream_body(lease.stream());
}

/// A body that no agent looks at goes on as it comes, the upstream's pace being the client's.
transport::Task<base::Status> Exchange::stream_body(transport::Stream& upstream) {
  body_started_ = true;
  const bool chunked = request_.framing == http::Framing::chunked;
  const auto block = std::make_unique_for_overwrite<char[]>(block_size);
  while (true) {
    const std::span<char> space{block.get(), block_size};
    const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.body);
    const auto size = co_await body_.read(space, deadline);
    if (!size) {
      keep_alive_ = false;
      client_lost_ =
          size.error().kind() == base::ErrorKind::connection_closed || size.error().kind() == base::ErrorKind::io;
      if (!client_lost_)
        co_await refuse(Reason::bad_request, size.error().kind() == base::ErrorKind::timeout ? 408 : 400);
      co_return size.error();
    }
    body_size_ += *size;
    if (body_size_ > service_.config.limits.max_body_size) {
      co_await refuse(Reason::body_too_large, 413);
      co_return base::fail(base::ErrorKind::message_too_large, "the body is over the limit");
    }
    std::array<char, 24> head{};
    std::array<iovec, 4> parts{};
    std::size_t count = 0;
    if (chunked && *size != 0) parts[count++] = part(chunk_head(head, *size));
    if (*size != 0) parts[count++] = part(std::string_view{block.get(), *size});
    if (chunked && *size != 0) parts[count++] = part("\r\n");
    if (chunked && body_.done()) parts[count++] = part("0\r\n\r\n");
    const std::span<iovec> all = std::span{parts}.first(count);
    const base::Deadline write_deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
    const auto written = co_await upstream.write(all, write_deadline);
    if (!written) co_return written.error();
    if (body_.done()) co_return base::Status{};
  }
}

transport::Task<base::Status> Exchange::read_response_head(upstream::Lease& lease) {
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.upstream_timeouts.read);
  std::size_t checked = 0;
  while (true) {
    const auto end = http::find_head_end(upstream_buffer_.text(), checked, response_head_limits);
    if (end.error) co_return base::fail(base::ErrorKind::invalid_message, std::string{end.error->reason});
    if (end.size) {
      const std::string_view head = arena_.copy(upstream_buffer_.text().substr(0, *end.size));
      upstream_buffer_.consume(*end.size);
      checked = 0;
      auto response = http::parse_response_head(head, request_.is_head(), arena_);
      if (!response) co_return response.error();
      if (response->status == 101)
        co_return base::fail(base::ErrorKind::invalid_message, "the upstream switched protocols unasked");
      if (response->status < 200) continue;  // 100 Continue and other interim responses
      response_ = *response;
      co_return base::Status{};
    }
    checked = upstream_buffer_.size();
    const std::span<char> space{upstream_buffer_.prepare(read_size), read_size};
    const auto size = co_await lease.stream().read_some(space, deadline);
    if (!size) co_return size.error();
    if (*size == 0) co_return base::fail(base::ErrorKind::connection_closed, "the upstream closed before it answered");
    upstream_buffer_.commit(*size);
  }
}

// ---- back to the client

transport::Task<void> Exchange::respond(upstream::Lease lease) {
  if (inspection_->wants_response_headers()) {
    watch_.start();
    const wire::ResponseHeaders event{
        .correlation_id = id_.text(), .status = response_.status, .headers = response_.headers};
    auto verdict = co_await inspection_->response_headers(event);
    const bool goes_on = co_await goes_on_after(std::move(verdict));
    if (!goes_on) co_return;
  }
  http::FieldList fields{arena_};
  fields.reserve(response_.headers.size() + 4);
  http::copy_end_to_end(response_.headers, fields);
  http::apply(inspection_->response_operations(), fields, arena_);
  co_await relay(std::move(lease), fields);
}

/// What the client is told of its connection.
AnswerTerms Exchange::terms() {
  // A body that nobody has read would be taken for the next request.
  if (!body_.done() || service_.shard.draining) keep_alive_ = false;
  return {.version = request_.version, .keep_alive = keep_alive_, .with_body = !request_.is_head()};
}

void Exchange::build_response(base::Buffer& out, const http::FieldList& fields, bool to_chunks) {
  http::write_status_line(out, response_.status, response_.reason);
  http::write_fields(out, fields);
  if (http::find(fields, "x-request-id") == nullptr) http::write_field(out, "X-Request-Id", request_id_);
  if (to_chunks) {
    http::write_field(out, "Transfer-Encoding", "chunked");
  } else if (response_.framing == http::Framing::length) {
    write_number_field(out, "Content-Length", response_.content_length);
  } else if (const auto length = response_.headers.find("content-length"); length && request_.is_head()) {
    http::write_field(out, "Content-Length", *length);
  }
  finish_head(out, terms());
}

transport::Task<void> Exchange::relay(upstream::Lease lease, const http::FieldList& fields) {
  const bool has_no_length =
      response_.framing == http::Framing::chunked || response_.framing == http::Framing::until_close;
  const bool to_chunks = has_no_length && request_.version == 11;
  if (has_no_length && !to_chunks) keep_alive_ = false;
  base::Buffer head;
  build_response(head, fields, to_chunks);
  status_ = response_.status;

  http::BodyReader body{lease.stream(), upstream_buffer_, response_.framing, response_.content_length};
  std::unique_ptr<char[]> block;
  upstream_ = &lease.stream();
  while (!head.empty() || !body.done()) {
    std::size_t size = 0;
    // A head that came alone goes on alone: its body may take its time.
    if (!body.done() && (head.empty() || !upstream_buffer_.empty())) {
      if (!block) block = std::make_unique_for_overwrite<char[]>(block_size);
      const std::span<char> space{block.get(), block_size};
      const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.upstream_timeouts.read);
      watch_.start();
      const auto got = co_await body.read(space, deadline);
      watch_.stop();
      if (!got || client_lost_) {
        // The head is out or about to be: the client can only be told by a connection that ends too early.
        if (!client_lost_) reason_ = Reason::upstream_error;
        client_.close();
        client_lost_ = true;
        break;
      }
      size = *got;
    }
    std::array<char, 24> chunk{};
    std::array<iovec, 5> parts{};
    std::size_t count = 0;
    if (!head.empty()) parts[count++] = part(head.text());
    if (to_chunks && size != 0) parts[count++] = part(chunk_head(chunk, size));
    if (size != 0) parts[count++] = part(std::string_view{block.get(), size});
    if (to_chunks && size != 0) parts[count++] = part("\r\n");
    if (to_chunks && body.done()) parts[count++] = part("0\r\n\r\n");
    const std::span<iovec> all = std::span{parts}.first(count);
    const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
    const auto written = co_await client_.write(all, deadline);
    if (!written) {
      client_lost_ = true;
      break;
    }
    head.clear();
    response_size_ += size;
  }
  upstream_ = nullptr;
  // An upstream that answered before it had the whole request would take the next one for the rest of this.
  const bool is_clean = request_is_sent_ && body_.done() && body.done() && upstream_buffer_.empty();
  if (!client_lost_ && response_.keep_alive && is_clean) lease.give_back();
}

transport::Task<void> Exchange::answer(inspection::Answer answer) {
  reason_ = answer.reason;
  if (answer.reason != Reason::none)
    service_.shard.metrics.answers_by_reason[static_cast<std::size_t>(answer.reason)].add();
  base::Buffer out;
  const AnswerTerms terms = this->terms();
  write_answer(out, answer, request_id_, terms);
  status_ = answer.status;
  iovec all = part(out.text());
  const std::span<iovec> parts{&all, 1};
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  const auto written = co_await client_.write(parts, deadline);
  if (written) {
    response_size_ = terms.with_body ? answer.body.size() : 0;
  } else {
    client_lost_ = true;
    keep_alive_ = false;
  }
}

transport::Task<void> Exchange::refuse(Reason reason, std::uint16_t status) {
  auto made = inspection::answer_for(reason, status, arena_);
  co_await answer(std::move(made));
}

// ---- the end

void Exchange::abandon(wire::CancelReason reason) {
  client_lost_ = true;
  if (upstream_ != nullptr) upstream_->close();
  if (inspection_) inspection_->cancel(reason);  // last: it may resume serve() to its end
}

void Exchange::conclude() {
  watch_.stop();
  const auto duration = base::Clock::now() - began_;
  if (client_lost_) keep_alive_ = false;
  service_.shard.metrics.requests_by_class[status_ / 100 < 6 ? status_ / 100 : 0].add();
  service_.shard.metrics.request_duration.record(duration);
  service_.shard.metrics.request_bytes.add(body_size_);
  service_.shard.metrics.response_bytes.add(response_size_);
  if (inspection_)
    inspection_->complete({.correlation_id = id_.text(),
                           .status = status_,
                           .duration_ms = static_cast<std::uint64_t>(
                               std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()),
                           .request_body_size = body_size_,
                           .response_body_size = response_size_,
                           .upstream_attempts = attempts_,
                           .error = reason_ == Reason::none ? std::nullopt : std::optional{inspection::name(reason_)}});
  write_access_line(duration);
}

void Exchange::write_access_line(base::Duration duration) {
  if (service_.access == nullptr) return;
  logs::write_access_line(*service_.access,
                          {.id = id_.text(),
                           .client = peer_.address,
                           .method = request_.method,
                           .uri = request_.target,
                           .status = status_,
                           .bytes_in = body_size_,
                           .bytes_out = response_size_,
                           .duration = duration,
                           .upstream = upstream_address_,
                           .decision = decision_,
                           .agent = deciding_agent_,
                           .reason = reason_ == Reason::none ? std::string_view{} : inspection::name(reason_)});
}

}  // namespace picket::apps::gateway
