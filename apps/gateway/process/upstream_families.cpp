#include "apps/gateway/process/upstream_families.hpp"

#include <array>
#include <functional>

namespace picket::apps::gateway::process {
namespace {

/// Calls `write(labels, index)` for each upstream.
void for_each_upstream(const generation::Generation& generation,
                       const std::function<void(std::span<const Label>, std::size_t)>& write) {
  for (std::size_t i = 0; i < generation.config.upstreams.size(); ++i) {
    const std::array<Label, 1> labels{{{"upstream", generation.config.upstreams[i].id}}};
    write(labels, i);
  }
}

void upstream_handshakes(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  const auto total = [&](std::size_t upstream, auto of) {
    return sum(shards,
               [&](const serving::Shard& shard) { return of(shard.current()->upstreams[upstream]->tls).value(); });
  };
  using Tls = upstream::HandshakeMetrics;
  page.counter_family("picket_upstream_tls_handshakes_total",
                      "TLS handshakes with an upstream that came to a good end.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, total(i, [](const Tls& tls) -> auto& { return tls.handshakes; }));
  });
  page.counter_family("picket_upstream_tls_resumed_total", "TLS handshakes with an upstream that resumed a session.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, total(i, [](const Tls& tls) -> auto& { return tls.resumed; }));
  });
  page.counter_family("picket_upstream_tls_failures_total", "TLS handshakes with an upstream that failed, by reason.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    for (std::size_t kind = 1; kind < transport::tls::refusal_names.size(); ++kind) {
      const std::array<Label, 2> with_reason{{labels.front(), {"reason", transport::tls::refusal_names.at(kind)}}};
      page.sample(with_reason, total(i, [kind](const Tls& tls) -> auto& { return tls.refusals.at(kind); }));
    }
  });
}

/// Of each target as it is configured, all addresses of a name together.
void upstream_targets(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  using Target = upstream::TargetMetrics;
  const auto for_each_target = [&](auto write) {
    for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
      for (std::size_t target = 0; target < generation.config.upstreams[i].targets.size(); ++target) {
        const auto of = [i](const serving::Shard& shard) -> const upstream::Sites& {
          return shard.current()->upstreams[i]->sites();
        };
        const std::array<Label, 2> both{{labels.front(), {"target", of(*shards.front()).name_of(target)}}};
        write(both,
              [of, target](const serving::Shard& shard) -> const Target& { return of(shard).metrics_of(target); });
      }
    });
  };
  const auto family = [&](std::string_view name, std::string_view help, metrics::Counter Target::* member) {
    page.counter_family(name, help);
    for_each_target([&](std::span<const Label> labels, auto of) {
      page.sample(labels, sum(shards, [&](const serving::Shard& shard) { return (of(shard).*member).value(); }));
    });
  };
  family("picket_upstream_target_requests_total", "Requests that got a connection to a target.", &Target::requests);
  family("picket_upstream_target_failures_total", "Connects and requests to a target that came to nothing.",
         &Target::failures);
  family("picket_upstream_target_rests_total", "How often an address of a target was passed over from then on.",
         &Target::rests);
  family("picket_upstream_checks_failed_total", "Health checks of a target that failed.", &Target::checks_failed);
  page.gauge_family("picket_upstream_target_healthy",
                    "Addresses of a target not found down, on the worker with fewest.");
  for_each_target([&](std::span<const Label> labels, auto of) {
    page.sample(labels, fewest(shards, [&](const serving::Shard& shard) { return of(shard).healthy.value(); }));
  });
}

void upstream_connections(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  const auto of = [](const serving::Shard& shard, std::size_t i) -> const upstream::ConnectionPlaces& {
    return shard.current()->upstreams[i]->places;
  };
  page.gauge_family("picket_upstream_connections_open", "Connections to an upstream, idle ones included.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, sum(shards, [&](const serving::Shard& shard) {
                  return static_cast<std::uint64_t>(of(shard, i).open.value());
                }));
  });
  page.counter_family("picket_upstream_waits_total", "Requests that waited for a connection, over max-connections.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, sum(shards, [&](const serving::Shard& shard) { return of(shard, i).waits.value(); }));
  });
}

/// What passes through tunnels that agents look into.
void websocket_frames(metrics::Exposition& page, Shards shards) {
  page.counter_family("picket_websocket_frames_total", "WebSocket frames that came whole, where agents look at them.");
  for (std::size_t i = 0; i < 2; ++i) {
    const std::array<Label, 1> from{{{"from", i == 0 ? "client" : "upstream"}}};
    page.sample(from,
                sum(shards, [i](const serving::Shard& shard) { return shard.metrics().websocket.frames[i].value(); }));
  }
  page.counter_family("picket_websocket_messages_dropped_total", "WebSocket messages that an agent dropped.");
  page.sample(
      {}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().websocket.messages_dropped.value(); }));
  page.counter_family("picket_websocket_breaches_total", "WebSocket connections closed for what an end sent.");
  for (std::size_t i = 0; i < picket::websocket::breach_count; ++i) {
    const std::array<Label, 1> what{{{"what", name(static_cast<picket::websocket::Breach>(i))}}};
    page.sample(
        what, sum(shards, [i](const serving::Shard& shard) { return shard.metrics().websocket.breaches[i].value(); }));
  }
}

}  // namespace

void write_upstream_families(metrics::Exposition& page, Shards shards, const generation::Generation& generation) {
  const auto family = [&](std::string_view name, std::string_view help, auto member) {
    page.counter_family(name, help);
    for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
      page.sample(labels, sum(shards, [&](const serving::Shard& shard) {
                    return ((*shard.current()->upstreams[i]).*member).value();
                  }));
    });
  };
  family("picket_upstream_connects_total", "Connections tried to an upstream.", &upstream::Pool::connects);
  family("picket_upstream_connect_failures_total", "Connections to an upstream that failed.",
         &upstream::Pool::connect_failures);
  family("picket_upstream_retries_withheld_total", "Requests not sent again, for want of a budget.",
         &upstream::Pool::retries_withheld);
  upstream_connections(page, shards, generation);
  upstream_targets(page, shards, generation);
  upstream_handshakes(page, shards, generation);
  page.counter_family("picket_upstream_look_up_failures_total", "Look-ups of an upstream's names that failed.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, sum(shards, [i](const serving::Shard& shard) {
                  return shard.current()->upstreams[i]->sites().look_up_failures.value();
                }));
  });
  page.gauge_family("picket_upstream_addresses", "Addresses of an upstream, on the worker that knows fewest.");
  for_each_upstream(generation, [&](std::span<const Label> labels, std::size_t i) {
    page.sample(labels, fewest(shards, [i](const serving::Shard& shard) {
                  return shard.current()->upstreams[i]->sites().addresses.value();
                }));
  });
  page.counter_family("picket_tunnels_total", "Connections that were switched to WebSocket.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().tunnels.value(); }));
  page.gauge_family("picket_tunnels_open", "Of them: open now.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) {
                return static_cast<std::uint64_t>(shard.metrics().tunnels_open.value());
              }));
  websocket_frames(page, shards);
  page.counter_family("picket_upstream_retries_total", "Requests sent again after a pooled connection was stale.");
  page.sample({}, sum(shards, [](const serving::Shard& shard) { return shard.metrics().upstream_retries.value(); }));
}

}  // namespace picket::apps::gateway::process
