#include "picket/log/background_log.hpp"

#include <array>
#include <semaphore>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace picket::log {
namespace {

void plain(const Line& line, std::string& out) { out.append(line.text).append("\n"); }

/// A pipe that is read when the test says so.
class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  [[nodiscard]] int in() const { return ends_[1]; }
  /// Fills it until a write would block.
  void fill() {
    ::fcntl(in(), F_SETFL, O_NONBLOCK);
    const std::string block(4096, '.');
    while (::write(in(), block.data(), block.size()) > 0) {
    }
    ::fcntl(in(), F_SETFL, 0);
  }
  /// A page is all that it holds, and who writes more than that is told that he cannot.
  void shrink() const {
    EXPECT_EQ(::fcntl(in(), F_SETPIPE_SZ, 4096), 4096);
    EXPECT_EQ(::fcntl(in(), F_SETFL, O_NONBLOCK), 0);
  }
  /// Everything up to and with `text`.
  std::string read_until(std::string_view text) {
    std::string all;
    std::array<char, 4096> block{};
    while (all.find(text) == std::string::npos) {
      const ssize_t size = ::read(ends_[0], block.data(), block.size());
      if (size <= 0) break;
      all.append(block.data(), static_cast<std::size_t>(size));
    }
    return all;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST(BackgroundLog, WritesEveryLineInOrderBeforeItEnds) {
  Pipe pipe;
  {
    BackgroundLog log{pipe.in(), 0, plain};
    for (int i = 0; i < 100; ++i) log.write(0, "line " + std::to_string(i));
  }
  const std::string text = pipe.read_until("line 99\n");
  EXPECT_LT(text.find("line 0\n"), text.find("line 50\n"));
}

TEST(BackgroundLog, APipeThatNobodyReadsStopsNeitherWhoLogsNorTheEnd) {
  static Pipe pipe;  // the log's thread is left waiting for it; its number must not become another test's
  pipe.fill();
  const auto began = std::chrono::steady_clock::now();
  {
    BackgroundLog log{pipe.in(), 0, plain};
    for (int i = 0; i < 20'000; ++i) log.write(0, "line " + std::to_string(i), Repeats::unlimited);
    EXPECT_GT(log.lost(), 0U);
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds{8});
}

TEST(BackgroundLog, SaysHowManyLinesWereLostOnceItIsReadAgain) {
  Pipe pipe;
  pipe.fill();
  BackgroundLog log{pipe.in(), 7, [](const Line& line, std::string& out) {
                      out.append(std::to_string(line.level)).append(" ").append(line.text).append("\n");
                    }};
  for (int i = 0; i < 20'000; ++i) log.write(0, "line", Repeats::unlimited);
  const std::string text = pipe.read_until("were lost");
  EXPECT_NE(text.find("\n7 "), std::string::npos);
}

TEST(BackgroundLog, TellsOfRepeatedLinesAtItsEnd) {
  Pipe pipe;
  {
    BackgroundLog log{pipe.in(), 0, plain};
    for (int i = 0; i < 30; ++i) log.write(0, "again");
  }
  EXPECT_NE(pipe.read_until("in 10 s]").find("again [20 more like this"), std::string::npos);
}

TEST(BackgroundLog, ADescriptorThatCannotBeWrittenIsALoss) {
  Pipe pipe;
  const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  BackgroundLog log{full, 0, plain};
  log.write(0, "lost");
  for (int i = 0; i < 2000 && log.lost() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_GT(log.lost(), 0U);
  ::close(full);
}

/// A log whose lines are queued until the test lets its thread go on, so that they are written all at once.
class HeldLog {
 public:
  explicit HeldLog(int descriptor)
      : log_(descriptor, 0,
             [this](const Line& line, std::string& out) { line.text.empty() ? hold() : plain(line, out); }) {
    log_.write(0, "");  // of which nothing is written
    is_held_.acquire();
  }
  BackgroundLog* operator->() { return &log_; }
  void release() { may_go_on_.release(); }
  [[nodiscard]] bool has_lost() {
    for (int i = 0; i < 2000 && log_.lost() == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
    return log_.lost() != 0;
  }

 private:
  void hold() {
    is_held_.release();
    may_go_on_.acquire();
  }

  std::binary_semaphore is_held_{0};
  std::binary_semaphore may_go_on_{0};
  BackgroundLog log_;
};

TEST(BackgroundLog, LinesThatWereWrittenBeforeAFailureAreNotLostAndTheNextLineStandsByItself) {
  Pipe pipe;
  pipe.shrink();  // room for four lines and a part of one, and then it cannot be written
  HeldLog log{pipe.in()};
  for (int i = 0; i < 10; ++i) log->write(0, std::string(900, static_cast<char>('0' + i)), Repeats::unlimited);
  log.release();
  ASSERT_TRUE(log.has_lost());
  EXPECT_EQ(log->lost(), 6U);
  const std::string before = pipe.read_until(std::string(300, '4'));
  EXPECT_TRUE(before.starts_with(std::string(900, '0') + "\n"));
  log->write(0, "next");
  const std::string after = pipe.read_until("lines of this log were lost");
  EXPECT_NE((before + after).find("\nnext\n6 lines of this log were lost"), std::string::npos) << after;
}

TEST(BackgroundLog, ALossIsToldOfAgainUntilSomebodyCanReadIt) {
  Pipe pipe;
  pipe.shrink();
  HeldLog log{pipe.in()};
  log->write(0, std::string(5000, 'x'));
  log.release();
  ASSERT_TRUE(log.has_lost());
  log->write(0, "second");  // with the first try to tell of it
  for (int i = 0; i < 2000 && log->lost() == 1; ++i) std::this_thread::sleep_for(std::chrono::milliseconds{5});
  EXPECT_EQ(log->lost(), 2U) << "what tells of a loss is none itself";
  (void)pipe.read_until(std::string(4000, 'x'));
  log->write(0, "third");
  EXPECT_NE(pipe.read_until("were lost").find("2 lines of this log"), std::string::npos);
}

}  // namespace
}  // namespace picket::log
