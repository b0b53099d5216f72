#include "apps/gateway/logs/log_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spdlog/logger.h>
#include <unistd.h>

namespace picket::apps::gateway::logs {
namespace {

constexpr std::chrono::milliseconds write_interval{50};

// What a pipe's reader may take before lines are lost.
constexpr int patience_ms = 100;

/// A path may name a pipe: neither rotation nor the end of the process waits for its reader.
int open_for_appending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0640);
}

// What a reader may take once the log is to end.
constexpr base::Duration patience_at_end = std::chrono::seconds{1};

}  // namespace

bool Patience::becomes_writable(int descriptor) {
  if (ending_.stop_requested()) {
    if (!end_) end_ = base::Clock::now() + patience_at_end;
    if (base::Clock::now() >= *end_) return false;
  }
  pollfd poll{descriptor, POLLOUT, 0};
  return ::poll(&poll, 1, patience_ms) == 1;
}

base::Result<std::unique_ptr<LogFile>> LogFile::open(std::string path, std::size_t workers, spdlog::logger& log) {
  const int descriptor = open_for_appending(path);
  if (descriptor < 0)
    return base::fail(base::ErrorKind::io,
                      fmt::format("cannot write the log '{}': {}", path, std::generic_category().message(errno)));
  return std::unique_ptr<LogFile>{new LogFile(std::move(path), descriptor, workers, log)};
}

LogFile::LogFile(std::string path, int descriptor, std::size_t workers, spdlog::logger& log)
    : path_(std::move(path)), log_(log), descriptor_(descriptor) {
  for (std::size_t i = 0; i < workers; ++i) queues_.push_back(std::make_unique<LineQueue>());
}

LogFile::~LogFile() { ::close(descriptor_); }

std::uint64_t LogFile::dropped() const noexcept {
  std::uint64_t total = 0;
  for (const auto& queue : queues_) total += queue->dropped();
  return total;
}

void LogFile::write_pending(Patience& patience) {
  if (torn_) batch_ = "\n";  // ends the line that was cut
  const std::size_t begin = batch_.size();
  for (const auto& queue : queues_) queue->drain(batch_);
  std::string_view rest = batch_.size() == begin ? std::string_view{} : std::string_view{batch_};
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && (errno == EINTR || (errno == EAGAIN && patience.becomes_writable(descriptor_)))) continue;
    if (written <= 0) {
      const bool begins_with_mend = torn_ && rest.size() == batch_.size();
      lose(begins_with_mend ? rest.substr(1) : rest, errno);
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
    torn_ = rest.data()[-1] != '\n';
    if (lost_before_)
      log_.info("the log '{}' is written again ({} lines are missing)", path_, write_failures() - *lost_before_);
    lost_before_.reset();
  }
  batch_.clear();
}

void LogFile::lose(std::string_view lines, int error) {
  if (!lost_before_) {
    lost_before_ = write_failures();
    log_.error("cannot write the log '{}': {}; lines are lost, and counted, until it can", path_,
               error == EAGAIN ? "its reader is too slow" : std::generic_category().message(error));
  }
  write_failures_.fetch_add(static_cast<std::uint64_t>(std::ranges::count(lines, '\n')), std::memory_order_relaxed);
}

void LogFile::say_what_is_missing() const {
  if (lost_before_)
    log_.warn("the log '{}' ended before it could be written: {} lines are missing", path_,
              write_failures() - *lost_before_);
}

void LogFile::reopen() {
  const int descriptor = open_for_appending(path_);
  if (descriptor < 0) {
    log_.error("cannot reopen the log '{}': {}; what it was goes on", path_, std::generic_category().message(errno));
    return;
  }
  ::close(descriptor_);
  descriptor_ = descriptor;
}

LogWriter::LogWriter(LogFile& file) : file_(file), thread_([this](const std::stop_token& stop) { run(stop); }) {}

void LogWriter::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock{mutex};
  Patience patience{stop};
  while (!stop.stop_requested()) {
    wake.wait_for(lock, stop, write_interval, [] { return false; });
    // What was logged before the rotation still goes to the old file.
    file_.write_pending(patience);
    if (reopen_.exchange(false, std::memory_order_relaxed)) file_.reopen();
  }
  file_.write_pending(patience);
  file_.say_what_is_missing();
}

}  // namespace picket::apps::gateway::logs
