#include "apps/gateway/process/check.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <unistd.h>

#include "apps/cli/commands.hpp"
#include "apps/gateway/config/load.hpp"
#include "picket/transport/dns/look_up.hpp"

namespace picket::apps::cli {
namespace {

/// A name of a configuration, and whose it is.
struct Name {
  std::string whose;
  std::string address;
};

std::vector<Name> names_in(const gateway::config::Config& config) {
  std::vector<Name> names;
  for (const auto& agent : config.agents)
    if (agent.is_named) names.push_back({fmt::format("agent \"{}\"", agent.id), agent.address});
  for (const auto& upstream : config.upstreams)
    for (const auto& target : upstream.targets)
      if (target.is_named)
        names.push_back({fmt::format("upstream \"{}\"", upstream.id), fmt::format("{}:{}", target.host, target.port)});
  return names;
}

/// Says of which names nobody knows an address. That is no error of the file: the gateway would start, and go on
/// asking.
void note_unknown_names(const gateway::config::Config& config, std::ostream& out) {
  transport::Worker worker;
  const transport::dns::Options options{.servers = config.system.resolvers};
  std::list<transport::dns::LookUp> look_ups;
  std::size_t done = 0;
  const std::vector<Name> names = names_in(config);
  for (const auto& [whose, address] : names) {
    const auto name =
        transport::Endpoint::parse("tcp:" + address, transport::ClearText::allowed, transport::Hosts::names_too);
    if (!name) continue;
    look_ups.emplace_back(worker, options, *name, [&](const transport::dns::Findings& found) {
      ++done;
      if (found.places.empty()) fmt::print(out, "note: {}: {}\n", whose, found.problem->detail());
    });
  }
  while (done < look_ups.size()) worker.turn(base::TimePoint::max());
}

int check(const std::string& file) {
  const bool colour = ::isatty(STDERR_FILENO) == 1;
  const int exit_code =
      gateway::process::check(file, gateway::config::process_environment(), std::cout, std::cerr, colour);
  if (const auto config = gateway::config::load(file)) note_unknown_names(*config, std::cerr);
  return exit_code;
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("check", "Check a configuration file and say everything that is wrong");
  auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "The configuration, KDL 2")->required();
  command->footer("Exit codes: 0 the file is good; 2 it is not.");
  command->callback([=, &exit_code] { exit_code = check(*file); });
}

}  // namespace picket::apps::cli
