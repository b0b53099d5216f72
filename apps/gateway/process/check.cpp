#include "apps/gateway/process/check.hpp"

#include <ostream>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/config/oddities.hpp"
#include "apps/gateway/generation/listener_tls.hpp"
#include "apps/gateway/process/reverse_agents.hpp"

namespace picket::apps::gateway::process {
namespace {

std::string count(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

void add(TlsFindings& findings, const std::string& who,
         const base::Result<std::shared_ptr<const transport::tls::Context>>& context) {
  if (!context) return findings.errors.push_back(fmt::format("{}: {}", who, context.error().detail()));
  for (const std::string& warning : (*context)->warnings()) findings.warnings.push_back(who + ": " + warning);
}

int refuse(std::size_t errors, const std::filesystem::path& path, std::ostream& err) {
  err << count(errors, "error") << " in " << path.string() << '\n';
  return 2;
}

}  // namespace

TlsFindings look_at_tls_files(const config::Config& config) {
  TlsFindings findings;
  for (const auto& listener : config.listeners) {
    const auto context = generation::tls_of(listener, nullptr);
    if (!context) {
      findings.errors.push_back(context.error().detail());
    } else {
      for (std::string& warning : generation::warnings_of(listener, *context))
        findings.warnings.push_back(std::move(warning));
    }
  }
  for (const auto& agent : config.agents)
    if (agent.tls) add(findings, fmt::format("agent \"{}\"", agent.id), transport::tls::Context::client(*agent.tls));
  for (const auto& upstream : config.upstreams)
    if (upstream.tls)
      add(findings, fmt::format("upstream \"{}\"", upstream.id), transport::tls::Context::client(*upstream.tls));
  if (config.reverse_listener && config.reverse_listener->tls)
    add(findings, "reverse-listener", tls_of(*config.reverse_listener->tls));
  return findings;
}

int check(const std::filesystem::path& path, const config::Environment& environment, std::ostream& out,
          std::ostream& err, bool colour) {
  const config::Loaded loaded = config::load(path, environment);
  if (!loaded) {
    for (const config::Diagnostic& diagnostic : loaded.error()) err << render(diagnostic, colour);
    return refuse(loaded.error().size(), path, err);
  }
  const TlsFindings tls = look_at_tls_files(*loaded);
  for (const std::string& error : tls.errors) err << path.string() << ": error: " << error << '\n';
  for (const std::string& warning : tls.warnings) err << path.string() << ": warning: " << warning << '\n';
  for (const std::string& oddity : config::oddities_of(*loaded))
    err << path.string() << ": warning: " << oddity << '\n';
  if (!tls.errors.empty()) return refuse(tls.errors.size(), path, err);
  out << path.string() << ": good: " << count(loaded->listeners.size(), "listener") << ", "
      << count(loaded->routes.size(), "route") << ", " << count(loaded->agents.size(), "agent") << ", "
      << count(loaded->upstreams.size(), "upstream") << '\n';
  return 0;
}

}  // namespace picket::apps::gateway::process
