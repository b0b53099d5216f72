#include "apps/gateway/http1/http1_client.hpp"

#include "apps/gateway/answers/answer_writer.hpp"
#include "picket/http/outgoing.hpp"
#include "picket/http/trailers.hpp"

namespace picket::apps::gateway::http1 {

Http1Client::Http1Client(generation::Service& service, transport::Stream& stream, base::Buffer& buffered,
                         const http::RequestHead& request, bool may_stay)
    : service_(service),
      stream_(stream),
      request_(request),
      body_(stream, buffered, request.framing, request.content_length),
      watch_(service.shard.hangups, stream, service.config.limits.half_closed_time, [this] { on_gone_(); }),
      may_stay_(may_stay),
      tunnel_end_(stream, buffered) {}

void Http1Client::on_gone(std::function<void()> on_gone) {
  on_gone_ = std::move(on_gone);
  watch_.start();
}

transport::Task<base::Result<std::size_t>> Http1Client::read(std::span<char> into, base::Deadline deadline) {
  watch_.stop();
  auto size = co_await body_.read(into, deadline);
  if (stream_.is_open()) watch_.start();  // also where it was our side that ended the reading
  co_return size;
}

void Http1Client::interim(std::uint16_t status, std::string_view reason, const http::FieldList& fields) {
  if (request_.version < 11) return;
  http::write_status_line(out_, status, reason);
  http::write_fields(out_, fields);
  out_.append("\r\n");
  // The client may be read from: nothing is awaited here. An error is met again by the next write.
  const iovec all = http::part(out_.text());
  const auto written = stream_.write_now({&all, 1});
  out_.consume(written ? *written : out_.size());
  interim_size_ = out_.size();
}

void Http1Client::begin(const exchange::AnswerStart& start) {
  out_.truncate(interim_size_);
  http::write_status_line(out_, start.status, start.reason);
  http::write_fields(out_, start.fields);
  if (!start.upgrade.empty()) {
    http::write_field(out_, "Connection", "Upgrade");
    http::write_field(out_, "Upgrade", start.upgrade);
    out_.append("\r\n");
    return;
  }
  // A body that nobody has read would be taken for the next request.
  keep_alive_ = may_stay_ && request_.keep_alive && body_.done() && !start.is_last_of_connection;
  frame_body(start.length);
  answers::finish_head(out_, {.version = request_.version, .keep_alive = keep_alive_});
  watch_.answer_moves();
}

void Http1Client::frame_body(exchange::BodyLength length) {
  using Kind = exchange::BodyLength::Kind;
  const bool ends_by_closing = length.kind == Kind::unknown && request_.version < 11;
  chunks_ = length.kind == Kind::unknown && !ends_by_closing;
  if (ends_by_closing) keep_alive_ = false;
  if (ends_by_closing != resets_) end_with_reset(ends_by_closing);
  if (chunks_) http::write_field(out_, "Transfer-Encoding", "chunked");
  promised_.reset();
  if (length.kind == Kind::known) {
    answers::write_number_field(out_, "Content-Length", length.bytes);
    promised_ = length.bytes;
  }
}

bool Http1Client::keeps_promise(std::size_t size, bool last) noexcept {
  if (!promised_ || request_.is_head()) return true;
  if (size > *promised_) return false;
  *promised_ -= size;
  return !last || *promised_ == 0;
}

bool Http1Client::takes_trailers() const noexcept { return chunks_ && http::wants_trailers(request_.headers); }

transport::Task<base::Status> Http1Client::write(std::string_view bytes, bool last) {
  // What stood behind it, or was missing, the client would take for the next answer, or of the next answer.
  if (!keeps_promise(bytes.size(), last)) {
    stream_.close();
    co_return base::fail(base::ErrorKind::serialization, "the answer's body is not as long as its head says");
  }
  http::Outgoing outgoing{out_.text(), bytes, chunks_, last, trailers_.text()};
  const std::span<iovec> parts = outgoing.parts();
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  watch_.stop();
  watch_.start_writing();
  auto written = co_await stream_.write(parts, deadline);
  watch_.stop();
  out_.clear();
  interim_size_ = 0;
  if (!written) co_return written;
  watch_.answer_moves();
  if (last && resets_) end_with_reset(false);
  if (!last) watch_.start();
  co_return written;
}

websocket::TunnelEnd* Http1Client::tunnel_end() {
  watch_.stop();
  return &tunnel_end_;
}

void Http1Client::reset(exchange::ResetCode) noexcept {
  if (request_.version < 11) end_with_reset(true);  // many such clients ask for no length
  stream_.close();
}

void Http1Client::end_with_reset(bool reset) noexcept {
  resets_ = reset;
  stream_.reset_on_close(reset);
}

}  // namespace picket::apps::gateway::http1
