#include "tests/conformance/shared.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "picket/wire/testing/json_oracle.hpp"

namespace picket::conformance {

std::filesystem::path shared(const std::string& path) {
  return std::filesystem::path{PICKET_SOURCE_DIR}.parent_path() / "shared" / path;
}

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

std::string from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned char byte = 0;
    std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

std::string_view Document::text(std::string_view member) const {
  const auto* const value = root.find(member);
  const auto* const words = value == nullptr ? nullptr : value->get<std::string_view>();
  return words == nullptr ? std::string_view{} : *words;
}

const wire::Value& Document::at(std::string_view member) const {
  static const wire::Value nothing{};
  const auto* const value = root.find(member);
  return value == nullptr ? nothing : *value;
}

void SharedTest::SetUp() {
  if (std::filesystem::is_directory(shared(folder_))) return;
  const char* const required = std::getenv("PICKET_REQUIRE_SUITES");
  if (required != nullptr && std::string_view{required} == "1")
    FAIL() << "no " << shared(folder_) << " beside this checkout, and PICKET_REQUIRE_SUITES=1";
  GTEST_SKIP() << "no " << shared(folder_) << " beside this checkout";
}

std::vector<Document> SharedTest::load(const std::string& folder) {
  std::vector<Document> documents;
  simdjson::dom::parser parser;  // another one than is tested; some documents are nested deeper than ours allows, too
  for (const auto& entry : std::filesystem::directory_iterator{shared(folder)}) {
    if (entry.path().extension() != ".json") continue;
    documents.push_back(
        {entry.path().stem().string(), wire::testing::value_of(parser.load(entry.path().string()), arena_)});
  }
  std::ranges::sort(documents, {}, &Document::name);
  return documents;
}

}  // namespace picket::conformance
