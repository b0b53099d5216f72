#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "picket/kdl/parser.hpp"
#include "picket/kdl/writer.hpp"

namespace picket::kdl {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The official cases of KDL 2, where they are beside the checkout.
class OfficialSuite : public testing::Test {
 protected:
  void SetUp() override {
    if (!fs::is_directory(folder_)) GTEST_SKIP() << "the official KDL cases are not at " << folder_;
  }
  const fs::path folder_ = fs::path(PICKET_SOURCE_DIR) / "../shared/suites/kdl-v2";
};

TEST_F(OfficialSuite, EveryCaseIsWrittenAsExpectedOrRefused) {
  std::size_t cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "input")) {
    const fs::path name = entry.path().filename();
    SCOPED_TRACE(name);
    ++cases;
    const Parsed parsed = parse(read(entry.path()));
    const fs::path expected = folder_ / "expected_kdl" / name;
    ASSERT_EQ(fs::exists(expected), !name.stem().string().ends_with("_fail"));
    EXPECT_EQ(parsed.errors.empty(), fs::exists(expected));
    if (fs::exists(expected)) EXPECT_EQ(write(parsed.nodes), read(expected));
  }
  EXPECT_EQ(cases, 336U);
}

TEST_F(OfficialSuite, EveryExpectedFormIsWrittenAsItself) {
  std::size_t cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "expected_kdl")) {
    SCOPED_TRACE(entry.path().filename());
    ++cases;
    const std::string text = read(entry.path());
    const Parsed parsed = parse(text);
    EXPECT_TRUE(parsed.errors.empty());
    EXPECT_EQ(write(parsed.nodes), text);
  }
  EXPECT_EQ(cases, 241U);
}

TEST_F(OfficialSuite, EveryRefusalNamesAPlaceTheProblemAndWhatToDo) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "input")) {
    if (!entry.path().stem().string().ends_with("_fail")) continue;
    SCOPED_TRACE(entry.path().filename());
    const std::string text = read(entry.path());
    for (const Error& error : parse(text).errors) {
      EXPECT_LE(error.at.begin, error.at.end);
      EXPECT_LE(error.at.begin, text.size());
      EXPECT_FALSE(error.message.empty());
      EXPECT_FALSE(error.hint.empty());
    }
  }
}

}  // namespace
}  // namespace picket::kdl
