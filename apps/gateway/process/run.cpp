#include "apps/gateway/process/run.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/process/gateway.hpp"
#include "apps/gateway/process/new_process.hpp"
#include "apps/gateway/process/old_process.hpp"
#include "apps/gateway/process/pid_file.hpp"
#include "apps/gateway/process/process_log.hpp"
#include "apps/gateway/process/spare_memory.hpp"
#include "apps/gateway/process/systemd.hpp"

namespace picket::apps::gateway::process {
namespace {

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&signals, signal);
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

/// The path by which this program was started: a package that is upgraded puts another file there, or a link leads to
/// one. Where it was found by PATH, or is gone, the file that runs.
std::string program_as_started() {
  std::string named;
  std::getline(std::ifstream{"/proc/self/cmdline"}, named, '\0');
  std::error_code error;
  const auto path = std::filesystem::absolute(named, error);
  if (!error && named.contains('/') && std::filesystem::equivalent(path, "/proc/self/exe", error) && !error)
    return path.string();
  return std::filesystem::read_symlink("/proc/self/exe").string();
}

/// What the process does between its first configuration and its end: it reloads, and gives way to another process.
class Serving {
 public:
  Serving(Gateway& gateway, ProcessLog& log, const std::filesystem::path& file, config::System system,
          PidFile& pid_file, std::unique_ptr<OldProcess> old)
      : gateway_(gateway),
        log_(log),
        file_(file),
        system_(std::move(system)),
        pid_file_(pid_file),
        old_(std::move(old)) {}

  /// Until the process is to end.
  void serve(const sigset_t& signals) {
    while (!is_replaced()) {
      switch (const timespec patience = until_next_look(); ::sigtimedwait(&signals, nullptr, &patience)) {
        case SIGHUP: reload(); break;
        case SIGUSR1: gateway_.reopen_logs(); break;
        case SIGUSR2: upgrade(); break;
        case SIGTERM:
        case SIGINT: do_what_is_due(); return give_up_upgrade();
        default: break;
      }
      do_what_is_due();
    }
  }

  /// Waits until every connection has ended, the time is over, or a second signal says to hurry. In another's place
  /// there is more time, until the first one.
  void drain(const sigset_t& signals) {
    log_.lines().info("draining: {} connections are open", gateway_.connections());
    if (is_replaced()) {
      gateway_.leave();
    } else {
      gateway_.drain();
    }
    const base::TimePoint began = base::Clock::now();
    base::TimePoint until =
        began + (is_replaced() ? system_.graceful_upgrade_timeout : system_.graceful_shutdown_timeout);
    // Who has just connected, or is about to ask again, still gets an answer here.
    std::optional<base::TimePoint> closes_idle;
    if (is_replaced()) closes_idle = began + std::chrono::seconds{2};
    // Most ends come soon; what lasts may last for hours.
    constexpr auto soon = std::chrono::seconds{5};
    constexpr timespec glance{.tv_sec = 0, .tv_nsec = 5'000'000};
    constexpr timespec later{.tv_sec = 0, .tv_nsec = 250'000'000};
    bool was_told = !is_replaced();  // to end
    for (std::size_t said = 0; const std::size_t open = gateway_.connections();) {
      if (is_replaced() && open != said) next_->say_connections(said = open);
      if (closes_idle && base::Clock::now() >= *closes_idle) {
        gateway_.close_idle();
        closes_idle.reset();
      }
      const bool is_soon = base::Clock::now() < began + soon;
      const int signal = ::sigtimedwait(&signals, nullptr, is_soon ? &glance : &later);
      if (signal == SIGUSR1) gateway_.reopen_logs();
      const bool is_told = signal == SIGTERM || signal == SIGINT;
      if (is_told) until = std::min(until, base::Clock::now() + system_.graceful_shutdown_timeout);
      const bool hurry = is_told && std::exchange(was_told, true);
      if (!hurry && base::Clock::now() < until) continue;
      log_.lines().warn("ending {} connections{}", open, hurry ? "" : ": the drain took too long");
      return;
    }
  }

 private:
  /// How long to wait for a signal: another process is looked at often.
  [[nodiscard]] timespec until_next_look() const {
    if (old_ || next_) return {.tv_sec = 0, .tv_nsec = 20'000'000};
    const auto left = std::chrono::ceil<std::chrono::seconds>(
        std::min<base::Duration>(rotates_at_ - base::Clock::now(), SpareMemory::pause));
    return {.tv_sec = std::max<std::time_t>(left.count(), 0), .tv_nsec = 0};
  }

  [[nodiscard]] bool is_replaced() const { return next_ && next_->state() == NewProcess::State::serving; }

  void do_what_is_due() {
    if (base::Clock::now() >= rotates_at_) {
      gateway_.rotate_tickets();
      rotates_at_ += ticket_period;
    }
    if (spare_memory_.is_due(gateway_.memory_given_back(), base::Clock::now())) give_spare_memory_back();
    if (old_) {
      if (const auto elsewhere = old_->look()) gateway_.share_places_with(*elsewhere);
      if (old_->is_gone()) old_.reset();
    }
    if (!next_) return;
    const NewProcess::State state = next_->look();
    if (state == NewProcess::State::gone) {
      log_.lines().error("upgrade failed: {}; this one serves on", next_->reason());
      next_.reset();
      restore_pid_file();
    } else if (state == NewProcess::State::serving) {
      // What this one said of a reload that failed is over: the file is served as the other one has read it.
      notify_systemd(fmt::format("MAINPID={}\nSTATUS=", next_->pid()));
      log_.lines().info("process {} serves in place of this one", next_->pid());
    }
  }

  /// One that does not serve yet will not: both processes are to end.
  void give_up_upgrade() {
    if (!next_ || is_replaced()) return;
    log_.lines().warn("upgrade given up: the new process does not serve yet, and this one is to end");
    next_.reset();
    restore_pid_file();
  }

  /// The other process may have written its own before it ended.
  void restore_pid_file() {
    if (const auto written = pid_file_.write(); !written) log_.lines().error("{}", written.error().detail());
  }

  void reload() {
    const auto reloaded = try_to_reload();
    gateway_.count_reload(bool{reloaded});
    std::string failure = reloaded ? "" : fmt::format("reload failed: {}", reloaded.error().detail());
    if (!reloaded) log_.lines().error("{}", failure);
    std::ranges::replace(failure, '\n', ' ');  // which would begin another word to systemd
    notify_systemd("STATUS=" + failure);
  }

  base::Status try_to_reload() {
    if (next_)
      return base::fail(base::ErrorKind::unavailable, "an upgrade is under way; say it again when that is over");
    auto loaded = config::load(file_);
    if (!loaded) {
      log_.print(rendered(loaded.error()));
      return base::fail(base::ErrorKind::invalid_message,
                        fmt::format("{} has errors; the configuration before it is served on", file_.string()));
    }
    const auto& system = loaded->system;
    if (system.worker_threads != system_.worker_threads || system.busy_polling != system_.busy_polling ||
        system.pid_file != system_.pid_file)
      log_.lines().warn(
          "worker-threads, busy-polling and pid-file are taken into account at the next start or upgrade, not by a "
          "reload");
    const config::Config config = *loaded;
    if (const auto applied = gateway_.apply(std::move(*loaded), is_to_end); !applied)
      return base::fail(applied.error().kind(),
                        fmt::format("{}; the configuration before it is served on", applied.error().detail()));
    log_.use(config.observability);
    log_.lines().info("reloaded {}", file_.string());
    log_what_is_served(config, log_.lines());
    return {};
  }

  void upgrade() {
    if (next_) return log_.lines().warn("an upgrade is under way: the new process is starting");
    auto started =
        NewProcess::start(program_, {program_, "run", file_.string()}, gateway_.sockets(), gateway_.tickets());
    if (!started) return log_.lines().error("upgrade failed: {}; this process serves on", started.error().detail());
    next_ = std::move(*started);
    log_.lines().info("upgrade: {} is started", program_);
  }

  static constexpr std::chrono::seconds ticket_period{transport::tls::ticket_lifetime_seconds};

  Gateway& gateway_;
  ProcessLog& log_;
  const std::filesystem::path& file_;
  const config::System system_;  // as it was at the start
  PidFile& pid_file_;
  const std::string program_ = program_as_started();
  SpareMemory spare_memory_;
  std::unique_ptr<OldProcess> old_;   // whose place this one takes, until it has ended
  std::unique_ptr<NewProcess> next_;  // that is to take this one's place
  base::TimePoint rotates_at_ = base::Clock::now() + ticket_period;
};

/// What another process hands over, or systemd. Errors: why it cannot be had.
base::Result<Inheritance> inheritance_of(OldProcess* old) {
  if (old != nullptr) return old->inherit();
  auto sockets = sockets_of_systemd();
  if (!sockets) return std::move(sockets.error());
  return Inheritance{.sockets = std::move(*sockets), .files = {}, .tickets = {}};
}

}  // namespace

int run(const std::filesystem::path& file) {
  auto old = OldProcess::of_environment();
  if (old)
    if (const auto ended = old->stand_behind_another()) return *ended;
  auto loaded = config::load(file);
  if (!loaded) {
    fmt::print(stderr, "{}", rendered(loaded.error()));
    return 2;
  }
  const config::Config config = *loaded;
  const sigset_t signals = block_signals();
  ProcessLog log{config.observability};
  auto inheritance = inheritance_of(old.get());
  if (!inheritance) {
    log.lines().error("{}", inheritance.error().message());
    return 1;
  }
  Gateway gateway{config.system, log};
  gateway.inherit(std::move(*inheritance));
  PidFile pid_file{config.system.pid_file};
  auto started = gateway.apply(std::move(*loaded), is_to_end);
  if (started) started = pid_file.write();
  if (!started) {
    log.lines().error("{}", started.error().message());
    return 1;
  }
  log_what_is_served(config, log.lines());
  gateway.agent_reports().reloads.on_request([] { ::kill(::getpid(), SIGHUP); });
  gateway.take_over();
  if (old) old->say_serving();
  notify_systemd("READY=1");
  Serving serving{gateway, log, file, config.system, pid_file, std::move(old)};
  serving.serve(signals);
  serving.drain(signals);
  return 0;
}

}  // namespace picket::apps::gateway::process
