#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>

#include "apps/cli/commands.hpp"
#include "apps/cli/reception.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::cli {
namespace {

constexpr std::size_t body_size = 1024 * 1024;
constexpr std::size_t chunk_size = 64 * 1024;
// Not measured: connections settle, buffers grow to their size, branches are learnt.
constexpr base::Duration warm_up = std::chrono::milliseconds{100};
constexpr base::Duration answer_timeout = std::chrono::seconds{10};
constexpr base::Duration to_connect = std::chrono::seconds{5};

enum class Mode : std::uint8_t { latency, throughput, body };
const std::map<std::string, Mode> modes{
    {"latency", Mode::latency}, {"throughput", Mode::throughput}, {"body", Mode::body}};

struct BenchOptions {
  AgentAddress agent;
  Mode mode = Mode::throughput;
  std::string encoding = "msgpack";
  std::uint32_t in_flight = 0;
  std::uint32_t connections = 1;
  double seconds = 3;
};

/// A browser's request of 10 fields; spec/vectors/bench/request_wire.json describes the same for other clients.
constexpr std::array<wire::Header, 10> fields{
    {{"host", "www.example.com"},
     {"user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"},
     {"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
     {"accept-language", "en-US,en;q=0.5"},
     {"accept-encoding", "gzip, deflate, br"},
     {"referer", "https://www.example.com/shop"},
     {"cookie", "session=3f9a1c7be2d84056; theme=dark"},
     {"cache-control", "no-cache"},
     {"x-forwarded-for", "203.0.113.195"},
     {"x-forwarded-proto", "https"}}};

wire::RequestHeaders request_of() {
  return {.metadata = {.request_id = "00000000000000000000000000000000",
                       .client_ip = "203.0.113.195",
                       .client_port = 54321,
                       .server_name = "www.example.com",
                       .protocol = "HTTP/1.1",
                       .tls_version = "TLSv1.3",
                       .tls_cipher = "TLS_AES_256_GCM_SHA384",
                       .route_id = "api-route",
                       .upstream_id = "backend-pool",
                       .timestamp = "2026-01-02T03:04:05.678Z"},
          .method = "GET",
          .uri = "/shop/checkout?step=3",
          .headers = wire::Headers{fields}};
}

/// What the lanes share. A lane is one exchange after the other; as many run as shall be in flight.
struct Load {
  transport::Worker& worker;
  pool::AgentPool& pool;
  pool::Agent& agent;
  Mode mode;
  base::TimePoint warm_until;
  base::TimePoint end;
  std::string body;
  std::vector<std::uint32_t> times;  // ns of each measured decision
  std::uint32_t lanes = 0;           // still running
  bool connected = false;
  base::Status status;  // the first failure

  /// Notes a decision asked for at `begin`. False once the time is over or an agent failed.
  bool note(base::TimePoint begin, const pool::Answer& answer) {
    if (!answer) {
      if (status) status = answer.error();
      return false;
    }
    const base::TimePoint now = base::Clock::now();
    if (now >= warm_until && now < end) {
      const auto taken = std::chrono::nanoseconds{now - begin}.count();
      times.push_back(static_cast<std::uint32_t>(std::min<std::int64_t>(taken, UINT32_MAX)));
    }
    return now < end && status.has_value();
  }
};

wire::RequestBodyChunk chunk_of(std::string_view body, std::uint32_t index) {
  const std::size_t at = index * chunk_size;
  return {.data = base::as_bytes(body.substr(at, chunk_size)),
          .is_last = at + chunk_size == body.size(),
          .total_size = body.size(),
          .chunk_index = index,
          .bytes_received = at + chunk_size};
}

/// One body in chunks; each chunk is a decision. False when the run is over.
transport::Task<bool> send_body(Load& load, pool::Exchange& exchange) {
  for (std::uint32_t index = 0; index < body_size / chunk_size; ++index) {
    wire::RequestBodyChunk chunk = chunk_of(load.body, index);
    const base::TimePoint begin = base::Clock::now();
    const auto response = co_await exchange.request_body(chunk);
    if (!load.note(begin, response)) co_return false;
  }
  co_return true;
}

/// One exchange. False when the run is over.
transport::Task<bool> run_exchange(Load& load, const base::CorrelationId& id) {
  pool::Exchange exchange = load.pool.begin(load.agent, id);
  wire::RequestHeaders request = request_of();
  const base::TimePoint begin = base::Clock::now();
  const auto response = co_await exchange.request_headers(request);
  if (load.mode != Mode::body) co_return load.note(begin, response);
  if (!response) co_return load.note(begin, response);
  co_return co_await send_body(load, exchange);
}

transport::Task<void> run_lane(Load& load) {
  bool goes_on = true;
  while (goes_on) {
    const base::MintedId id = load.worker.ids().mint();
    goes_on = co_await run_exchange(load, id);
  }
  --load.lanes;
}

transport::Task<void> await_ready(Load& load, base::Duration patience) {
  const base::Deadline deadline = base::Deadline::after(load.worker.now(), patience);
  auto ready = co_await load.pool.ready(load.agent, deadline);
  load.status = std::move(ready);
  load.connected = true;
}

double cpu_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

double quantile_us(const std::vector<std::uint32_t>& sorted, double share) {
  const auto rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  return sorted[rank] / 1000.0;
}

void print(Load& load, double seconds, double cpu) {
  std::ranges::sort(load.times);
  const auto count = static_cast<double>(load.times.size());
  const double mib = load.mode == Mode::body ? count * chunk_size / (1024.0 * 1024.0) : 0;
  fmt::print(
      "{{\"decisions_per_s\":{:.1f},\"p50_us\":{:.3f},\"p99_us\":{:.3f},\"mib_per_s\":{:.1f},"
      "\"cpu_us_per_decision\":{:.3f}}}\n",
      count / seconds, quantile_us(load.times, 0.50), quantile_us(load.times, 0.99), mib / seconds, cpu / count);
}

pool::AgentSpec spec_of(const BenchOptions& options) {
  pool::AgentSpec spec{.id = "agent",
                       .encodings = {wire::Encoding::msgpack, wire::Encoding::json},
                       .events = {wire::EventKind::request_headers},
                       .max_concurrent_calls = options.in_flight};
  set_place(spec, options.agent);
  if (options.encoding == "json") spec.encodings = {wire::Encoding::json};
  if (options.mode == Mode::body) spec.events.push_back(wire::EventKind::request_body_chunk);
  return spec;
}

int fail(const base::Error& error) {
  fmt::print(stderr, "picket bench: {}\n", error.message());
  return exit_failed;
}

int measure(Load& load, const BenchOptions& options) {
  transport::spawn(await_ready(load, options.agent.listen.empty() ? to_connect : AgentTimeout::to_be_dialled));
  while (!load.connected) load.worker.turn(base::TimePoint::max());
  if (!load.status) return fail(load.status.error());

  load.warm_until = base::Clock::now() + warm_up;
  load.end =
      load.warm_until + std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>{options.seconds});
  load.times.reserve(static_cast<std::size_t>(options.seconds * 1e6));
  load.lanes = options.in_flight;
  for (std::uint32_t i = 0; i < options.in_flight; ++i) transport::spawn(run_lane(load));
  while (load.lanes != 0 && base::Clock::now() < load.warm_until) load.worker.turn(load.warm_until);
  const double cpu_before = cpu_us();
  while (load.lanes != 0) load.worker.turn(base::TimePoint::max());
  const double cpu = cpu_us() - cpu_before;
  load.worker.turn(base::Clock::now());  // the farewells go out

  if (!load.status) return fail(load.status.error());
  if (load.times.empty()) return fail({base::ErrorKind::timeout, "nothing was answered in time"});
  print(load, options.seconds, cpu);
  return exit_done;
}

int bench(const BenchOptions& options) {
  transport::Worker worker;
  // The fewest in flight: what one read answered makes room on its own connection, and leaves in one write. In turn, it
  // would be scattered over all.
  pool::AgentPool pool{worker,
                       {.connections_per_agent = options.connections,
                        .load_balance_strategy = pool::LoadBalanceStrategy::least_connections,
                        .request_timeout = answer_timeout,
                        .max_concurrent_per_connection = options.in_flight}};
  const pool::AgentSpec spec = spec_of(options);
  auto agent = pool.add_agent(spec);
  if (!agent) {
    fmt::print(stderr, "picket bench: {}\n", agent.error().detail());
    return exit_usage;
  }
  Reception reception{worker, pool};
  if (!options.agent.listen.empty()) {
    if (const auto listens = reception.open(options.agent, spec, options.connections); !listens) {
      fmt::print(stderr, "picket bench: {}\n", listens.error().detail());
      return exit_usage;
    }
  }
  Load load{.worker = worker,
            .pool = pool,
            .agent = agent->get(),
            .mode = options.mode,
            .warm_until = {},
            .end = {},
            .body = std::string(options.mode == Mode::body ? body_size : 0, 'x'),
            .times = {},
            .status = {}};
  return measure(load, options);
}

}  // namespace

void add_bench(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("bench", "Measure an agent: latency, decisions per second, bodies");
  auto options = std::make_shared<BenchOptions>();
  add_agent_options(*command, options->agent);
  command
      ->add_option_function<std::string>(
          "--mode", [options](const std::string& name) { options->mode = modes.at(name); },
          "latency, throughput, or body: 1 MiB bodies in 64 KiB chunks")
      ->check(CLI::IsMember({"latency", "throughput", "body"}))
      ->default_str("throughput");
  command->add_option("--encoding", options->encoding, "Preferred encoding")
      ->check(CLI::IsMember({"json", "msgpack"}))
      ->capture_default_str();
  command->add_option("--inflight", options->in_flight, "Decisions in flight; default 64 for throughput, else 1")
      ->check(CLI::Range(1, 100'000));
  command->add_option("--connections", options->connections, "Connections to the agent")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "How long to measure")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  command->footer(
      "Prints one JSON line: decisions_per_s, p50_us, p99_us, mib_per_s, and cpu_us_per_decision of this process.\n"
      "In body mode a decision is a chunk.\n"
      "Example: picket bench --agent unix:/run/picket/waf.sock --mode latency\n"
      "Example: picket bench --listen unix:/tmp/bench.sock");
  command->callback([=, &exit_code] {
    if (options->in_flight == 0) options->in_flight = options->mode == Mode::throughput ? 64 : 1;
    exit_code = bench(*options);
  });
}

}  // namespace picket::apps::cli
