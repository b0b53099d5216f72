#include "picket/pool/reverse/listener.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "picket/base/buffer.hpp"
#include "picket/base/version.hpp"
#include "picket/session/registration.hpp"
#include "picket/transport/frame_header.hpp"

namespace picket::pool::reverse {
namespace {

using base::ErrorKind;
using base::fail;

// Whose registration is not whole by then may have to go for another.
constexpr base::Duration undisturbed = std::chrono::seconds{1};
// How often a listener that is full looks whether there is room.
constexpr base::Duration look_for_room = std::chrono::milliseconds{10};
// For a refusal to be written and read.
constexpr base::Duration farewell = std::chrono::seconds{1};
// What a refused one may send on before it is cut off.
constexpr std::size_t most_ignored = std::size_t{256} * 1024;
// Bytes per read: a registration has some 600.
constexpr std::size_t read_size = 2048;

constexpr std::string_view displaced = "too many agents register at once, and this one took its time: try again";
constexpr std::string_view closing = "the proxy takes no registrations any more";

}  // namespace

base::Result<std::shared_ptr<Listener>> Listener::open(Registry& registry, ListenerOptions options) {
  auto socket = transport::ListeningSocket::open(options.endpoint, options.socket);
  if (!socket) return std::move(socket.error());
  return open(registry, std::move(options), std::move(*socket));
}

base::Result<std::shared_ptr<Listener>> Listener::open(Registry& registry, ListenerOptions options,
                                                       transport::ListeningSocket socket) {
  auto listener = transport::Listener::take(registry.worker(), std::move(socket), options.socket);
  if (!listener) return std::move(listener.error());
  return std::shared_ptr<Listener>{new Listener{registry, std::move(options), std::move(*listener)}};
}

void Listener::start() {
  is_accepting_ = true;
  transport::spawn(accept(shared_from_this()));
}

void Listener::close() {
  is_closed_ = true;
  listener_.close();
  while (!unregistered_.empty()) send_away(unregistered_.front(), closing);
}

void Listener::send_away(Peer& peer, std::string_view reason) {
  peer.unlink();
  peer.sent_away = reason;
  peer.stream.cancel();
}

transport::Task<void> Listener::accept(std::shared_ptr<Listener> self) {
  transport::Worker& worker = self->registry_.worker();
  while (!self->is_closed_) {
    const auto accepted = co_await self->listener_.accept();
    if (accepted) {
      co_await self->make_room();
      transport::spawn(serve(self, *accepted));
    } else if (accepted.error().kind() != ErrorKind::connection_closed) {
      const base::TimePoint later = worker.now() + std::chrono::milliseconds{100};
      co_await transport::SleepUntil(worker, later);
    }
  }
  self->is_accepting_ = false;
}

transport::Task<void> Listener::make_room() {
  transport::Worker& worker = registry_.worker();
  while (unregistered_.size() >= options_.max_unregistered) {
    const base::TimePoint now = worker.now();
    if (now - unregistered_.front().since >= undisturbed) {
      send_away(unregistered_.front(), displaced);
      co_return;
    }
    const base::TimePoint later = now + look_for_room;
    co_await transport::SleepUntil(worker, later);
  }
}

transport::Task<void> Listener::serve(std::shared_ptr<Listener> self, transport::Accepted accepted) {
  transport::Worker& worker = self->registry_.worker();
  const auto& tls = self->options_.hearing.tls;
  Peer peer{transport::Channel{worker, accepted.descriptor, tls ? tls->layer() : nullptr},
            transport::Endpoint::text_of(accepted.peer), worker.now()};
  if (self->is_closed_) co_return;
  self->unregistered_.push_back(peer);
  auto heard = co_await self->hear(peer);
  peer.unlink();
  if (heard) {
    heard->socket = peer.stream.unbind();
    self->registry_.deliver(std::move(*heard));
    co_return;
  }
  auto reason = std::move(heard.error());
  if (!peer.sent_away.empty()) reason = fail(ErrorKind::unavailable, std::string{peer.sent_away});
  self->registry_.note_refused();
  if (self->options_.on_refused) self->options_.on_refused(peer.address, reason);
  co_await self->refuse(peer, std::move(reason));
}

transport::Task<base::Result<Connection>> Listener::hear(Peer& peer) {
  base::Buffer bytes;
  const base::Status whole = co_await read_frame(peer, bytes);
  if (!whole) co_return whole.error();
  base::Arena arena;
  const auto first = transport::peek_frame(bytes.text());
  const auto registration = session::read_registration(*first->frame, arena);
  if (!registration) co_return registration.error();
  auto admitted = registry_.admit(*registration);
  if (admitted) admitted->received = bytes.text();
  co_return admitted;
}

transport::Task<base::Status> Listener::read_frame(Peer& peer, base::Buffer& bytes) {
  const auto deadline = base::Deadline::after(peer.since, options_.hearing.handshake_timeout);
  while (true) {
    if (!peer.sent_away.empty()) co_return fail(ErrorKind::unavailable, std::string{peer.sent_away});
    const auto first = transport::peek_frame(bytes.text());
    if (!first) co_return first.error();
    if (first->frame) co_return base::Status{};
    if (first->needed > most_registration)
      co_return fail(ErrorKind::message_too_large,
                     fmt::format("a registration of {} bytes; {} are the most", first->needed, most_registration));
    const std::span<char> into{bytes.prepare(read_size), read_size};
    const auto got = co_await peer.stream.read_some(into, deadline);
    if (!got && got.error().kind() == ErrorKind::timeout)
      co_return fail(ErrorKind::timeout, "the agent did not register in time");
    if (!got) co_return got.error();
    if (*got == 0) co_return fail(ErrorKind::connection_closed, "closed before it had registered");
    bytes.commit(*got);
  }
}

/// Whoever closes with something unread cuts off what he has said: so what the agent sends on is read and forgotten.
transport::Task<void> Listener::refuse(Peer& peer, base::Error reason) {
  wire::Output output{transport::stream_framing};
  session::refuse_registration({.proxy_version = std::string{version}}, reason, output);
  std::array<iovec, 4> parts;
  const std::span<iovec> answer{parts.data(), output.gather(parts)};
  if (refusing_ == most_refused) {  // told what its socket takes at once
    (void)peer.stream.write_now(answer);
    co_return;
  }
  ++refusing_;
  const auto deadline = base::Deadline::after(registry_.worker().now(), farewell);
  const auto written = co_await peer.stream.write(answer, deadline);
  peer.stream.shutdown_write();
  std::array<char, read_size> ignored;
  bool goes_on = written.has_value();
  for (std::size_t size = 0; goes_on && size < most_ignored;) {
    const auto got = co_await peer.stream.read_some(ignored, deadline);
    goes_on = got.has_value() && *got != 0;
    size += got.value_or(0);
  }
  --refusing_;
}

}  // namespace picket::pool::reverse
