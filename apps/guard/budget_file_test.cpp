#include "apps/guard/budget_file.hpp"

#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace picket::apps::guard {
namespace {

using std::chrono::seconds;

/// A file of its own for each test.
struct BudgetFileTest : ::testing::Test {
  BudgetFileTest() { std::remove(file.c_str()); }
  ~BudgetFileTest() override { std::remove(file.c_str()); }
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
  const auto give_up = std::chrono::steady_clock::now() + seconds{30};
  for (;;) {
    std::ifstream in{file};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    if (text.find(" 10\n") != std::string::npos) break;
    ASSERT_LT(std::chrono::steady_clock::now(), give_up);
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
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
