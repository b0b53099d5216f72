#include "tests/conformance/shared.hpp"

#include <cstdlib>
#include <optional>
#include <string>

#include <gtest/gtest-spi.h>

namespace picket::conformance {
namespace {

using Outcome = testing::TestPartResult::Type;
constexpr auto variable = "PICKET_REQUIRE_SUITES";

/// A test whose suite is not there.
class Absent : public SharedTest {
 public:
  Absent() : SharedTest("suites/a suite that nobody has") {}
  void SetUp() override { SharedTest::SetUp(); }

 private:
  void TestBody() override {}
};

/// What becomes of it where the variable has this value.
Outcome outcome(const char* required) {
  const char* const before = std::getenv(variable);
  const auto kept = before == nullptr ? std::nullopt : std::optional<std::string>{before};
  required == nullptr ? ::unsetenv(variable) : ::setenv(variable, required, 1);
  testing::TestPartResultArray results;
  {
    testing::ScopedFakeTestPartResultReporter reporter{
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &results};
    Absent{}.SetUp();
  }
  kept ? ::setenv(variable, kept->c_str(), 1) : ::unsetenv(variable);
  return results.size() == 1 ? results.GetTestPartResult(0).type() : Outcome::kSuccess;
}

TEST(AbsentSuite, IsSkippedUnlessSuitesAreRequired) {
  EXPECT_EQ(outcome(nullptr), Outcome::kSkip);
  EXPECT_EQ(outcome("0"), Outcome::kSkip);
  EXPECT_EQ(outcome("1"), Outcome::kFatalFailure);
}

}  // namespace
}  // namespace picket::conformance
