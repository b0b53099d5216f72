#include "apps/gateway/websocket/tunnel.hpp"

#include <utility>

namespace picket::apps::gateway::websocket {

Tunnel::Tunnel(transport::Worker& worker, TunnelEnd& client, TunnelEnd& upstream, base::Duration idle)
    : idle_(worker, idle), to_upstream_(client, upstream), to_client_(upstream, client), other_way_(worker) {}

transport::Task<void> Tunnel::run() {
  other_way_.run(pass(to_upstream_));
  co_await pass(to_client_);
  transport::Beside::End end{other_way_};
  co_await end;
}

transport::Task<void> Tunnel::pass(Way& way) {
  const std::span<char> space{way.space.get(), space_size};
  while (!is_cut_) {
    const auto size = co_await idle_.read(way.from, space);
    if (!size || is_cut_) break;
    if (*size == 0) {
      way.to.shutdown_write();
      co_return;
    }
    const std::string_view bytes = {space.data(), *size};
    const auto written = co_await idle_.write(way.to, bytes);
    if (!written) break;
    way.passed += bytes.size();
  }
  cut();
}

void Tunnel::cut() noexcept {
  if (std::exchange(is_cut_, true)) return;
  idle_.end();
  for (TunnelEnd* const end : {&to_upstream_.from, &to_client_.from}) {
    end->stop();
    end->cut();
  }
}

}  // namespace picket::apps::gateway::websocket
