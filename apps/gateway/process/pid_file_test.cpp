#include "apps/gateway/process/pid_file.hpp"

#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <unistd.h>

#include "picket/transport/testing.hpp"

namespace picket::apps::gateway::process {
namespace {

class PidFiles : public ::testing::Test {
 protected:
  transport::testing::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_.path() / "picket.pid";
};

TEST_F(PidFiles, NameThisProcessUntilTheyEnd) {
  std::optional<PidFile> file;
  file.emplace(path_);
  ASSERT_TRUE(file->write());
  EXPECT_EQ(PidFile::read(path_).value(), ::getpid());
  file.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PidFiles, OfAnotherProcessStay) {
  {
    const PidFile file{path_};
    ASSERT_TRUE(file.write());
    std::ofstream{path_} << "123456\n";
  }
  EXPECT_EQ(PidFile::read(path_).value(), 123456);
}

TEST_F(PidFiles, ThatNameNothingOrCannotBeWrittenSaySo) {
  EXPECT_FALSE(PidFile::read(path_));
  for (const auto* const text : {"", "x", "0", "-5", "1"}) {
    std::ofstream{path_} << text;
    EXPECT_FALSE(PidFile::read(path_)) << text;
  }
  const PidFile nowhere{folder_.path() / "none" / "picket.pid"};
  const auto written = nowhere.write();
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().detail().find("none/picket.pid"), std::string::npos);
}

TEST_F(PidFiles, OfNoPathAreNone) {
  const PidFile none{{}};
  EXPECT_TRUE(none.write());
}

}  // namespace
}  // namespace picket::apps::gateway::process
