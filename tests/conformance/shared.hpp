#pragma once

#include <filesystem>
#include <string>
#include <string_view>
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

/// Skips its tests, with a line, where the data is absent.
class SharedTest : public ::testing::Test {
 protected:
  void SetUp() override;
  /// All JSON documents of a folder below shared/, in the order of their names.
  [[nodiscard]] std::vector<Document> load(const std::string& folder);

  base::Arena arena_{65536};
};

[[nodiscard]] std::filesystem::path shared(const std::string& path);
[[nodiscard]] std::string read_file(const std::filesystem::path& file);
[[nodiscard]] std::string from_hex(std::string_view hex);

}  // namespace picket::conformance
