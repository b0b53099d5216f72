#include "apps/gateway/http1/tunnel.hpp"

#include <utility>

#include "picket/http/outgoing.hpp"

namespace picket::apps::gateway::http1 {

Tunnel::Tunnel(transport::Worker& worker, exchange::TunnelEnd client, exchange::TunnelEnd upstream, base::Duration idle)
    : worker_(worker),
      idle_(idle),
      moved_at_(worker.now()),
      to_upstream_(client, upstream.stream),
      to_client_(upstream, client.stream) {}

transport::Task<void> Tunnel::run() {
  transport::spawn(pass_beside());
  co_await pass(to_client_);
  Beside beside{*this};
  co_await beside;
}

transport::Task<void> Tunnel::pass_beside() {
  co_await pass(to_upstream_);
  to_upstream_.is_over = true;
  worker_.resume(joining_);
}

transport::Task<void> Tunnel::pass(Way& way) {
  bool goes_on = co_await pass_buffered(way);
  while (goes_on && !is_cut_) {
    const auto size = co_await read(way);
    if (size && *size == 0) {
      way.to.shutdown_write();
      co_return;
    }
    if (!size) break;
    const std::string_view bytes{way.space.get(), *size};
    goes_on = co_await write(way, bytes);
  }
  cut();
}

transport::Task<bool> Tunnel::pass_buffered(Way& way) {
  if (way.from.buffered.empty()) co_return true;
  const std::string_view bytes = way.from.buffered.text();
  const bool written = co_await write(way, bytes);
  way.from.buffered.clear();
  co_return written;
}

/// The other way's bytes count, too: who only listens is not idle.
transport::Task<base::Result<std::size_t>> Tunnel::read(Way& way) {
  const std::span<char> space{way.space.get(), space_size};
  while (true) {
    const base::Deadline deadline = base::Deadline::after(moved_at_, idle_);
    auto size = co_await way.from.stream.read_some(space, deadline);
    const bool is_late = !size && size.error().kind() == base::ErrorKind::timeout;
    if (!is_late || is_cut_ || worker_.now() - moved_at_ >= idle_) co_return size;
  }
}

transport::Task<bool> Tunnel::write(Way& way, std::string_view bytes) {
  moved_at_ = worker_.now();
  iovec part = http::part(bytes);
  const std::span<iovec> parts{&part, 1};
  const base::Deadline deadline = base::Deadline::after(moved_at_, idle_);
  const auto written = co_await way.to.write(parts, deadline);
  if (!written) co_return false;
  moved_at_ = worker_.now();
  way.passed += bytes.size();
  co_return true;
}

void Tunnel::cut() noexcept {
  if (std::exchange(is_cut_, true)) return;
  to_upstream_.from.stream.cancel();
  to_client_.from.stream.cancel();
}

}  // namespace picket::apps::gateway::http1
