#include "apps/cli/conform/agents/reach.hpp"

#include <thread>

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

constexpr std::chrono::milliseconds between_dials{10};

}  // namespace

/// A server whose backlog is full is tried again; one that was there and is gone breaks the rule that it went at.
Line Dialling::next() {
  const base::TimePoint deadline = base::Clock::now() + patience_;
  while (true) {
    Line line{transport::Channel{worker_, destination_.layer()}};
    const auto dialled = line.dial(destination_.endpoint(), deadline);
    if (dialled) {
      was_reached_ = true;
      return line;
    }
    if (!was_reached_) throw Unreachable{dialled.error().message()};
    expect(base::Clock::now() < deadline, "it cannot be reached any more: {}", dialled.error().message());
    std::this_thread::sleep_for(between_dials);
  }
}

}  // namespace picket::apps::cli::conform::agents
