#include "apps/gateway/answer_writer.hpp"
#include "apps/gateway/exchange.hpp"
#include "apps/gateway/http/outgoing.hpp"
#include "apps/gateway/http/parser.hpp"
#include "apps/gateway/inspection/chunks.hpp"
#include "apps/gateway/router.hpp"

namespace picket::apps::gateway {
namespace {

using inspection::Reason;

constexpr http::HeadLimits response_head_limits{.max_size = 64 * 1024, .max_fields = 1000};

}  // namespace

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
    write_number_field(out, "Content-Length", inspection::size_of(held_));
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
  if (!written) co_return written.error();
  if (body_is_held_ || body_.done()) co_return base::Status{};
  co_return co_await stream_body(lease.stream());
}

/// A body that no agent looks at goes on as it comes, the upstream's pace being the client's.
transport::Task<base::Status> Exchange::stream_body(transport::Stream& upstream) {
  body_started_ = true;
  const bool chunked = request_.framing == http::Framing::chunked;
  const auto block = std::make_unique_for_overwrite<char[]>(http::block_size);
  while (true) {
    const std::span<char> space{block.get(), http::block_size};
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
    http::Outgoing outgoing{{}, {block.get(), *size}, chunked, body_.done()};
    const std::span<iovec> all = outgoing.parts();
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
    const std::span<char> space{upstream_buffer_.prepare(http::read_size), http::read_size};
    const auto size = co_await lease.stream().read_some(space, deadline);
    if (!size) co_return size.error();
    if (*size == 0) co_return base::fail(base::ErrorKind::connection_closed, "the upstream closed before it answered");
    upstream_buffer_.commit(*size);
  }
}

}  // namespace picket::apps::gateway
