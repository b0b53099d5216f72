#include "apps/gateway/serving/client_connection.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <sys/socket.h>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/asking/asked_upstream.hpp"
#include "apps/gateway/exchange/refused_head.hpp"
#include "apps/gateway/http1/body_reader.hpp"
#include "apps/gateway/http1/http1_client.hpp"
#include "apps/gateway/serving/shard.hpp"
#include "picket/http/outgoing.hpp"
#include "picket/http/proxy_header.hpp"

namespace picket::apps::gateway::serving {
namespace {

/// What a client is told that finds every place taken: its request is not read.
std::string no_place(std::string_view date) {
  return fmt::format(
      "HTTP/1.1 503 Service Unavailable\r\nx-picket-reason: {}\r\nDate: {}\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n",
      name(answers::Reason::overloaded), date);
}

/// Who has said nothing for so long gives back what costs something to have again.
constexpr std::chrono::seconds to_rest{1};

bool begins_with_proxy_header(const config::Listener& listener, const downstream::Peer& peer) {
  return listener.proxy_protocol && listener.trusts(peer.ip);
}

}  // namespace

ClientConnection::ClientConnection(Shard& shard, std::string_view listener, const transport::Accepted& accepted)
    : shard_(shard),
      listener_(listener),
      peer_(downstream::Peer::of(accepted.peer)),
      has_proxy_(begins_with_proxy_header(shard.service()->listener(listener), peer_)),
      tls_context_(shard.service()->tls(listener)),
      stream_(transport::Channel{shard.worker(), accepted.descriptor, has_proxy_ ? nullptr : make_layer()}),
      since_(shard.worker().now()) {
  shard_.opened(*this);
}

base::TimePoint ClientConnection::now() const noexcept { return shard_.worker().now(); }

ClientConnection::~ClientConnection() { shard_.closed(*this); }

std::unique_ptr<transport::Layer> ClientConnection::make_layer() {
  if (tls_context_ == nullptr) return nullptr;
  auto layer = tls_context_->connection();
  tls_ = layer.get();
  return layer;
}

bool ClientConnection::is_gone() const {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  return ::getpeername(stream_.descriptor(), reinterpret_cast<sockaddr*>(&peer), &size) != 0;
}

void ClientConnection::drain() noexcept {
  if (http2_) return http2_->drain();
  if (is_waiting()) stream_.close();
}

void ClientConnection::evict() noexcept {
  is_evicted_ = true;
  place_.reset();
  if (http2_) return http2_->close();
  stream_.close();
}

void ClientConnection::abort() {
  if (http2_) return http2_->abort();
  if (exchange_ != nullptr) exchange_->abandon(wire::CancelReason::proxy_shutdown);  // it may have a last word
  stream_.close();
}

transport::Task<void> ClientConnection::serve() {
  const bool is_known = co_await hear_proxy();
  if (!is_known) co_return stream_.close();
  const bool is_secured = co_await secure();
  if (!is_secured) co_return stream_.close();
  const bool is_http2 = co_await begins_as_http2();
  if (is_http2) {
    co_await serve_http2();
    co_return;
  }
  while (stream_.is_open()) {
    if (has_begun()) {
      co_await serve_next();
    } else {
      co_await rest();
    }
  }
}

transport::Task<bool> ClientConnection::hear_proxy() {
  if (!has_proxy_) co_return true;
  const base::Deadline deadline = base::Deadline::after(since_, settings().request_timeout);
  http::ProxyHeader header = http::read_proxy_header({});
  while (header.outcome == http::ProxyHeader::Outcome::incomplete) {
    const std::size_t missing = header.size - buffer_.size();  // what stands behind it may be TLS's
    const std::span<char> space{buffer_.prepare(missing), missing};
    shard_.begins_to_wait(*this);
    const auto size = co_await stream_.read_some(space, deadline);
    shard_.ends_to_wait(*this);
    if (!size || *size == 0) co_return false;
    buffer_.commit(*size);
    header = http::read_proxy_header(buffer_.text());
  }
  buffer_.clear();
  if (header.outcome == http::ProxyHeader::Outcome::malformed) {
    shard_.state().metrics.proxy_headers_refused.add();
    shard_.state().log.warn("a trusted proxy sent no PROXY header, or a malformed one (at {})", peer_.address);
    co_return false;
  }
  if (const auto ip = config::IpAddress::parse(header.source))
    peer_ = {.ip = *ip, .address = ip->text(), .port = header.port};
  if (tls_context_) stream_ = transport::Stream{transport::Channel{shard_.worker(), stream_.release(), make_layer()}};
  co_return true;
}

transport::Task<bool> ClientConnection::secure() {
  if (tls_ == nullptr) co_return true;
  if (!shard_.may_shake_hands(*this)) {
    shard_.state().metrics.tls.too_many.add();
    co_return false;
  }
  // Who connects and does not come to an end of it holds a place for no longer than one who sends no request.
  const base::Deadline deadline = base::Deadline::after(since_, settings().request_timeout);
  shard_.begins_to_wait(*this);
  const auto agreed = co_await stream_.establish(deadline);
  shard_.ends_to_wait(*this);
  if (!agreed) {
    co_await refuse_handshake(agreed.error());
    co_return false;
  }
  since_ = now();
  peer_.tls = std::make_unique<const transport::tls::Secured>(tls_context_->secured(*tls_));
  auto& metrics = shard_.state().metrics.tls;
  metrics.handshakes.add();
  if (peer_.tls->is_resumed) metrics.resumed.add();
  co_return true;
}

transport::Task<void> ClientConnection::refuse_handshake(const base::Error& error) {
  const transport::tls::Refusal refusal = tls_->refusal();
  auto& metrics = shard_.state().metrics.tls;
  if (error.kind() == base::ErrorKind::timeout) metrics.timeouts.add();
  if (refusal == transport::tls::Refusal::none) co_return;
  metrics.refusals[static_cast<std::size_t>(refusal)].add();
  shard_.state().log.debug("a client's TLS handshake failed (at {}: {})", peer_.address, error.detail());
  if (refusal != transport::tls::Refusal::plain_http) co_return;
  stream_ = transport::Stream{transport::Channel{shard_.worker(), stream_.release()}};
  const http::HeadError in_clear{400, "plain HTTP on a port for HTTPS"};
  base::Arena arena;
  co_await refuse(in_clear, arena);
}

// ---- HTTP/2

transport::Task<bool> ClientConnection::begins_as_http2() {
  if (peer_.tls) co_return peer_.tls->alpn == "h2";
  if (settings().protocol != config::Protocol::h2c) co_return false;
  const base::Deadline deadline = base::Deadline::after(since_, settings().request_timeout);
  while (buffer_.size() < http2::preface.size() && http2::preface.starts_with(buffer_.text())) {
    shard_.begins_to_wait(*this);
    const std::span<char> space{buffer_.prepare(http1::read_size), http1::read_size};
    const auto size = co_await stream_.read_some(space, deadline);
    shard_.ends_to_wait(*this);
    if (!size || *size == 0) co_return false;
    buffer_.commit(*size);
  }
  co_return buffer_.text().starts_with(http2::preface);
}

transport::Task<void> ClientConnection::serve_http2() {
  http2_ =
      std::make_unique<http2::Http2Connection>(static_cast<http2::Http2Connection::Owner&>(*this),
                                               transport::Channel{shard_.worker(), stream_.unbind()}, peer_, listener_);
  base::Buffer already_read = std::move(buffer_);
  co_await http2_->serve(std::move(already_read));
  http2_.reset();
}

const std::shared_ptr<generation::Service>& ClientConnection::service() const noexcept { return shard_.service(); }

void ClientConnection::on_idle() { shard_.begins_to_wait(*this); }

void ClientConnection::on_busy() {
  shard_.ends_to_wait(*this);
  ++served_;
}

// ---- HTTP/1.x

/// A first request has its time from the accept or the handshake on: who connects and says nothing holds a place for no
/// longer.
base::Deadline ClientConnection::patience() const noexcept {
  return base::Deadline::after(since_, served_ != 0 ? settings().keepalive_timeout : settings().request_timeout);
}

/// One empty line before a request is skipped (RFC 9112 §2.2); a second one is refused as the head it is not.
bool ClientConnection::has_begun() noexcept {
  if (!has_skipped_ && buffer_.text().starts_with("\r\n")) {
    buffer_.consume(2);
    has_skipped_ = true;
  }
  return !buffer_.empty() && (has_skipped_ || buffer_.text() != "\r");
}

/// With as little memory as there can be: what only a request needs is recycled, and the next one finds it again.
transport::Task<void> ClientConnection::rest() {
  if (shard_.closes_idle()) co_return stream_.close();
  if (buffer_.empty()) buffer_.release();
  const base::Deadline deadline = patience();
  if (!is_waiting()) shard_.begins_to_wait(*this);
  base::Deadline until = std::min(deadline, base::Deadline::after(now(), to_rest));
  while (true) {
    const auto came = co_await stream_.input(until);
    if (came || came.error().kind() != base::ErrorKind::timeout || until == deadline) break;
    stream_.release_memory();
    shard_.state().metrics.rests.add();
    until = deadline;
  }
  // Even where its time is over: it may have come to a thread that was too busy to hear of it.
  const auto size = stream_.read_now({buffer_.prepare(http1::read_size), http1::read_size});
  if (!size && !deadline.passed(now())) co_return;  // what came was TLS's alone, or a part of a record: it waits on
  shard_.ends_to_wait(*this);
  buffer_.commit(size.value_or(0));
  if (size.value_or(0) == 0) stream_.close();
}

transport::Task<void> ClientConnection::serve_next() {
  base::Arena arena{4096};
  const std::optional<http::RequestRead> read = co_await read_head(arena);
  if (!read) co_return stream_.close();
  if (read->error) {
    co_await refuse(*read->error, arena);
    co_return stream_.close();
  }
  const bool goes_on = co_await serve_request(read->head, arena);
  if (!goes_on) co_return stream_.close();
  has_skipped_ = false;
  since_ = now();
}

transport::Task<std::optional<http::RequestRead>> ClientConnection::read_head(base::Arena& arena) {
  const base::Deadline deadline = served_ != 0 ? base::Deadline::after(now(), settings().request_timeout) : patience();
  std::size_t checked = 0;
  while (true) {
    const auto end = http::find_head_end(buffer_.text(), checked, shard_.service()->head_limits);
    if (end.error) co_return http::RequestRead{.error = end.error};
    if (end.size) {
      const std::string_view head = arena.copy(buffer_.text().substr(0, *end.size));
      buffer_.consume(*end.size);
      co_return http::read_request_head(head, shard_.service()->head_limits, arena);
    }
    checked = buffer_.size();
    const std::span<char> space{buffer_.prepare(http1::read_size), http1::read_size};
    const auto size = co_await stream_.read_some(space, deadline);
    const bool is_late = !size && size.error().kind() == base::ErrorKind::timeout;
    if (is_late) co_return http::RequestRead{.error = http::HeadError{408, "the head did not arrive in time"}};
    if (!size || *size == 0) co_return std::nullopt;
    buffer_.commit(*size);
  }
}

transport::Task<bool> ClientConnection::serve_request(const http::RequestHead& request, base::Arena& arena) {
  const std::shared_ptr<generation::Service> service = shard_.service();
  ++served_;
  const config::Listener& settings = service->listener(listener_);
  bool keeps_alive = false;
  bool is_answered = false;
  {
    transport::Cancel cancel;
    const bool may_stay = settings.keepalive_max_requests == 0 || served_ < settings.keepalive_max_requests;
    http1::Http1Client client{*service, stream_, buffer_, request, may_stay};
    asking::AskedUpstream upstream{*service, cancel, request.is_head(), arena};
    exchange::Exchange exchange{*service, client, upstream, cancel, peer_, settings, arena};
    exchange_ = &exchange;
    co_await exchange.serve();
    exchange_ = nullptr;
    is_answered = exchange.state().stage() == exchange::Stage::answered;
    keeps_alive = is_answered && client.keeps_alive();
  }
  // The client may still be sending: a body that nobody reads, its next request, a stray line end. Closing over bytes
  // that were not read would reset the connection, and take from the client what is still on its way (RFC 9112 §9.6).
  if (is_answered && !keeps_alive) co_await linger();
  co_return keeps_alive;
}

transport::Task<void> ClientConnection::refuse(const http::HeadError& error, base::Arena& arena) {
  const std::shared_ptr<generation::Service> service = shard_.service();
  const base::TimePoint began = now();
  exchange::RefusedHead refused{*service, error, arena};
  base::Buffer out;
  answers::write_answer(out, refused.answer(), {}, {.date = shard_.state().date.now(), .keep_alive = false});
  iovec all{out.data(), out.size()};
  const std::span<iovec> parts{&all, 1};
  const base::Deadline deadline = base::Deadline::after(began, service->timeouts.write);
  const auto written = co_await stream_.write(parts, deadline);
  refused.write_log(peer_, written ? refused.answer().body.size() : 0);
  if (written) co_await linger();
}

transport::Task<void> ClientConnection::turn_away(bool lingers) {
  const std::string answer = no_place(shard_.state().date.now());
  iovec all = http::part(answer);
  const std::span<iovec> parts{&all, 1};
  const base::Deadline at_once{now()};
  const auto written = co_await stream_.write(parts, at_once);
  if (!written) co_return;
  if (lingers) {
    co_await linger();
  } else {
    (void)stream_.read_now(shard_.worker().scratch());  // closing over unread bytes would reset what was just sent
  }
}

transport::Task<void> ClientConnection::linger() {
  stream_.shutdown_write();
  const base::Deadline deadline = base::Deadline::after(now(), shard_.service()->timeouts.linger);
  std::size_t left = generation::linger_bytes;
  buffer_.clear();
  const std::span<char> space{buffer_.prepare(http1::read_size), http1::read_size};
  while (left != 0) {
    const auto size = co_await stream_.read_some(space, deadline);
    if (!size || *size == 0) break;
    left -= std::min(left, *size);
  }
}

}  // namespace picket::apps::gateway::serving
