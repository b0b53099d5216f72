#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <spdlog/logger.h>

#include "apps/gateway/logs/log_writer.hpp"
#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::logs {
namespace {

constexpr std::size_t workers = 3;
constexpr std::uint64_t lines_each = 50'000;

TEST(LogRace, WorkersLogWhileTheFileIsWrittenReopenedAndItsCountersRead) {
  const transport::testing::TemporaryFolder folder;
  const std::string path = (folder.path() / "log").string();
  spdlog::logger nowhere{"nowhere"};
  const auto log = LogFile::open(path, workers, nowhere).value();
  {
    LogWriter writer{*log};
    std::vector<std::jthread> threads;
    for (std::size_t worker = 0; worker < workers; ++worker)
      threads.emplace_back([&, worker] {
        for (std::uint64_t i = 0; i < lines_each; ++i) log->queue(worker).push(std::string(i % 60, '.') + "end");
      });
    for (int i = 0; i < 100; ++i) {
      writer.reopen();
      EXPECT_EQ(log->write_failures(), 0U);
      EXPECT_LE(log->dropped(), workers * lines_each);
      std::this_thread::yield();
    }
  }  // the workers end, then the writer

  std::uint64_t written = 0;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line); ++written) {
    ASSERT_TRUE(line.ends_with("end")) << line;
    ASSERT_EQ(line.find("end"), line.size() - 3) << "two lines in one";
  }
  EXPECT_EQ(written + log->dropped(), workers * lines_each);
}

}  // namespace
}  // namespace picket::apps::gateway::logs
