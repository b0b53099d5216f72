#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <spdlog/fwd.h>

#include "apps/gateway/logs/line_queue.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::gateway::logs {

/// How long a log's reader may be waited for: as long as it takes what it is given, but a second from when the log is
/// to end.
class Patience {
 public:
  explicit Patience(std::stop_token ending) : ending_(std::move(ending)) {}
  /// Waits until the descriptor takes more. Returns whether it does.
  [[nodiscard]] bool becomes_writable(int descriptor);

 private:
  std::stop_token ending_;
  std::optional<base::TimePoint> end_;
};

/// One log file and the workers' queues for it. Trouble with it is said in `log`, once, which outlives it.
class LogFile {
 public:
  /// Opens for appending. Errors: io naming the path.
  [[nodiscard]] static base::Result<std::unique_ptr<LogFile>> open(std::string path, std::size_t workers,
                                                                   spdlog::logger& log);
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile();

  [[nodiscard]] LineQueue& queue(std::size_t worker) noexcept { return *queues_[worker]; }
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  /// Lines lost because the file could not be written.
  [[nodiscard]] std::uint64_t write_failures() const noexcept {
    return write_failures_.load(std::memory_order_relaxed);
  }

 private:
  friend class LogWriter;
  LogFile(std::string path, int descriptor, std::size_t workers, spdlog::logger& log);
  void write_pending(Patience& patience);
  void reopen();
  void lose(std::string_view lines, int error);
  void say_what_is_missing() const;

  std::string path_;
  spdlog::logger& log_;
  int descriptor_;
  std::vector<std::unique_ptr<LineQueue>> queues_;
  std::string batch_;
  std::atomic<std::uint64_t> write_failures_{0};
  std::optional<std::uint64_t> lost_before_;  // write_failures_ when writing began to fail; nothing while it does not
  bool torn_ = false;                         // the file ends in the middle of a line
};

/// The thread that writes a log file, every 50 ms, so that a line is on disk (not synced) within 100 ms. Each file has
/// one of its own: a pipe that nobody reads, or a slow disk, costs no line of another log. Thread safety: reopen() and
/// end() from any thread. Lifetime: the file outlives it. Its end writes what is queued and waits for that: a second at
/// most for a slow reader, from end() on; what it has not taken then is lost, counted and said.
class LogWriter {
 public:
  explicit LogWriter(LogFile& file);

  /// Begins its end, and does not wait for it: nothing is queued any more.
  void end() noexcept { thread_.request_stop(); }

  /// Opens the file anew before the next write: for log rotation.
  void reopen() noexcept { reopen_.store(true, std::memory_order_relaxed); }

 private:
  void run(const std::stop_token& stop);

  LogFile& file_;
  std::atomic<bool> reopen_{false};
  std::jthread thread_;
};

}  // namespace picket::apps::gateway::logs
