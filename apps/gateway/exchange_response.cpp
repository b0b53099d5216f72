#include "apps/gateway/answer_writer.hpp"
#include "apps/gateway/exchange.hpp"
#include "apps/gateway/http/outgoing.hpp"

namespace picket::apps::gateway {

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
      if (!block) block = std::make_unique_for_overwrite<char[]>(http::block_size);
      const std::span<char> space{block.get(), http::block_size};
      const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.upstream_timeouts.read);
      watch_.start();
      const auto got = co_await body.read(space, deadline);
      watch_.stop();
      if (!got || client_lost_) {
        // The head is out or about to be: the client can only be told by a connection that ends too early.
        if (!client_lost_) reason_ = inspection::Reason::upstream_error;
        client_.close();
        client_lost_ = true;
        break;
      }
      size = *got;
    }
    http::Outgoing outgoing{head.text(), {block.get(), size}, to_chunks, body.done()};
    const std::span<iovec> all = outgoing.parts();
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

}  // namespace picket::apps::gateway
