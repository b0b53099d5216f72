#include <algorithm>
#include <filesystem>
#include <string>

#include <benchmark/benchmark.h>

#include "picket/agent/server.hpp"
#include "picket/inspection/counters.hpp"
#include "picket/inspection/inspection.hpp"
#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"

/// What it costs to have a body inspected by one agent behind a Unix socket, which runs in another thread.
namespace picket::inspection {
namespace {

/// Reads every byte of a chunk `passes` times, as an agent that looks for something does, and allows.
class Reader final : public agent::Handler {
 public:
  explicit Reader(int passes) : passes_(passes) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "reader", .version = "1"}; }
  agent::Reply on_request_body(const wire::RequestBodyChunk& event, agent::Context&) override {
    for (int i = 0; i < passes_; ++i) {
      std::uint32_t sum = 0;
      for (const std::byte byte : event.data) sum = sum * 31 + static_cast<std::uint32_t>(byte);
      benchmark::DoNotOptimize(sum);
    }
    return agent::Decision::allow();
  }

 private:
  int passes_;
};

transport::Task<void> inspect(Inspection& inspection, base::ByteView body, bool& allowed) {
  BodyInspection& inspected = inspection.request_body();
  inspected.begin(body.size());
  while (!body.empty()) {
    const base::ByteView piece = body.first(std::min(body.size(), inspected.credit()));
    body = body.subspan(piece.size());
    inspected.feed(base::SharedBytes::borrowed(piece), body.empty());
  }
  const auto verdict = co_await inspected.judge();
  allowed = verdict.goes_on();
}

/// range(0): bytes of the body; range(1): passes.
void body(benchmark::State& state) {
  const std::string path = (std::filesystem::temp_directory_path() / "picket-body-bench.sock").string();
  const auto passes = static_cast<int>(state.range(1));
  agent::Server server{{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                       [passes] { return std::make_unique<Reader>(passes); }};
  if (const auto started = server.start(); !started) return state.SkipWithError(started.error().message().c_str());

  transport::Worker worker;
  pool::AgentPool pool{worker, {.connections_per_agent = 1}};
  auto& reader =
      pool.add_agent({.id = "reader", .endpoint = "unix:" + path, .events = {wire::EventKind::request_body_chunk}})
          .value()
          .get();
  while (reader.ready_connections() == 0) worker.turn(base::Clock::now() + std::chrono::milliseconds{1});
  AgentCounters counters;
  const Chain chain{.filters = {{.agent = &reader,
                                 .counters = &counters,
                                 .events = {.request_body = true},
                                 .timeout = std::chrono::seconds{10},
                                 .request_body = {.holds = 16 << 20}}}};

  const std::string text(static_cast<std::size_t>(state.range(0)), 'b');
  for (auto _ : state) {
    base::Arena arena;
    const base::MintedId id = worker.ids().mint();
    Inspection inspection{worker, chain, nullptr, id, arena};
    bool allowed = false;
    // Within a turn, as a connection does it: what a turn produced leaves at its end.
    worker.post([&] { transport::spawn(inspect(inspection, base::as_bytes(text), allowed)); });
    while (!allowed) worker.turn(base::Clock::now() + std::chrono::milliseconds{100});
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

BENCHMARK(body)->Args({1 << 10, 1})->Args({1 << 20, 0})->Args({1 << 20, 1})->Args({1 << 20, 10})->UseRealTime();

}  // namespace
}  // namespace picket::inspection
