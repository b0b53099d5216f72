#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/base/arena.hpp"
#include "picket/wire/value.hpp"

/// The test data that lies beside the checkout: vectors of the reference, suites of others. Never committed.
namespace picket::conformance {

/// One JSON file. Lifetime: the value lives in the arena it was loaded to.
struct Document {
  std::string name;  ///< Without folder and extension.
  wire::Value root;

  /// The text of a member; empty where there is none.
  [[nodiscard]] std::string_view text(std::string_view member) const;
  [[nodiscard]] const wire::Value& at(std::string_view member) const;
};

/// A test that needs a folder below shared/. Where that is absent it is skipped with a line, and fails if
/// PICKET_REQUIRE_SUITES=1 says that nothing may be skipped.
class SharedTest : public ::testing::Test {
 protected:
  explicit SharedTest(std::string folder = "vectors") : folder_(std::move(folder)) {}
  void SetUp() override;
  /// All JSON documents of a folder below shared/, in the order of their names.
  [[nodiscard]] std::vector<Document> load(const std::string& folder);

  base::Arena arena_{65536};

 private:
  std::string folder_;
};

[[nodiscard]] std::filesystem::path shared(const std::string& path);
[[nodiscard]] std::string read_file(const std::filesystem::path& file);
[[nodiscard]] std::string from_hex(std::string_view hex);

}  // namespace picket::conformance
