#include "apps/gateway/logs/log_writer.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/gateway/config/testing/folder.hpp"

namespace picket::apps::gateway::logs {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string content(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// Whether it comes true within 20 s.
template <class Predicate>
bool eventually(Predicate&& holds) {
  const auto give_up = std::chrono::steady_clock::now() + 20s;
  while (!holds() && std::chrono::steady_clock::now() < give_up) std::this_thread::sleep_for(1ms);
  return holds();
}

class Writer : public ::testing::Test {
 protected:
  std::unique_ptr<LogFile> open(const std::string& name, std::size_t workers = 1) {
    return LogFile::open(path(name), workers, log_).value();
  }
  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }

  config::testing::Folder folder_;
  std::ostringstream said_;  // in the process log
  spdlog::logger log_{"process", std::make_shared<spdlog::sinks::ostream_sink_mt>(said_)};
};

TEST_F(Writer, ALineIsInTheFileSoonAndWithoutAnyFurtherCall) {
  const auto log = open("access.jsonl");
  const LogWriter writer{*log};
  const auto began = std::chrono::steady_clock::now();
  log->queue(0).push("a line");
  EXPECT_TRUE(eventually([&] { return content(path("access.jsonl")) == "a line\n"; }));
  // Promised are 100 ms; the bound is wide because machines under test are busy.
  EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
}

TEST_F(Writer, TheLinesOfEveryWorkerAreWritten) {
  const auto log = open("access.jsonl", 3);
  {
    const LogWriter writer{*log};
    for (std::size_t i = 0; i < 3; ++i) log->queue(i).push("access " + std::to_string(i));
  }  // its end writes what is queued
  EXPECT_EQ(content(path("access.jsonl")), "access 0\naccess 1\naccess 2\n");
}

TEST_F(Writer, AFileIsAppendedToAndNotForEverybodyToRead) {
  std::ofstream(path("log")) << "old\n";
  std::filesystem::remove(path("new"));
  {
    const auto old = open("log");
    const auto fresh = open("new");
    const LogWriter old_writer{*old};
    const LogWriter fresh_writer{*fresh};
    old->queue(0).push("new");
  }
  EXPECT_EQ(content(path("log")), "old\nnew\n");
  struct stat status{};
  ASSERT_EQ(::stat(path("new").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0007U, 0U);
}

TEST_F(Writer, ReopeningGoesOnInANewFileAndLosesNothing) {
  const auto log = open("log");
  LogWriter writer{*log};
  log->queue(0).push("before");
  ASSERT_TRUE(eventually([&] { return content(path("log")) == "before\n"; }));
  std::filesystem::rename(path("log"), path("log.1"));
  writer.reopen();
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("log")); }));
  log->queue(0).push("after");
  EXPECT_TRUE(eventually([&] { return content(path("log")) == "after\n"; }));
  EXPECT_EQ(content(path("log.1")), "before\n");
}

TEST_F(Writer, WhatCannotBeReopenedGoesOnInTheOldFile) {
  std::filesystem::create_directory(path("folder"));
  const auto log = open("folder/log");
  std::filesystem::rename(path("folder"), path("moved"));
  {
    LogWriter writer{*log};
    writer.reopen();
    std::this_thread::sleep_for(120ms);  // a turn of the writer, most likely; the lines are kept either way
    log->queue(0).push("kept");
  }
  EXPECT_EQ(content(path("moved/log")), "kept\n");
}

TEST_F(Writer, TroubleWithAFileIsSaidOnceAndAtItsEndWhatIsMissing) {
  const auto full = LogFile::open("/dev/full", 1, log_).value();
  {
    const LogWriter writer{*full};
    for (const std::uint64_t lines : {1U, 2U}) {
      full->queue(0).push("lost");
      EXPECT_TRUE(eventually([&] { return full->write_failures() == lines; }));
    }
  }
  const std::string said = said_.str();
  EXPECT_THAT(said, HasSubstr("cannot write the log '/dev/full'"));
  EXPECT_EQ(said.find("cannot write"), said.rfind("cannot write")) << said;
  EXPECT_THAT(said, HasSubstr("2 lines are missing"));
}

TEST_F(Writer, LinesThatCannotBeWrittenAreCounted) {
  const auto full = LogFile::open("/dev/full", 1, log_);
  ASSERT_TRUE(full) << full.error().message();
  {
    const LogWriter writer{**full};
    (*full)->queue(0).push("one");
    (*full)->queue(0).push("two");
  }
  EXPECT_EQ((*full)->write_failures(), 2U);
}

TEST_F(Writer, AReaderThatTakesLittleAtATimeDelaysTheEndBySecondsAtMost) {
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  const int reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ::fcntl(reader, F_SETPIPE_SZ, 4096);
  const std::jthread slow{[reader](const std::stop_token& stop) {
    std::array<char, 4096> block{};
    for (; !stop.stop_requested(); std::this_thread::sleep_for(60ms)) (void)!::read(reader, block.data(), block.size());
  }};
  const auto log = open("pipe");
  const auto began = std::chrono::steady_clock::now();
  {
    const LogWriter writer{*log};
    for (int i = 0; i < 250; ++i) log->queue(0).push(std::string(4000, 'x'));
    std::this_thread::sleep_for(200ms);  // it is in the midst of writing, most likely; it ends in time either way
  }
  EXPECT_LT(std::chrono::steady_clock::now() - began, 8s) << "250 blocks at 60 ms would take 15 s";
  EXPECT_GT(log->write_failures(), 100U);
  ::close(reader);
}

TEST_F(Writer, LinesThatDoNotFitAreCountedOverAllWorkers) {
  const auto log = open("log", 2);
  const std::string large(3 * 1024 * 1024, 'x');
  EXPECT_FALSE(log->queue(0).push(large));
  EXPECT_FALSE(log->queue(1).push(large));
  EXPECT_EQ(log->dropped(), 2U);
}

TEST_F(Writer, AFileThatCannotBeOpenedIsAnErrorThatNamesIt) {
  const auto log = LogFile::open(path("no/such/folder/log"), 1, log_);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().kind(), base::ErrorKind::io);
  EXPECT_THAT(log.error().detail(), HasSubstr("no/such/folder/log"));
  EXPECT_THAT(log.error().detail(), HasSubstr("No such file"));
}

}  // namespace
}  // namespace picket::apps::gateway::logs
