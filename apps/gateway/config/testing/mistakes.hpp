#pragma once

#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/config/load.hpp"
#include "apps/gateway/config/testing/folder.hpp"

/// What tests of mistakes in a configuration share.
namespace picket::apps::gateway::config::testing {

/// A mistake, its place between « and ».
struct Case {
  std::string text;
  std::string_view message;
  std::string_view hint;
};

/// The text without its marks, and where they stood.
struct Marked {
  std::string text;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
  std::uint32_t length = 0;
};

inline Marked unmark(std::string_view text) {
  constexpr std::string_view open = "«";
  constexpr std::string_view close = "»";
  const std::size_t begin = text.find(open);
  const std::size_t end = text.find(close);
  Marked result;
  result.text = std::string(text.substr(0, begin));
  for (const char byte : result.text) {
    ++result.column;
    if (byte == '\n') {
      ++result.line;
      result.column = 1;
    }
  }
  const std::string_view inside = text.substr(begin + open.size(), end - begin - open.size());
  result.length = static_cast<std::uint32_t>(inside.size());
  result.text += inside;
  result.text += text.substr(end + close.size());
  return result;
}

/// A listener whose TLS has these keys.
inline std::string in_tls(std::string_view keys, std::string_view node = "tls") {
  return "listeners { listener \"b\" { address \"127.0.0.1:1\"; protocol \"https\"; " + std::string{node} + " { " +
         std::string{keys} + " } } }";
}

class Errors : public ::testing::Test {
 protected:
  /// Each case alone, within a file that is otherwise good.
  void expect_each(std::span<const Case> cases, std::string_view before, std::string_view after) {
    for (const auto& [text, message, hint] : cases) {
      SCOPED_TRACE(text);
      const Marked marked = unmark(std::string(before) + std::string(text) + std::string(after));
      const auto file = folder_.write("gateway.kdl", marked.text);
      const Loaded loaded = load(file, variables({}));
      ASSERT_FALSE(loaded.has_value());
      for (std::size_t i = 1; i < loaded.error().size(); ++i) ADD_FAILURE() << render(loaded.error()[i], false);
      const Diagnostic& found = loaded.error().front();
      EXPECT_EQ(found.file, file.string());
      EXPECT_EQ(found.line, marked.line) << render(found, false);
      EXPECT_EQ(found.column, marked.column) << render(found, false);
      EXPECT_EQ(found.length, marked.length) << render(found, false);
      EXPECT_EQ(found.message, message);
      EXPECT_EQ(found.hint, resolve_folder(hint));
    }
  }

  /// DIR in an expectation stands for the test's folder.
  std::string resolve_folder(std::string_view text) const {
    std::string result(text);
    if (const std::size_t at = result.find("DIR"); at != std::string::npos)
      result.replace(at, 3, folder_.path().string());
    return result;
  }

  const testing::Folder folder_;
};

inline constexpr std::string_view rest = R"(
listeners { listener "web" { address "127.0.0.1:8080" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { route "all" { upstream "app" } }
)";

inline constexpr std::string_view agent_begin = "agents {\n\tagent \"waf\" {\n\t\tbinary-uds \"/waf.sock\"\n\t\t";
inline constexpr std::string_view agent_end =
    "\n\t}\n}\n"
    "listeners { listener \"web\" { address \"127.0.0.1:8080\" } }\n"
    "upstreams { upstream \"app\" { target \"127.0.0.1:9000\" } }\n"
    "routes { route \"all\" { upstream \"app\" } }\n";

}  // namespace picket::apps::gateway::config::testing
