#include "picket/log/background_log.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include "picket/log/repeat_limit.hpp"

namespace picket::log {
namespace {

constexpr std::size_t max_queued_bytes = 256 * 1024;
constexpr std::size_t line_overhead = 64;  // what an empty line counts as
constexpr std::chrono::milliseconds look_for_due{500};
constexpr std::chrono::seconds patience_at_end{1};

/// Signals are for the threads that wait for them: a new thread inherits the mask of the one that starts it.
std::thread start_without_signals(std::move_only_function<void()> work) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread{std::move(work)};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}

}  // namespace

class BackgroundLog::Queue {
 public:
  Queue(int descriptor, int own_level, Format format)
      : descriptor_(descriptor), own_level_(own_level), format_(std::move(format)) {}

  void push(int level, std::string_view text, Repeats repeats);
  void use(Format format);
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

  /// The thread's whole work.
  void run();
  /// Has run() end once it has written what is queued. Returns whether it did in time.
  bool finish();

 private:
  void add(int level, std::string text);
  void add_repeated(base::TimePoint now);
  [[nodiscard]] std::vector<Line> take();
  void write_out(std::vector<Line> lines, const Format& format);
  [[nodiscard]] std::size_t write_lines(const std::vector<Line>& lines, const Format& format);
  [[nodiscard]] std::size_t write_text(std::string_view text) const;

  const int descriptor_;
  const int own_level_;
  std::uint64_t told_ = 0;   // of what was lost; the thread's
  bool is_in_line_ = false;  // what was written last ends in the midst of one; the thread's
  std::mutex mutex_;         // guards all below, but for lost_; never held while writing
  std::condition_variable changed_;
  std::condition_variable ended_;
  Format format_;
  RepeatLimit limit_;
  std::vector<Line> lines_;
  std::size_t queued_bytes_ = 0;
  bool ending_ = false;
  bool has_ended_ = false;
  std::atomic<std::uint64_t> lost_{0};
};

void BackgroundLog::Queue::push(int level, std::string_view text, Repeats repeats) {
  const std::lock_guard lock{mutex_};
  if (repeats == Repeats::limited && !limit_.admits(level, text, base::Clock::now())) return;
  add(level, std::string{text});
  changed_.notify_one();
}

void BackgroundLog::Queue::add(int level, std::string text) {
  const std::size_t size = text.size() + line_overhead;
  if (queued_bytes_ + size > max_queued_bytes) {
    lost_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  queued_bytes_ += size;
  lines_.push_back({std::chrono::system_clock::now(), level, std::move(text)});
}

void BackgroundLog::Queue::add_repeated(base::TimePoint now) {
  for (auto& repeated : limit_.take_due(now))
    add(repeated.level, fmt::format("{} [{} more like this in {} s]", repeated.text, repeated.count,
                                    std::chrono::duration_cast<std::chrono::seconds>(RepeatLimit::window).count()));
}

std::vector<Line> BackgroundLog::Queue::take() {
  queued_bytes_ = 0;
  return std::exchange(lines_, {});
}

void BackgroundLog::Queue::use(Format format) {
  const std::lock_guard lock{mutex_};
  format_ = std::move(format);
}

void BackgroundLog::Queue::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    const auto ready = [this] { return !lines_.empty() || ending_; };
    if (limit_.empty()) {
      changed_.wait(lock, ready);
    } else {
      changed_.wait_for(lock, look_for_due, ready);
    }
    add_repeated(ending_ ? base::TimePoint::max() : base::Clock::now());
    if (lines_.empty()) {
      if (ending_) break;
      if (lost() == told_) continue;  // nothing is due, and nothing to be told
    }
    std::vector<Line> lines = take();
    const Format format = format_;
    lock.unlock();
    write_out(std::move(lines), format);
    lock.lock();
  }
  has_ended_ = true;
  ended_.notify_all();
}

/// The lines, and behind them how many are missing, until that could be written once.
void BackgroundLog::Queue::write_out(std::vector<Line> lines, const Format& format) {
  const std::size_t count = lines.size();
  const std::uint64_t known = lost();
  if (known != told_)
    lines.push_back(
        {std::chrono::system_clock::now(), own_level_,
         fmt::format("{} lines of this log were lost: it was not read, or could not be written", known - told_)});
  const std::size_t written = write_lines(lines, format);
  if (written > count) told_ = known;
  if (written < count) lost_.fetch_add(count - written, std::memory_order_relaxed);
  // Somebody else's O_NONBLOCK on the shared description, or a full disk: not at the price of a whole core.
  if (written < lines.size()) std::this_thread::sleep_for(std::chrono::milliseconds{50});
}

/// How many of them were written whole. What is left of a line that was not stands by itself.
std::size_t BackgroundLog::Queue::write_lines(const std::vector<Line>& lines, const Format& format) {
  std::string text{is_in_line_ ? "\n" : ""};
  std::vector<std::size_t> ends;
  for (const Line& line : lines) {
    format(line, text);
    ends.push_back(text.size());
  }
  const std::size_t size = write_text(text);
  if (size != 0) is_in_line_ = text[size - 1] != '\n';
  return static_cast<std::size_t>(std::ranges::upper_bound(ends, size) - ends.begin());
}

/// How many bytes of it could be written.
std::size_t BackgroundLog::Queue::write_text(std::string_view text) const {
  std::size_t size = 0;
  while (size < text.size()) {
    // Waits, which is what this thread is for.
    const ssize_t written = ::write(descriptor_, text.data() + size, text.size() - size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    size += static_cast<std::size_t>(written);
  }
  return size;
}

bool BackgroundLog::Queue::finish() {
  std::unique_lock lock{mutex_};
  ending_ = true;
  changed_.notify_one();
  return ended_.wait_for(lock, patience_at_end, [this] { return has_ended_; });
}

BackgroundLog::BackgroundLog(int descriptor, int own_level, Format format)
    : queue_(std::make_shared<Queue>(descriptor, own_level, std::move(format))),
      thread_(start_without_signals([queue = queue_] { queue->run(); })) {}

BackgroundLog::~BackgroundLog() {
  if (queue_->finish()) {
    thread_.join();
  } else {
    thread_.detach();  // nobody reads: the process ends without it
  }
}

void BackgroundLog::write(int level, std::string_view text, Repeats repeats) { queue_->push(level, text, repeats); }

void BackgroundLog::use(Format format) { queue_->use(std::move(format)); }

std::uint64_t BackgroundLog::lost() const noexcept { return queue_->lost(); }

BackgroundLog::Format prefixed_by(std::string program) {
  return [program = std::move(program)](const Line& line, std::string& out) {
    out.append(program).append(": ").append(line.text).append("\n");
  };
}

}  // namespace picket::log
