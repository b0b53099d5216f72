#include "picket/http/path_readings.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

std::vector<std::string> readings(std::string_view path) {
  base::Arena arena;
  const auto all = readings_of(path, arena);
  return all ? std::vector<std::string>{all->begin(), all->end()} : std::vector<std::string>{"too many"};
}

TEST(PathReadings, APlainPathHasOne) {
  for (const auto* const path : {"/", "/a/b.c/", "/.well-known/x", "/..a/...b", "/a.b/-_~!$&'()*+,=:@"}) {
    EXPECT_TRUE(has_one_reading(path)) << path;
    EXPECT_THAT(readings(path), ElementsAre(path));
  }
}

TEST(PathReadings, EachStepIsTaken) {
  EXPECT_THAT(readings("/%61"), UnorderedElementsAre("/%61", "/a"));
  EXPECT_THAT(readings("/%2561"), UnorderedElementsAre("/%2561", "/%61", "/a"));
  EXPECT_THAT(readings("/%252561"), UnorderedElementsAre("/%252561", "/%2561", "/%61"));
  EXPECT_THAT(readings("/a%5cb"), UnorderedElementsAre("/a%5cb", "/a\\b", "/a/b"));
  EXPECT_THAT(readings("/a//b"), UnorderedElementsAre("/a//b", "/a/b"));
  EXPECT_THAT(readings("//a/b"), UnorderedElementsAre("//a/b", "/a/b", "/b"));
  EXPECT_THAT(readings("/a%09b"), UnorderedElementsAre("/a%09b", "/a\tb", "/ab"));
  EXPECT_THAT(readings("/a;v/b"), UnorderedElementsAre("/a;v/b", "/a/b", "/a"));
  EXPECT_THAT(readings("/a%3fb"), UnorderedElementsAre("/a%3fb", "/a?b", "/a"));
  EXPECT_THAT(readings("/a%23b"), UnorderedElementsAre("/a%23b", "/a#b", "/a"));
  EXPECT_THAT(readings("/a%00b"), UnorderedElementsAre("/a%00b", std::string("/a\0b", 4), "/a", "/ab"));
  EXPECT_THAT(readings("/a%c0%afb"), UnorderedElementsAre("/a%c0%afb",
                                                          "/a\xc0\xaf"
                                                          "b",
                                                          "/a/b"));
  EXPECT_THAT(readings("/a%u002fb"), UnorderedElementsAre("/a%u002fb", "/a/b"));
  EXPECT_THAT(readings("/a%20/b"), UnorderedElementsAre("/a%20/b", "/a /b", "/a/b"));
  EXPECT_THAT(readings("/a./b"), UnorderedElementsAre("/a./b", "/a/b"));
  EXPECT_THAT(readings("/a/b.."), UnorderedElementsAre("/a/b..", "/a/b"));
}

TEST(PathReadings, DotSegmentsAreThoseOfRfc3986) {
  const std::array<std::array<std::string_view, 2>, 9> cases{{{"/a/./b", "/a/b"},
                                                              {"/a/../b", "/b"},
                                                              {"/../a", "/a"},
                                                              {"/a/..", "/"},
                                                              {"/a/.", "/a/"},
                                                              {"/.", "/"},
                                                              {"/..", "/"},
                                                              {"/a/b/../../c", "/c"},
                                                              {"/a/b/..", "/a/"}}};
  for (const auto& [path, resolved] : cases) EXPECT_THAT(readings(path), UnorderedElementsAre(path, resolved)) << path;
}

/// What servers that exist make of these paths.
TEST(PathReadings, WhatServersAreKnownToReadIsAmongThem) {
  const struct {
    std::string_view path;
    std::string_view reading;
  } cases[] = {
      {"/x%5cy/../admin/secret.txt", "/x/admin/secret.txt"},  // a backslash is a slash once the path is decoded
      {"/x%5cy/../admin/secret.txt", "/admin/secret.txt"},    // and is not (nginx)
      {"/x%2fy/../admin", "/admin"},                          // dot segments before the escapes (WHATWG)
      {"/x%2f..%2fadmin", "/admin"},
      {"/app//../admin", "/admin"},      // slashes merged before
      {"/app//../admin", "/app/admin"},  // and not
      {"/x/..;/admin", "/admin"},        // Tomcat
      {"/x/..;a=b/admin", "/admin"},
      {"/admin;v=1/x", "/admin/x"},
      {"/x/%2e%2e%3ba/admin", "/admin"},
      {"/admin%3fx/y", "/admin"},
      {"/admin%2523x", "/admin"},
      {"/a/%252e%252e%252fadmin", "/admin"},
      {"/%5c%5cadmin", "/admin"},
      {"/public/%2e%2e/admin%2f..%2fx", "/admin%2f..%2fx"},  // only what is unreserved decoded
      {"/x%2f..%2fadmin/%2e%2e/", "/admin/%2e%2e/"},         // only slashes decoded
      {"/%2561dmin%2f", "/%61dmin%2f"},                      // all but slashes decoded
      {"//x/admin", "/admin"},                               // Node's new URL(path, base)
      {"/%2fx/admin", "/admin"},
      {"/ad%0amin%20", "/admin"},
      {"/x/%c0%ae%c0%ae/admin", "/admin"},
      {"/%u0061dmin", "/admin"},
      {"/x/%e0%80%ae%e0%80%ae/admin", "/admin"},  // overlong UTF-8 of every length
      {"/%f0%80%81%a1dmin", "/admin"},
      {"/x%f0%80%80%af..%f8%80%80%80%afadmin", "/admin"},
      {"/x%fc%80%80%80%80%af../admin", "/admin"},
      {"/%25c1%25a1dmin", "/admin"},
      {"/x%c0%2f..%c1%1cadmin", "/admin"},        // second bytes that are none
      {"/admin%e0%80%bfx/y", "/admin"},           // ?
      {"/admin%e0%80%bbv=1", "/admin"},           // ;
      {"/x%ef%bc%8f..%ef%bc%8fadmin", "/admin"},  // full width
      {"/%ef%bd%81dmin", "/admin"},
      {"/x%uff0f../admin", "/admin"},
      {"/%uff41dmin", "/admin"},
      {"/x%u2215..%u2216admin", "/admin"},
      {"/x%e2%88%95%e2%80%a4%e2%80%a4%e2%88%95admin", "/admin"},
      {"/ad%00min", "/admin"},  // what is dropped
      {"/ad%0bmin%7f/x", "/admin/x"},
      {"/admin%20/x", "/admin/x"},  // Windows
      {"/admin%a0", "/admin"},
      {"/admin%85/", "/admin/"},
      {"/admin./x", "/admin/x"},
      {"/admin%2e%20./x", "/admin/x"},
      {"/x/.. /admin", "/admin"},
  };
  for (const auto& [path, reading] : cases) EXPECT_THAT(readings(path), ::testing::Contains(reading)) << path;
}

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string path() {
    std::string text = "/";
    for (std::size_t i = 1 + below(7); i != 0; --i) text += pieces[below(std::size(pieces))];
    return text;
  }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  static constexpr std::string_view pieces[] = {
      "a",   "b",     "/",      "/",      "//",        "/..",       "/.",     "..",   ";",   ";x=1",
      "%2f", "%2F",   "%5c",    "%2e",    "%252e",     "%252f",     "%255c",  "%3b",  "%3f", "%23",
      "%00", "%253f", "%c0%af", "%u002e", "%e0%80%af", "%ef%bc%8f", "%uff0e", "%20/", "./",  "%a0",
      "%",   "%2",    "%zz",    "%25",    "%61",       "%20",       "%0a",    "\\"};

  std::mt19937 random_;
};

/// The law of the table: whatever chain of steps a reader applies, with two decodings at most, its reading is there.
TEST(PathReadings, AreClosedUnderEveryChainOfSteps) {
  Generator generator{20260301};
  base::Arena arena;
  int judged = 0;
  for (int round = 0; round < 4'000; ++round) {
    arena.reset();
    const std::string path = generator.path();
    const auto all = readings_of(path, arena);
    if (!all) continue;
    ++judged;
    if (has_one_reading(path)) EXPECT_EQ(all->size(), 1) << path;
    std::string_view read = path;
    std::size_t decodings = 0;
    for (std::size_t i = generator.below(10); i != 0; --i) {
      const ReadingStep& step = reading_steps()[generator.below(reading_steps().size())];
      if (step.decodes && ++decodings > max_decodings) break;
      read = step.apply(read, arena);
      ASSERT_THAT(*all, ::testing::Contains(read)) << path << " after " << step.name;
    }
  }
  EXPECT_GT(judged, 2'000);
}

TEST(PathReadings, HonestPathsHaveFew) {
  for (const auto* const path :
       {"/a%20b/c%2Fd.txt", "/search/caf%C3%A9/x;page=2", "/proxy/https%3A%2F%2Fa.test%2Fb%3Fc%3Dd",
        "/a//b/./c;v=1/d%20e", "/%E4%BD%A0%E5%A5%BD/%E4%B8%96%E7%95%8C", "/files/100%25/x"})
    EXPECT_LE(readings(path).size(), 40) << path;
}

TEST(PathReadings, HostilePathsEndAtTheLimits) {
  std::string many;
  while (many.size() < 200) many += "/a%255c%2f..;x//%3f;%23/./%00%252e%u002e%c0%ae";
  EXPECT_THAT(readings(many), ElementsAre("too many"));
  const std::string large = "/%20" + std::string(max_reading_bytes, 'a');
  EXPECT_THAT(readings(large), ElementsAre("too many"));
  base::Arena arena;
  std::string_view all = many;
  EXPECT_FALSE(readings_of(all, arena));
  EXPECT_LT(arena.reserved(), 16 * max_reading_bytes);
}

}  // namespace
}  // namespace picket::http
