#include <memory>
#include <string>

#include <fmt/format.h>

#include "bench/payloads.hpp"
#include "bench/rows.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/session/in_flight.hpp"
#include "picket/transport/frame_header.hpp"

/// The pool's own share of an event: which agent, and one request through everything before the socket.
namespace picket::pool {
namespace {

/// A pool whose agents never come up; nothing here turns its loop.
struct Agents {
  explicit Agents(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      (void)pool.add_agent({.id = fmt::format("agent-{}", i), .endpoint = "unix:/nonexistent/agent.sock"}).has_value();
    name = fmt::format("agent-{}", count / 2);
  }
  Agents(const Agents&) = delete;

  transport::Worker worker;
  AgentPool pool{worker, Config{.connections_per_agent = 1}};
  std::string name;
};

auto find(std::size_t count) {
  return [agents = std::make_shared<Agents>(count)] { return agents->pool.find(agents->name); };
}

/// What pool and session do with an event, on their own parts: agent by handle, health, the exchange looked up, two
/// counters, encoding into the connection's output, exchange stored, output drained, counter and exchange cleared.
struct Path {
  Agents agents{1};
  Agent* agent = agents.pool.find("agent-0");
  metrics::Gauge health;
  AgentMetrics metrics;
  session::InFlight in_flight;
  base::MintedId id = agents.worker.ids().mint();
  wire::Output out{transport::stream_framing};

  template <class Encode>
  std::size_t request(Encode encode) {
    benchmark::DoNotOptimize(agent);
    benchmark::DoNotOptimize(in_flight.find(id));
    benchmark::DoNotOptimize(health.value());
    metrics.calls.add();
    metrics.in_flight.add(1);
    encode(out);
    const session::ExchangeIndex exchange = in_flight.find_or_add(id);
    const std::size_t size = out.size();
    out.consume(size);
    metrics.in_flight.add(-1);
    in_flight.remove_exchange(exchange);
    return size;
  }
};

template <class Encode>
void path_row(const std::string& name, Encode encode) {
  bench::row(name, [encode] {
    return [path = std::make_shared<Path>(), encode = encode()] { return path->request(encode); };
  });
}

void declare_paths(const std::string& name, const wire::Format& format) {
  path_row("full_path/" + name, [format] {
    return [format, message = bench::payloads().look_alike("small")](wire::Output& out) {
      bench::encode_payload(format.encoding, message, out);
    };
  });
  path_row("real/full_path/" + name, [format] {
    return [format, message = bench::payloads().request("small")](wire::Output& out) {
      (void)wire::encode(format, message, out).has_value();
    };
  });
}

const bench::Declared rows{[] {
  for (const std::size_t count : {1, 10, 100, 1000})
    bench::row(fmt::format("agent/by_name/{}", count), [count] { return find(count); });
  bench::contended_row("agent/by_name/10", [] { return find(10); }, [] { return find(10); });
  bench::row("agent/by_handle", [] {
    return [agents = std::make_shared<Agents>(10)] {
      Agent* agent = agents->pool.agents().front().get();
      benchmark::DoNotOptimize(agent);
      return agent->config().connections_per_agent;
    };
  });
  declare_paths("json", {});
  declare_paths("msgpack", {.encoding = wire::Encoding::msgpack});
}};

}  // namespace
}  // namespace picket::pool
