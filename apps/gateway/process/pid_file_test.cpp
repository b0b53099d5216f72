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
    PidFile file{path_};
    ASSERT_TRUE(file.write());
    std::filesystem::remove(path_);
    std::ofstream{path_} << "123456\n";
  }
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(PidFiles, AreWrittenAgainWhereAnotherHasTakenThePlace) {
  PidFile file{path_};
  ASSERT_TRUE(file.write());
  std::filesystem::remove(path_);
  std::ofstream{path_} << "123456\n";
  ASSERT_TRUE(file.write());
  EXPECT_EQ(PidFile::read(path_).value(), ::getpid());
}

TEST_F(PidFiles, OfAProcessThatIsGoneNameNobody) {
  std::ofstream{path_} << ::getpid() << '\n';
  const auto gone = PidFile::read(path_);
  ASSERT_FALSE(gone);
  EXPECT_NE(gone.error().detail().find("is gone"), std::string::npos);
}

TEST_F(PidFiles, ThatNameNothingOrCannotBeWrittenSaySo) {
  EXPECT_FALSE(PidFile::read(path_));
  for (const auto* const text : {"", "x", "0", "-5", "1"}) {
    std::ofstream{path_} << text;
    EXPECT_FALSE(PidFile::read(path_)) << text;
  }
  PidFile nowhere{folder_.path() / "none" / "picket.pid"};
  const auto written = nowhere.write();
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().detail().find("none/picket.pid"), std::string::npos);
  PidFile folder{folder_.path()};
  EXPECT_FALSE(folder.write());
  EXPECT_TRUE(std::filesystem::is_directory(folder_.path()));
}

TEST_F(PidFiles, OfNoPathAreNone) {
  PidFile none{{}};
  EXPECT_TRUE(none.write());
}

}  // namespace
}  // namespace picket::apps::gateway::process
