#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "apps/guard/options.hpp"
#include "picket/agent/serve.hpp"

namespace picket::apps::guard {
namespace {

constexpr auto program = "picket-guard";

int run(Options options) {
  options.server.execution = agent::Execution::handed_over;
  const Policy& policy = options.policy;
  return agent::serve_until_signalled(
      std::move(options.server), [&policy] { return std::make_unique<GuardHandler>(policy); }, program);
}

}  // namespace
}  // namespace picket::apps::guard

int main(int argc, char** argv) {
  using namespace picket::apps::guard;
  try {
    auto options = parse_options(argc, argv);
    if (const int* const code = std::get_if<int>(&options)) return *code;
    return run(std::move(std::get<Options>(options)));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return exit_failed;
  }
}
