#include "apps/gateway/process/upgrade.hpp"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/testing/folder.hpp"

namespace picket::apps::gateway::process {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Upgrades : public ::testing::Test {
 protected:
  int of(const std::string& more) {
    const std::string rest = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";
    return upgrade(folder_.write("g.kdl", more + rest), 1s, out_, err_);
  }

  const config::testing::Folder folder_;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(Upgrades, OfAFileThatIsWrongAskNobodyAndGiveTwo) {
  EXPECT_EQ(of("limits { max-header-count 0 }"), 2);
  EXPECT_THAT(err_.str(), HasSubstr("max-header-count"));
}

TEST_F(Upgrades, OfAFileThatNamesNoProcessSayWhatToAddAndGiveTwo) {
  EXPECT_EQ(of(""), 2);
  EXPECT_THAT(err_.str(), HasSubstr("pid-file"));
}

TEST_F(Upgrades, OfAProcessThatIsGoneGiveOne) {
  const std::string pid_file = folder_.write("pid", "2147483647\n").string();
  EXPECT_EQ(of("system { pid-file \"" + pid_file + "\" }"), 1);
  EXPECT_THAT(err_.str(), HasSubstr("nothing to upgrade"));
  EXPECT_EQ(out_.str(), "");
}

}  // namespace
}  // namespace picket::apps::gateway::process
