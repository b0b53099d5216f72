#include <filesystem>
#include <string>

#include "picket/kdl/parser.hpp"
#include "picket/kdl/writer.hpp"
#include "tests/conformance/shared.hpp"

/// The official cases of KDL 2: what is read, in which form it is written, and what is refused.
namespace picket::conformance {
namespace {

namespace fs = std::filesystem;

class KdlSuite : public SharedTest {
 protected:
  KdlSuite() : SharedTest("suites/kdl-v2") {}

  const fs::path folder_ = shared("suites/kdl-v2");
};

TEST_F(KdlSuite, EveryCaseIsWrittenAsExpectedOrRefused) {
  std::size_t cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "input")) {
    const fs::path name = entry.path().filename();
    SCOPED_TRACE(name);
    ++cases;
    const kdl::Parsed parsed = kdl::parse(read_file(entry.path()));
    const fs::path expected = folder_ / "expected_kdl" / name;
    ASSERT_EQ(fs::exists(expected), !name.stem().string().ends_with("_fail"));
    EXPECT_EQ(parsed.errors.empty(), fs::exists(expected));
    if (fs::exists(expected)) EXPECT_EQ(kdl::write(parsed.nodes), read_file(expected));
  }
  EXPECT_EQ(cases, 336U);
}

TEST_F(KdlSuite, EveryExpectedFormIsWrittenAsItself) {
  std::size_t cases = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "expected_kdl")) {
    SCOPED_TRACE(entry.path().filename());
    ++cases;
    const std::string text = read_file(entry.path());
    const kdl::Parsed parsed = kdl::parse(text);
    EXPECT_TRUE(parsed.errors.empty());
    EXPECT_EQ(kdl::write(parsed.nodes), text);
  }
  EXPECT_EQ(cases, 241U);
}

TEST_F(KdlSuite, EveryRefusalNamesAPlaceTheProblemAndWhatToDo) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "input")) {
    if (!entry.path().stem().string().ends_with("_fail")) continue;
    SCOPED_TRACE(entry.path().filename());
    const std::string text = read_file(entry.path());
    for (const kdl::Error& error : kdl::parse(text).errors) {
      EXPECT_LE(error.at.begin, error.at.end);
      EXPECT_LE(error.at.begin, text.size());
      EXPECT_FALSE(error.message.empty());
      EXPECT_FALSE(error.hint.empty());
    }
  }
}

}  // namespace
}  // namespace picket::conformance
