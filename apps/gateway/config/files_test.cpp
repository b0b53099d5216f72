#include "apps/gateway/config/files.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/config/testing/folder.hpp"
#include "picket/kdl/writer.hpp"

namespace picket::apps::gateway::config {
namespace {

namespace fs = std::filesystem;

/// "FILE:LINE: message | hint" for each problem, with the folder's path taken out.
std::vector<std::string> told(const Files& files, const fs::path& folder) {
  std::vector<std::string> result;
  for (const Diagnostic& d : diagnose(files.sources, files.problems)) {
    std::string text = d.file + ":" + std::to_string(d.line) + ": " + d.message + " | " + d.hint;
    const std::string prefix = folder.string();
    for (std::size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.replace(at, prefix.size(), "DIR");
    result.push_back(std::move(text));
  }
  return result;
}

TEST(Files, IncludesAreReplacedByWhatTheyBringInOrderOfName) {
  const testing::Folder folder;
  folder.write("conf.d/b.kdl", "b");
  folder.write("conf.d/a.kdl", "a1; a2");
  folder.write("conf.d/ignored.txt", "no");
  const fs::path main = folder.write("main.kdl", "first\ninclude \"conf.d/*.kdl\"\nlast");
  const Files files = read_files(main, testing::variables({}));
  EXPECT_EQ(kdl::write(files.nodes), "first\na1\na2\nb\nlast\n");
  EXPECT_TRUE(files.problems.empty());
  EXPECT_TRUE(files.complete);
}

TEST(Files, IncludesAreRelativeToTheFileThatSaysThem) {
  const testing::Folder folder;
  folder.write("a/one.kdl", "include \"two.kdl\"");
  folder.write("a/two.kdl", "include \"../b/?.kdl\"");
  folder.write("b/3.kdl", "three 1x");
  const fs::path main = folder.write("main.kdl", "include \"a/one.kdl\"");
  const Files files = read_files(main, testing::variables({}));
  EXPECT_EQ(kdl::write(files.nodes), "three\n");
  EXPECT_EQ(told(files, folder.path()),
            (std::vector<std::string>{"DIR/a/../b/3.kdl:1: \"1x\" is not a number: \"x\" does not belong to a number | "
                                      "put text that begins with a digit into quotes"}));
  EXPECT_FALSE(files.complete);
}

TEST(Files, IncludeTakesAnAbsolutePathAndVariables) {
  const testing::Folder folder;
  folder.write("x/a.kdl", "a");
  const fs::path main = folder.write("main.kdl", "include \"${WHERE}/*.kdl\"");
  const Files files = read_files(main, testing::variables({{"WHERE", (folder.path() / "x").string()}}));
  EXPECT_EQ(kdl::write(files.nodes), "a\n");
}

TEST(Files, FolderWithGlobCharactersInItsNameIsTakenAsItIs) {
  const testing::Folder folder;
  folder.write("[ab]*/in.kdl", "right");
  folder.write("a/in.kdl", "wrong");
  const fs::path main = folder.write("[ab]*/main.kdl", "include \"in*.kdl\"");
  EXPECT_EQ(kdl::write(read_files(main, testing::variables({})).nodes), "right\n");
}

TEST(Files, GlobThatMatchesNothingBringsNothing) {
  const testing::Folder folder;
  const Files files = read_files(folder.write("main.kdl", "include \"no/*.kdl\""), testing::variables({}));
  EXPECT_TRUE(files.problems.empty());
  EXPECT_TRUE(files.complete);
}

TEST(Files, WhatCantBeIncludedIsToldWhereItIsIncluded) {
  struct Case {
    std::string_view text;
    std::string_view told;
  };
  const testing::Folder folder;
  folder.write("loop.kdl", "include \"main.kdl\"");
  folder.write("part.kdl", "a");
  fs::create_directories(folder.path() / "folder");
  for (const auto& [text, expected] : {
           Case{"\ninclude \"gone.kdl\"", "DIR/main.kdl:2: there is no file \"gone.kdl\" | it is looked for in DIR"},
           Case{"include \"main.kdl\"", "DIR/main.kdl:1: \"DIR/main.kdl\" would include itself | remove this include"},
           Case{"include \"loop.kdl\"", "DIR/loop.kdl:1: \"DIR/main.kdl\" would include itself | remove this include"},
           Case{"include \"part.kdl\"\ninclude \"./part.kdl\"",
                "DIR/main.kdl:2: \"DIR/./part.kdl\" is included twice | first at DIR/main.kdl:1"},
           Case{"include \"folder\"",
                "DIR/main.kdl:1: can't read \"DIR/folder\": Is a directory | check its permissions"},
           Case{"include", "DIR/main.kdl:1: \"include\" takes one text, the names of files | include \"conf.d/*.kdl\""},
           Case{"include 5",
                "DIR/main.kdl:1: \"include\" takes one text, the names of files | include \"conf.d/*.kdl\""},
           Case{"include \"a\" \"b\"",
                "DIR/main.kdl:1: \"include\" takes one text, the names of files | include \"conf.d/*.kdl\""},
           Case{"include \"\"",
                "DIR/main.kdl:1: \"include\" takes one text, the names of files | include \"conf.d/*.kdl\""},
       }) {
    SCOPED_TRACE(text);
    const Files files = read_files(folder.write("main.kdl", text), testing::variables({}));
    EXPECT_EQ(told(files, folder.path()), (std::vector<std::string>{std::string(expected)}));
    EXPECT_FALSE(files.complete);
  }
}

TEST(Files, NumberIsBounded) {
  const testing::Folder folder;
  for (std::size_t i = 0; i < max_files; ++i) folder.write("f/" + std::to_string(1000 + i), "");
  const Files files = read_files(folder.write("main.kdl", "include \"f/*\""), testing::variables({}));
  EXPECT_EQ(told(files, folder.path()),
            (std::vector<std::string>{"DIR/main.kdl:1: more than 256 files | join some of them"}));
}

TEST(Files, MainFileThatCantBeReadIsToldWithoutALine) {
  const testing::Folder folder;
  EXPECT_EQ(told(read_files(folder.path() / "none.kdl", testing::variables({})), folder.path()),
            (std::vector<std::string>{"DIR/none.kdl:0: can't read this file: No such file or directory | "
                                      "check its name and its permissions"}));
  EXPECT_EQ(
      told(read_files(folder.path(), testing::variables({})), folder.path()),
      (std::vector<std::string>{"DIR:0: can't read this file: Is a directory | check its name and its permissions"}));
}

}  // namespace
}  // namespace picket::apps::gateway::config
