#include <charconv>
#include <cstdio>
#include <deque>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <malloc.h>

#include "picket/pool/agent.hpp"
#include "picket/pool/agent_pool.hpp"

/// What a proxy holds per idle connection and per exchange in flight, by the allocator's own word:
///   picket_memory connections|exchanges unix:PATH COUNT
/// Prints the bytes of each, then holds all of them until its input ends: time to look at the agent's end.
namespace picket::bench {
namespace {

constexpr std::uint32_t exchanges_per_connection = 1000;

std::size_t allocated() {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t number_of(std::string_view text) {
  std::size_t number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc{} || number == 0)
    throw std::runtime_error{fmt::format("'{}' is no count", text)};
  return number;
}

/// A pool that is connected to one agent.
class Connected {
 public:
  Connected(const std::string& endpoint, std::uint32_t connections)
      : pool_(worker, {.connections_per_agent = connections,
                       .max_concurrent_per_connection = exchanges_per_connection,
                       .health_check_interval = std::chrono::hours{1}}) {
    auto added = pool_.add_agent(
        {.id = "a", .endpoint = endpoint, .max_concurrent_calls = connections * exchanges_per_connection});
    if (!added) throw std::runtime_error{added.error().message()};
    agent = &added->get();
    const base::TimePoint give_up = base::Clock::now() + std::chrono::seconds{20};
    while (agent->ready_connections() < connections) {
      worker.turn(base::Clock::now() + std::chrono::milliseconds{10});
      if (base::Clock::now() > give_up) throw std::runtime_error{"the agent does not take all connections"};
    }
  }

  transport::Worker worker;
  pool::Agent* agent = nullptr;

 private:
  pool::AgentPool pool_;
};

/// Prints, then waits until nobody wants to look any more.
void report(std::size_t bytes, std::size_t count) {
  fmt::print("{}\n", static_cast<double>(bytes) / static_cast<double>(count));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

void connections(const std::string& endpoint, std::size_t count) {
  const std::size_t before = allocated();
  const Connected connected{endpoint, static_cast<std::uint32_t>(count)};
  const std::size_t worker = transport::Worker::scratch_size;  // once per worker, not per connection
  report(allocated() - before - worker, count);
}

/// Exchanges whose question is not answered. The ids and the events are the caller's; exchange and call count.
void exchanges(const std::string& endpoint, std::size_t count) {
  Connected connected{endpoint, static_cast<std::uint32_t>(count / exchanges_per_connection)};
  std::vector<base::MintedId> ids(count);
  std::vector<wire::RequestHeaders> heads(count);
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = connected.worker.ids().mint();
    heads[i] = {.metadata = {.request_id = "r", .client_ip = "192.0.2.1"}, .method = "GET", .uri = "/"};
  }
  const std::size_t before = allocated();
  std::deque<pool::Exchange> all;
  std::deque<pool::Call> calls;
  for (std::size_t i = 0; i < count; ++i) {
    all.emplace_back(*connected.agent, ids[i]);
    calls.emplace_back(all.back(), &heads[i], wire::EventKind::request_headers, base::Deadline{});
    if (i % 10 == 9) connected.worker.turn(base::Clock::now());
  }
  // What the agent was too slow to take goes out now.
  const base::TimePoint until = base::Clock::now() + std::chrono::seconds{1};
  while (base::Clock::now() < until) connected.worker.turn(until);
  for (const auto& call : calls)
    if (call.done()) throw std::runtime_error{"the agent answers, or takes no more"};
  report(allocated() - before, count);
}

}  // namespace
}  // namespace picket::bench

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    if (arguments.size() != 3) throw std::runtime_error{"connections|exchanges unix:PATH COUNT"};
    const std::size_t count = picket::bench::number_of(arguments[2]);
    (arguments[0] == "connections" ? picket::bench::connections : picket::bench::exchanges)(arguments[1], count);
  } catch (const std::exception& error) {
    fmt::print(stderr, "picket_memory: {}\n", error.what());
    return 1;
  }
  return 0;
}
