#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "picket/http/outgoing.hpp"

namespace picket::apps::gateway::exchange {
namespace {

/// How the connection ends, be it closed here or with the process: by a FIN, or by a reset.
void end_with_reset(transport::Stream& client, bool reset) {
  boost::system::error_code ignored;
  client.socket().set_option(transport::Stream::Socket::linger(reset, 0), ignored);
}

/// Why an answer's body did not come to its end, for the log.
base::Error broken_body(const base::Error& error) {
  using enum base::ErrorKind;
  if (error.kind() == timeout) return base::fail(timeout, "the rest of the answer did not come in time");
  if (error.kind() == invalid_message) return base::fail(invalid_message, "malformed answer: " + error.detail());
  return base::fail(connection_closed, "the answer ended early");
}

}  // namespace

transport::Task<bool> Exchange::inspect_response_head(std::uint16_t status, base::Headers headers) {
  if (!inspection_->wants_response_headers()) co_return true;
  watch_.start();
  const wire::ResponseHeaders event{.correlation_id = id_.text(), .status = status, .headers = headers};
  auto verdict = co_await inspection_->response_headers(event);
  co_return co_await take_verdict(std::move(verdict));
}

/// A route's own answer goes the way of an upstream's.
transport::Task<void> Exchange::respond_fixed(const config::FixedAnswer& fixed) {
  inspection::Answer own{.status = fixed.status, .fields = http::FieldList{arena_}, .body = fixed.text};
  if (!fixed.text.empty()) own.fields.push_back({"content-type", "text/plain; charset=utf-8"});
  const bool goes_on = co_await inspect_response_head(fixed.status, std::span<const base::Header>{own.fields.items()});
  if (!goes_on) co_return;
  http::apply(inspection_->response_operations(), own.fields, arena_);
  co_await answer(std::move(own));
}

transport::Task<void> Exchange::respond(upstream::Lease lease) {
  const bool goes_on = co_await inspect_response_head(response_.status, response_.headers);
  if (!goes_on) co_return;
  http::FieldList fields{arena_};
  fields.reserve(response_.headers.size() + 4);
  http::copy_end_to_end(response_.headers, fields);
  http::apply(inspection_->response_operations(), fields, arena_);
  co_await relay(std::move(lease), fields);
}

void Exchange::build_response(base::Buffer& out, const http::FieldList& fields, bool to_chunks) {
  http::write_status_line(out, response_.status, response_.reason);
  http::write_fields(out, fields);
  if (http::find(fields, "date") == nullptr) http::write_field(out, "Date", service_.shard.date.now());
  if (http::find(fields, "x-request-id") == nullptr) http::write_field(out, "X-Request-Id", request_id_);
  if (to_chunks) {
    http::write_field(out, "Transfer-Encoding", "chunked");
  } else if (response_.framing == http::Framing::length) {
    answers::write_number_field(out, "Content-Length", response_.content_length);
  } else if (const auto length = response_.headers.find("content-length");
             length && request_.is_head() && response_.status != 204) {
    http::write_field(out, "Content-Length", *length);
  }
  answers::finish_head(out, terms());
}

transport::Task<void> Exchange::relay(upstream::Lease lease, const http::FieldList& fields) {
  const bool has_no_length =
      response_.framing == http::Framing::chunked || response_.framing == http::Framing::until_close;
  const bool to_chunks = has_no_length && request_.version == 11;
  if (has_no_length && !to_chunks) keep_alive_ = false;
  // A client that cannot tell the end of an answer from a cut one must not take the second for the first.
  const bool ends_by_closing = has_no_length && !to_chunks;
  if (ends_by_closing) end_with_reset(client_, true);
  base::Buffer head;
  head.append(interim_.text());
  build_response(head, fields, to_chunks);
  status_ = response_.status;

  body::BodyReader body{lease.stream(), upstream_buffer_, response_.framing, response_.content_length, true};
  let_body_go();  // a response may take its time
  body::BlockPool::Block block;
  upstream_ = &lease.stream();
  watch_.answer_moves();
  while (!head.empty() || !body.done()) {
    std::size_t size = 0;
    // A head that came alone goes on alone: its body may take its time.
    if (!body.done() && (head.empty() || !upstream_buffer_.empty())) {
      if (!block) block = service_.shard.blocks.take();
      const std::span<char> space{block.get(), body::block_size};
      const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.upstream_timeouts.read);
      watch_.start();
      const auto got = co_await body.read(space, deadline);
      watch_.stop();
      if (client_lost_) break;
      if (!got) {
        co_await give_up_response(broken_body(got.error()), head.empty());
        break;
      }
      size = *got;
    }
    http::Outgoing outgoing{head.text(), {block.get(), size}, to_chunks, body.done()};
    const std::span<iovec> all = outgoing.parts();
    const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
    watch_.start_writing();
    const auto written = co_await client_.write(all, deadline);
    watch_.stop();
    if (!written) {
      client_left();
      break;
    }
    watch_.answer_moves();
    head.clear();
    interim_.clear();
    response_size_ += size;
  }
  upstream_ = nullptr;
  // An upstream that answered before it had the whole request would take the next one for the rest of this.
  const bool is_clean = request_is_sent_ && body_.done() && body.done() && upstream_buffer_.empty();
  if (!client_lost_ && response_.keep_alive && is_clean) lease.give_back(response_.stray_body_may_follow);
  if (ends_by_closing && body.done() && !client_lost_) end_with_reset(client_, false);
}

/// `has_begun`: the head is out, and the client can only be told by a connection that ends too early.
transport::Task<void> Exchange::give_up_response(base::Error error, bool has_begun) {
  note_upstream_error(upstream_address_, error);
  if (has_begun) {
    if (request_.version < 11) end_with_reset(client_, true);  // many such clients ask for no length
    reason_ = answers::Reason::upstream_error;
    client_.close();
    client_lost_ = true;
    co_return;
  }
  end_with_reset(client_, false);
  co_await refuse(answers::Reason::upstream_error, error.kind() == base::ErrorKind::timeout ? 504 : 502);
}

}  // namespace picket::apps::gateway::exchange
