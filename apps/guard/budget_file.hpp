#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "apps/guard/budget.hpp"
#include "apps/guard/file_lock.hpp"
#include "picket/base/result.hpp"

namespace picket::apps::guard {

/// Keeps a budget in a file: read at the start, written every few seconds where something was spent, and at the end.
/// The file is replaced whole (written beside, synced, renamed), so that a crash leaves the last one; it loses what was
/// spent since. It is readable for its owner only. Where it cannot be written (a full disk) the last one stays, and it
/// is tried again.
///
/// One process at a time has it, by a lock on `<file>.lock`: two would write over what the other's keys have spent. Of
/// a symbolic link it is the file behind it that is locked and replaced.
///
/// Thread safety: made and destroyed by one thread; writes on a thread of its own, which takes no signals. Lifetime:
/// `budget` and what `complain` refers to outlive it; destroying it writes.
class BudgetFile {
 public:
  using Complain = std::function<void(std::string_view)>;

  /// Reads the file into the budget; one that is not there is an empty one. Errors: unavailable for a file that cannot
  /// be read or written, or that another process has; invalid_message for another kind of file, with its name.
  [[nodiscard]] static base::Result<std::unique_ptr<BudgetFile>> open(
      std::string file, Budget& budget, Complain complain,
      std::chrono::milliseconds interval = std::chrono::seconds{5});
  BudgetFile(const BudgetFile&) = delete;
  BudgetFile& operator=(const BudgetFile&) = delete;
  ~BudgetFile();

 private:
  BudgetFile(std::string file, FileLock lock, Budget& budget, Complain complain, std::chrono::milliseconds interval);
  [[nodiscard]] base::Status write() const;
  void write_if_changed();
  void run(const std::stop_token& stopping);

  const std::string file_;
  const FileLock lock_;
  Budget& budget_;
  const Complain complain_;
  const std::chrono::milliseconds interval_;
  std::uint64_t written_;
  bool is_failing_ = false;  // and that was said
  std::mutex mutex_;
  std::condition_variable_any stopped_;
  std::jthread thread_;
};

}  // namespace picket::apps::guard
