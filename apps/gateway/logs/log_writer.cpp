#include "apps/gateway/logs/log_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace picket::apps::gateway::logs {
namespace {

constexpr std::chrono::milliseconds write_interval{50};

int open_for_appending(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

}  // namespace

base::Result<std::unique_ptr<LogFile>> LogFile::open(std::string path, std::size_t workers) {
  const int descriptor = open_for_appending(path);
  if (descriptor < 0)
    return base::fail(base::ErrorKind::io,
                      fmt::format("cannot write the log '{}': {}", path, std::generic_category().message(errno)));
  return std::unique_ptr<LogFile>{new LogFile(std::move(path), descriptor, workers)};
}

LogFile::LogFile(std::string path, int descriptor, std::size_t workers)
    : path_(std::move(path)), descriptor_(descriptor) {
  for (std::size_t i = 0; i < workers; ++i) queues_.push_back(std::make_unique<LineQueue>());
}

LogFile::~LogFile() { ::close(descriptor_); }

std::uint64_t LogFile::dropped() const noexcept {
  std::uint64_t total = 0;
  for (const auto& queue : queues_) total += queue->dropped();
  return total;
}

void LogFile::write_pending() {
  for (const auto& queue : queues_) queue->drain(batch_);
  std::string_view rest = batch_;
  while (!rest.empty()) {
    const ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      write_failures_.fetch_add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')), std::memory_order_relaxed);
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  batch_.clear();
}

void LogFile::reopen() {
  const int descriptor = open_for_appending(path_);
  if (descriptor < 0) return;  // the old file goes on
  ::close(descriptor_);
  descriptor_ = descriptor;
}

LogWriter::LogWriter(std::vector<LogFile*> files)
    : files_(std::move(files)), thread_([this](const std::stop_token& stop) { run(stop); }) {}

LogWriter::~LogWriter() {
  thread_.request_stop();
  thread_.join();
  for (auto* file : files_) file->write_pending();
}

void LogWriter::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock{mutex};
  while (!stop.stop_requested()) {
    wake.wait_for(lock, stop, write_interval, [] { return false; });
    // What was logged before the rotation still goes to the old file.
    for (auto* file : files_) file->write_pending();
    if (reopen_.exchange(false, std::memory_order_relaxed))
      for (auto* file : files_) file->reopen();
  }
}

}  // namespace picket::apps::gateway::logs
