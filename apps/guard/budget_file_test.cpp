#include "apps/guard/budget_file.hpp"

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

namespace picket::apps::guard {
namespace {

using std::chrono::seconds;

/// A file of its own for each test.
struct BudgetFileTest : ::testing::Test {
  BudgetFileTest() { remove(); }
  ~BudgetFileTest() override { remove(); }
  void remove() const {
    for (const char* const suffix : {"", ".new", ".lock", ".link", ".link.new", ".link.lock"})
      std::remove((file + suffix).c_str());
  }
  [[nodiscard]] std::string text() const {
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
  }
  static bool becomes(const std::function<bool()>& holds) {
    const auto give_up = std::chrono::steady_clock::now() + seconds{30};
    while (!holds()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
  }
  std::string file = ::testing::TempDir() + "picket_" + ::testing::UnitTest::GetInstance()->current_test_info()->name();
  BudgetTerms terms{.tokens = 10};
  Budget::Time now = std::chrono::floor<seconds>(std::chrono::system_clock::now());
  std::string key = Budget::name_of_key("k");
};

TEST_F(BudgetFileTest, WhatWasSpentOutlivesTheProcess) {
  {
    Budget budget{terms};
    const auto opened = BudgetFile::open(file, budget, {});
    ASSERT_TRUE(opened) << opened.error().detail();
    budget.spend(key, 10, now);
  }
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  Budget again{terms};
  ASSERT_TRUE(BudgetFile::open(file, again, {}));
  EXPECT_GT(again.wait_of(key, now), seconds{0});
}

TEST_F(BudgetFileTest, IsWrittenWhileTheProgramRuns) {
  Budget budget{terms};
  const auto opened = BudgetFile::open(file, budget, {}, std::chrono::milliseconds{5});
  ASSERT_TRUE(opened);
  budget.spend(key, 10, now);
  EXPECT_TRUE(becomes([this] { return text().find(" 10\n") != std::string::npos; }));
}

TEST_F(BudgetFileTest, OneThatAnotherHasIsAnError) {
  Budget budget{terms};
  {
    const auto opened = BudgetFile::open(file, budget, {});
    ASSERT_TRUE(opened);
    Budget other{terms};
    const auto again = BudgetFile::open(file, other, {});
    ASSERT_FALSE(again);
    EXPECT_NE(again.error().detail().find("another process"), std::string::npos);
  }
  EXPECT_TRUE(BudgetFile::open(file, budget, {}));
}

TEST_F(BudgetFileTest, ALinkToItHasItsLockAndStaysOne) {
  const std::string link = file + ".link";
  const std::string name = std::filesystem::path{file}.filename();
  for (const std::string& target : {file, name}) {  // of which the first is not there yet
    std::filesystem::remove(link);
    std::filesystem::create_symlink(target, link);
    {
      Budget budget{terms};
      const auto opened = BudgetFile::open(link, budget, {});
      ASSERT_TRUE(opened) << opened.error().detail();
      Budget other{terms};
      EXPECT_FALSE(BudgetFile::open(file, other, {})) << "under its own name";
      budget.spend(key, 5, now);
    }
    EXPECT_TRUE(std::filesystem::is_symlink(link));
    EXPECT_FALSE(std::filesystem::is_symlink(file));
  }
  Budget again{terms};
  ASSERT_TRUE(BudgetFile::open(file, again, {}));
  EXPECT_GT(again.wait_of(key, now), seconds{0}) << "twice five";
}

TEST_F(BudgetFileTest, LinksInACircleAreAnError) {
  const std::string link = file + ".link";
  std::filesystem::create_symlink(link, file);
  std::filesystem::create_symlink(file, link);
  Budget budget{terms};
  EXPECT_FALSE(BudgetFile::open(file, budget, {}));
}

TEST_F(BudgetFileTest, WhereTheDiskIsFullTheLastOneStaysAndThatIsSaidOnceUntilItIsWritten) {
  Budget budget{terms};
  std::atomic<int> complaints = 0;
  const auto opened =
      BudgetFile::open(file, budget, [&](std::string_view) { ++complaints; }, std::chrono::milliseconds{5});
  ASSERT_TRUE(opened);
  budget.spend(key, 4, now);
  ASSERT_TRUE(becomes([this] { return text().find(" 4\n") != std::string::npos; }));
  const std::string last = text();
  // As little as no file may have.
  const auto before = ::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit little{.rlim_cur = 10, .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &little);
  budget.spend(key, 6, now);
  const bool was_said = becomes([&] { return complaints > 0; });
  std::this_thread::sleep_for(std::chrono::milliseconds{50});
  const std::string kept = text();
  const int said = complaints;
  ::setrlimit(RLIMIT_FSIZE, &limit);
  ::signal(SIGXFSZ, before);
  EXPECT_TRUE(was_said);
  EXPECT_EQ(said, 1);
  EXPECT_EQ(kept, last);
  EXPECT_TRUE(becomes([this] { return text().find(" 10\n") != std::string::npos; }));
}

TEST_F(BudgetFileTest, AFileThatIsNoneOrCannotBeWrittenIsAnErrorWithItsName) {
  std::ofstream{file} << "something else\n";
  Budget budget{terms};
  const auto other = BudgetFile::open(file, budget, {});
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().detail().find(file), std::string::npos);
  EXPECT_FALSE(BudgetFile::open("/nonexistent/budget", budget, {}));
}

}  // namespace
}  // namespace picket::apps::guard
