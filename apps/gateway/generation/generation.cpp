#include "apps/gateway/generation/generation.hpp"

namespace picket::apps::gateway::generation {
namespace {

base::Status open_if_wanted(const std::optional<std::string>& path, std::size_t shards, spdlog::logger& log,
                            std::unique_ptr<logs::LogFile>& file) {
  if (!path) return {};
  auto opened = logs::LogFile::open(*path, shards, log);
  if (!opened) return std::move(opened.error());
  file = std::move(*opened);
  return {};
}

}  // namespace

base::Result<std::shared_ptr<Logs>> Logs::open(const config::Observability& wanted, std::size_t shards,
                                               LogCloser& closer, spdlog::logger& log) {
  const auto end = [&closer](Logs* logs) { closer.take(std::unique_ptr<Logs>{logs}); };
  const std::shared_ptr<Logs> logs{new Logs, end};
  PICKET_TRY(open_if_wanted(wanted.access_log, shards, log, logs->access));
  PICKET_TRY(open_if_wanted(wanted.audit_log, shards, log, logs->audit));
  for (const auto* const file : {&logs->access, &logs->audit})
    if (*file) logs->writers.emplace_back(**file);
  return logs;
}

base::Result<std::shared_ptr<const Generation>> Generation::make(
    config::Config config, std::size_t shards, const Generation* previous, LogCloser& closer, spdlog::logger& log,
    const std::shared_ptr<const transport::tls::TicketKeys>& tickets) {
  auto made = std::make_shared<Generation>();
  made->shards = shards;
  for (const auto& listener : config.listeners) {
    auto context = tls_of(listener, tickets);
    if (!context) return std::move(context.error());
    made->tls.push_back(std::move(*context));
  }
  for (const auto& upstream : config.upstreams) {
    auto context = tls_of(upstream, previous != nullptr ? previous->upstream_tls : std::vector<UpstreamContext>{});
    if (!context) return std::move(context.error());
    made->upstream_tls.push_back(std::move(*context));
  }
  const auto& wanted = config.observability;
  if (previous != nullptr && previous->config.observability.access_log == wanted.access_log &&
      previous->config.observability.audit_log == wanted.audit_log) {
    made->logs = previous->logs;
  } else {
    auto logs = Logs::open(wanted, shards, closer, log);
    if (!logs) return std::move(logs.error());
    made->logs = std::move(*logs);
  }
  made->config = std::move(config);
  return std::shared_ptr<const Generation>{std::move(made)};
}

}  // namespace picket::apps::gateway::generation
