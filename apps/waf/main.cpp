#include <cstdio>
#include <exception>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/waf/handler.hpp"
#include "apps/waf/options.hpp"
#include "picket/agent/serve.hpp"
#include "picket/log/background_log.hpp"

namespace picket::apps::waf {
namespace {

constexpr auto program = "picket-waf";

void complain(std::string_view line) { fmt::print(stderr, "{}: {}\n", program, line); }

int run(Options options) {
  log::BackgroundLog log{STDERR_FILENO, 0, log::prefixed_by(program)};
  const WafHandler::Complain say = [&log](std::string_view line) { log.write(0, line); };
  std::optional<RuleLog> rule_log;
  if (options.rule_log) {
    auto opened = RuleLog::open(*options.rule_log, say);
    if (!opened) {
      say(opened.error().detail());
      return exit_failed;
    }
    rule_log.emplace(std::move(*opened));
  }
  auto sets = RuleSets::load(Engine::create(), std::move(options.rules));
  if (!sets) {
    say(sets.error().detail());
    return exit_wrong;
  }
  const RuleSet& rules = *(*sets)->standard();
  say(fmt::format("{} rules from {} files", rules.rule_count(), rules.file_count()));
  options.server.execution = agent::Execution::handed_over;
  options.server.log = say;
  return agent::serve_until_signalled(
      std::move(options.server),
      [&sets, &rule_log, &say] { return std::make_unique<WafHandler>(**sets, rule_log ? &*rule_log : nullptr, say); },
      program);
}

}  // namespace
}  // namespace picket::apps::waf

int main(int argc, char** argv) {
  try {
    auto options = picket::apps::waf::parse_options(argc, argv);
    if (const int* const code = std::get_if<int>(&options)) return *code;
    return picket::apps::waf::run(std::move(std::get<picket::apps::waf::Options>(options)));
  } catch (const std::exception& error) {
    picket::apps::waf::complain(error.what());
    return picket::apps::waf::exit_failed;
  }
}
