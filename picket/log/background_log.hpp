#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

namespace picket::log {

/// A line on its way to a log.
struct Line {
  std::chrono::system_clock::time_point time;
  int level = 0;  ///< The owner's own meaning.
  std::string text;
};

/// Whether a line may be held back where there are many like it.
///
/// Unlimited is for what must stand there each time, such as an audit: that line is still lost where the queue is full.
enum class Repeats : std::uint8_t { limited, unlimited };

/// A log that nobody waits for, whatever becomes of its reader: lines are queued, and a thread writes them.
///
/// A standard error that is a pipe which nobody reads would otherwise stop whoever logs. The queue is bounded, what
/// does not fit is lost and counted, and the loss is said where the reader is back; repeated lines are limited
/// (repeat_limit.hpp). Thread safety: any thread. Lifetime: the destructor waits for the queue to be written, for a
/// second at most; where a write is stuck even then, the thread is left to it and the descriptor must stay what it is.
/// Its thread takes no signals. Errors: none is said to whoever writes a line; lost() counts. Units: 256 KiB are queued
/// at most, each line with 64 bytes for itself. Complexity: write() takes a lock and copies the text; it never waits
/// for the descriptor.
///
///   log::BackgroundLog log{STDERR_FILENO, 0, log::prefixed_by("picket")};
///   log.write(0, "listens on 127.0.0.1:8080");  // picket: listens on 127.0.0.1:8080
class BackgroundLog {
 public:
  /// Appends a line as it is to be written, line feed included. Called on the log's thread.
  using Format = std::function<void(const Line& line, std::string& out)>;

  /// Writes to `descriptor`, which stays the caller's. `own_level`: that of the lines that tell of losses.
  BackgroundLog(int descriptor, int own_level, Format format);
  BackgroundLog(const BackgroundLog&) = delete;
  BackgroundLog& operator=(const BackgroundLog&) = delete;
  ~BackgroundLog();

  /// `text`: one line without its line feed; it is copied. `level` is handed to the format.
  void write(int level, std::string_view text, Repeats repeats = Repeats::limited);
  /// Lines that are written from now on get another form. Those that are queued get it, too.
  void use(Format format);
  /// Lines that were lost: the queue was full, or the descriptor could not be written. A line of which a part was
  /// written is one of them; what is written next begins on a line of its own.
  [[nodiscard]] std::uint64_t lost() const noexcept;

 private:
  class Queue;
  std::shared_ptr<Queue> queue_;  // the thread's as well, which may be stuck in a write when this ends
  std::thread thread_;
};

/// "program: text" lines.
[[nodiscard]] BackgroundLog::Format prefixed_by(std::string program);

}  // namespace picket::log
