#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/testing.hpp"

namespace picket::tests {

/// What a proxy does to one agent.
struct LoadPlan {
  transport::Endpoint endpoint;
  std::vector<wire::Encoding> encodings{wire::Encoding::msgpack, wire::Encoding::json};
  transport::tls::ClientOptions tls;
  std::uint32_t seed = 1;
  std::size_t exchanges = 1000;
  std::size_t at_once = 16;
  base::Duration call_timeout = std::chrono::seconds{10};
  std::uint32_t abandoned_per_mille = 10;  ///< Of the exchanges that wait, in each turn: as when clients go away.
  std::vector<std::string> reverse;        ///< The agent dials under one of these ids; there is no endpoint.
  pool::Config config;
  pool::BreakerConfig breaker;
  std::uint32_t max_concurrent_calls = 100;
};

/// How the calls ended.
struct LoadResult {
  std::size_t answered = 0;
  std::array<std::size_t, 12> failed{};  ///< By base::ErrorKind.
  std::size_t wrong = 0;                 ///< Answers to something else than what was asked.
  base::Duration latest{};               ///< The most that a call ended after its deadline.

  [[nodiscard]] std::size_t of(base::ErrorKind kind) const { return failed[static_cast<std::size_t>(kind)]; }
};

/// One proxy worker that asks an agent which echoes (EchoHandler), with a random but repeatable mix of heads, bodies,
/// calls in flight beside each other, and exchanges given up half way. Thread safety: one thread runs it; metrics() may
/// be read by any.
class Load {
 public:
  explicit Load(const LoadPlan& plan);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;
  ~Load();

  /// Waits until a connection is ready.
  [[nodiscard]] bool ready();
  /// Plays the whole plan. `meanwhile` is called between turns with the number of exchanges that have ended.
  LoadResult run(const std::function<void(std::size_t ended)>& meanwhile = [](std::size_t) {});
  [[nodiscard]] const pool::AgentMetrics& metrics() const { return agent_.metrics(); }
  [[nodiscard]] transport::Worker& worker() { return worker_; }
  [[nodiscard]] pool::Agent& agent() { return agent_; }
  /// Of an agent that dials.
  void take(pool::reverse::Connection connection) { pool_.add_reverse_connection(std::move(connection)); }

 private:
  struct Open;
  void begin();
  /// True when the exchange is over.
  bool look(Open& open, LoadResult& result);
  void ask(Open& open);

  LoadPlan plan_;
  transport::Worker worker_;
  pool::AgentPool pool_;
  pool::Agent& agent_;
  std::mt19937 random_;
  std::size_t begun_ = 0;
  std::deque<std::unique_ptr<Open>> open_;
};

}  // namespace picket::tests
