#include <cstdio>
#include <exception>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/guard/budget_file.hpp"
#include "apps/guard/handler.hpp"
#include "apps/guard/options.hpp"
#include "picket/agent/serve.hpp"
#include "picket/log/background_log.hpp"

namespace picket::apps::guard {
namespace {

constexpr auto program = "picket-guard";

int run(Options options) {
  options.server.execution = agent::Execution::handed_over;
  const Policy& policy = options.policy;
  return agent::serve_until_signalled(
      std::move(options.server), [&policy] { return std::make_unique<GuardHandler>(policy); }, program);
}

int run_with_budget(Options options) {
  log::BackgroundLog log{STDERR_FILENO, 0, log::prefixed_by(program)};
  const BudgetFile::Complain say = [&log](std::string_view line) { log.write(0, line); };
  options.server.log = say;
  options.server.execution = agent::Execution::handed_over;
  Budget budget{options.budget};
  std::unique_ptr<BudgetFile> file;
  if (options.budget_file) {
    auto opened = BudgetFile::open(*options.budget_file, budget, say);
    if (!opened) {
      say(opened.error().detail());
      return exit_failed;
    }
    file = std::move(*opened);
  }
  const Policy& policy = options.policy;
  const std::string& header = options.budget_header;
  return agent::serve_until_signalled(
      std::move(options.server),
      [&policy, &budget, &header] { return std::make_unique<BudgetedGuardHandler>(policy, budget, header); }, program);
}

}  // namespace
}  // namespace picket::apps::guard

int main(int argc, char** argv) {
  using namespace picket::apps::guard;
  try {
    auto options = parse_options(argc, argv);
    if (const int* const code = std::get_if<int>(&options)) return *code;
    auto& read = std::get<Options>(options);
    return read.budget.tokens > 0 ? run_with_budget(std::move(read)) : run(std::move(read));
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
    return exit_failed;
  }
}
