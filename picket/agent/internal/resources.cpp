#include "picket/agent/internal/resources.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace picket::agent::internal {
namespace {

base::Duration duration_of(const timeval& time) {
  return std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec};
}

base::Duration processor_time() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return {};
  return duration_of(usage.ru_utime) + duration_of(usage.ru_stime);
}

/// Of proc(5), statm: the second number, in pages.
std::optional<std::uint64_t> resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  if (!(file >> size >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::optional<std::uint32_t> entries_of(const char* folder) {
  std::error_code failed;
  std::uint32_t count = 0;
  for (std::filesystem::directory_iterator entry{folder, failed};
       !failed && entry != std::filesystem::directory_iterator{}; entry.increment(failed))
    ++count;
  if (failed) return std::nullopt;
  return count;
}

std::optional<std::uint32_t> descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(limit.rlim_cur);
}

}  // namespace

wire::Resources ResourceMeter::measure() {
  const base::TimePoint now = base::Clock::now();
  const base::Duration used = processor_time();
  const std::chrono::duration<float> passed = now - measured_at_;
  const std::chrono::duration<float> busy = used - used_;
  measured_at_ = now;
  used_ = used;
  wire::Resources resources{.memory_bytes = resident_bytes(),
                            .active_threads = entries_of("/proc/self/task"),
                            .open_fds = entries_of("/proc/self/fd"),
                            .fd_limit = descriptor_limit()};
  if (passed.count() > 0) resources.cpu_percent = 100 * busy.count() / passed.count();
  return resources;
}

}  // namespace picket::agent::internal
