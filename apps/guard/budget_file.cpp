#include "apps/guard/budget_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

namespace picket::apps::guard {
namespace {

base::Error failure(const std::string& file, const char* what) {
  return base::fail(base::ErrorKind::unavailable, fmt::format("{} cannot be {}: {}", file, what, std::strerror(errno)));
}

/// The file itself behind links to it, be it there or not: under all of its names it has one lock, and it is that which
/// is replaced. Links in a circle stay one: it cannot be read.
std::string behind_links(const std::string& file) {
  constexpr int most_links = 40;  // as many as Linux follows
  std::filesystem::path path{file};
  for (int links = 0; links < most_links; ++links) {
    std::error_code is_none;
    const auto target = std::filesystem::read_symlink(path, is_none);
    if (is_none) break;
    path = path.parent_path() / target;
  }
  return path.string();
}

/// Writes all of it to a new file and has it on the disk.
bool write_synced(const std::string& file, std::string_view text) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (descriptor < 0) return false;
  bool is_written = true;
  while (!text.empty() && is_written) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    is_written = written > 0;
    if (is_written) text.remove_prefix(static_cast<std::size_t>(written));
  }
  is_written = is_written && ::fsync(descriptor) == 0;
  return ::close(descriptor) == 0 && is_written;
}

/// A thread that signals pass by: they are for whoever waits for them.
template <class Run>
std::jthread thread_without_signals(Run run) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  std::jthread thread{std::move(run)};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

base::Result<std::unique_ptr<BudgetFile>> BudgetFile::open(std::string file, Budget& budget, Complain complain,
                                                           std::chrono::milliseconds interval) {
  file = behind_links(file);
  auto lock = FileLock::take(file + ".lock");
  if (!lock) return lock.error();
  errno = 0;
  std::ifstream in{file};
  if (!in && errno != ENOENT) return failure(file, "read");
  if (in) {
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (in.bad()) return failure(file, "read");
    if (const auto read = budget.read(text, Budget::now()); !read)
      return base::fail(base::ErrorKind::invalid_message, fmt::format("{}: {}", file, read.error().detail()));
  }
  std::unique_ptr<BudgetFile> opened{
      new BudgetFile(std::move(file), std::move(*lock), budget, std::move(complain), interval)};
  if (const auto written = opened->write(); !written) return written.error();
  return opened;
}

BudgetFile::BudgetFile(std::string file, FileLock lock, Budget& budget, Complain complain,
                       std::chrono::milliseconds interval)
    : file_(std::move(file)),
      lock_(std::move(lock)),
      budget_(budget),
      complain_(std::move(complain)),
      interval_(interval),
      written_(budget.version()),
      thread_(thread_without_signals([this](const std::stop_token& stopping) { run(stopping); })) {}

BudgetFile::~BudgetFile() {
  thread_.request_stop();
  thread_.join();
}

base::Status BudgetFile::write() const {
  const std::string beside = file_ + ".new";
  if (!write_synced(beside, budget_.write(Budget::now())) || std::rename(beside.c_str(), file_.c_str()) != 0)
    return failure(file_, "written");
  return {};
}

void BudgetFile::write_if_changed() {
  const std::uint64_t version = budget_.version();
  if (version == written_) return;
  const auto done = write();
  if (done) written_ = version;
  if (!done && !is_failing_) complain_(done.error().detail());
  is_failing_ = !done;
}

void BudgetFile::run(const std::stop_token& stopping) {
  std::unique_lock lock{mutex_};
  while (!stopping.stop_requested()) {
    (void)stopped_.wait_for(lock, stopping, interval_, [] { return false; });
    write_if_changed();
  }
  write_if_changed();  // it may be stopped before it has begun to wait
}

}  // namespace picket::apps::guard
