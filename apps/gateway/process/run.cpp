#include "apps/gateway/process/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/process/gateway.hpp"
#include "apps/gateway/process/process_log.hpp"

namespace picket::apps::gateway::process {
namespace {

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Whether a signal waits that says so.
bool is_to_end() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1;
}

std::string rendered(const std::vector<config::Diagnostic>& diagnostics) {
  const bool colour = ::isatty(STDERR_FILENO) == 1;
  std::string text;
  for (const auto& diagnostic : diagnostics) text += config::render(diagnostic, colour);
  return text;
}

/// As it stands in a URL: an IPv6 address in its brackets.
std::string authority(const std::string& host, std::uint16_t port) {
  return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

void log_what_is_served(const config::Config& config, spdlog::logger& log) {
  for (const auto& listener : config.listeners)
    log.info("listening on {}://{}", listener.protocol == config::Protocol::https ? "https" : "http",
             authority(listener.host, listener.port));
  if (const auto& reverse = config.reverse_listener; reverse && !reverse->path.empty())
    log.info("agents may dial unix:{}", reverse->path);
  if (const auto& reverse = config.reverse_listener; reverse && !reverse->host.empty())
    log.info("agents may dial {}:{}", reverse->tls ? "tls" : "tcp", authority(reverse->host, reverse->port));
  if (const auto& metrics = config.observability.metrics)
    log.info("metrics at http://{}{}", authority(metrics->host, metrics->port), metrics->path);
}

/// Waits for a signal. The keys of session tickets change meanwhile, once `rotates_at` has come.
int next_signal(const sigset_t& signals, Gateway& gateway, base::TimePoint& rotates_at) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(rotates_at - base::Clock::now());
    const timespec patience{.tv_sec = std::max<std::time_t>(left.count(), 0), .tv_nsec = 0};
    if (const int signal = ::sigtimedwait(&signals, nullptr, &patience); signal > 0) return signal;
    if (base::Clock::now() < rotates_at) continue;
    gateway.rotate_tickets();
    rotates_at += std::chrono::seconds{transport::tls::ticket_lifetime_seconds};
  }
}

void reload(Gateway& gateway, ProcessLog& log, const std::filesystem::path& file, const config::System& at_start) {
  auto loaded = config::load(file);
  if (!loaded) {
    log.print(rendered(loaded.error()));
    log.lines().error("reload failed: {} has errors; the configuration before it is served on", file.string());
    return;
  }
  if (loaded->system.worker_threads != at_start.worker_threads || loaded->system.busy_polling != at_start.busy_polling)
    log.lines().warn("worker-threads and busy-polling are taken into account at the next start, not by a reload");
  const config::Config config = *loaded;
  if (const auto applied = gateway.apply(std::move(*loaded), is_to_end); !applied) {
    log.lines().error("reload failed: {}; the configuration before it is served on", applied.error().detail());
    return;
  }
  log.use(config.observability);
  log.lines().info("reloaded {}", file.string());
  log_what_is_served(config, log.lines());
}

/// Waits until every connection has ended, the time is over, or a second signal says to hurry.
void drain(Gateway& gateway, spdlog::logger& log, base::Duration patience, const sigset_t& signals) {
  log.info("draining: {} connections are open", gateway.connections());
  gateway.drain();
  const base::TimePoint until = base::Clock::now() + patience;
  const timespec moment{.tv_sec = 0, .tv_nsec = 5'000'000};
  while (gateway.connections() != 0) {
    const int signal = ::sigtimedwait(&signals, nullptr, &moment);
    const bool hurry = signal == SIGTERM || signal == SIGINT;
    if (!hurry && base::Clock::now() < until) continue;
    log.warn("ending {} connections{}", gateway.connections(), hurry ? "" : ": the drain took too long");
    return;
  }
}

}  // namespace

int run(const std::filesystem::path& file) {
  auto loaded = config::load(file);
  if (!loaded) {
    fmt::print(stderr, "{}", rendered(loaded.error()));
    return 2;
  }
  const config::Config config = *loaded;
  const sigset_t signals = block_signals();
  ProcessLog log{config.observability};
  Gateway gateway{config.system, log};
  if (const auto applied = gateway.apply(std::move(*loaded), is_to_end); !applied) {
    log.lines().error("{}", applied.error().message());
    return 1;
  }
  log_what_is_served(config, log.lines());
  gateway.agent_reports().reloads.on_request([] { ::kill(::getpid(), SIGHUP); });
  base::TimePoint rotates_at = base::Clock::now() + std::chrono::seconds{transport::tls::ticket_lifetime_seconds};
  while (true) {
    const int signal = next_signal(signals, gateway, rotates_at);
    if (signal == SIGHUP) {
      reload(gateway, log, file, config.system);
    } else if (signal == SIGUSR1) {
      gateway.reopen_logs();
    } else {
      break;
    }
  }
  drain(gateway, log.lines(), config.system.graceful_shutdown_timeout, signals);
  return 0;
}

}  // namespace picket::apps::gateway::process
