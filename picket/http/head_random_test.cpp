#include <algorithm>
#include <array>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "picket/http/fields.hpp"
#include "picket/http/request_head.hpp"
#include "picket/http/response_head.hpp"

/// Heads that a seeded generator makes from the pieces that break parsers, each a little wrong or not at all.
namespace picket::http {
namespace {

class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string head() {
    std::string text = pick(methods) + pick(spaces) + pick(targets) + pick(spaces) + pick(versions) + pick(ends);
    text += "Host: " + pick(hosts) + pick(ends);
    for (std::size_t i = below(6); i != 0; --i) text += pick(names) + pick(colons) + pick(values) + pick(ends);
    text += pick(ends);
    if (below(4) == 0) mutate(text);
    return text;
  }

 private:
  using List = std::span<const std::string_view>;
  // What is right stands first and comes most often, so that many heads pass.
  static constexpr auto methods =
      std::to_array<std::string_view>({"GET", "POST", "HEAD", "OPTIONS", "G T", "", "M-SEARCH"});
  static constexpr auto spaces = std::to_array<std::string_view>({" ", " ", "  ", "\t"});
  static constexpr auto targets =
      std::to_array<std::string_view>({"/", "/a?b=c", "*", "http://a/", "/<>\"", "/\x7f", "", "/a b", "/#", "\\"});
  static constexpr auto versions =
      std::to_array<std::string_view>({"HTTP/1.1", "HTTP/1.0", "HTTP/1.9", "HTTP/2.0", "http/1.1", ""});
  static constexpr auto ends = std::to_array<std::string_view>({"\r\n", "\r\n", "\n", "\r", "\r\n ", "\r\r\n"});
  static constexpr auto hosts = std::to_array<std::string_view>({"a", "a:80", "", "[::1]", "a b", "[", "a:b", "\xff"});
  static constexpr auto names =
      std::to_array<std::string_view>({"A", "Content-Length", "Transfer-Encoding", "Connection", "Host", "Expect",
                                       "Upgrade", "Proxy-Connection", "Keep-Alive", "", "A B", "\x01"});
  static constexpr auto colons = std::to_array<std::string_view>({": ", ":", ":\t", " :", ""});
  static constexpr auto values = std::to_array<std::string_view>(
      {"b", "3", "chunked", "close", "keep-alive, upgrade", "", ", ,", "\"a, b\"", "100-continue", "a;b=c", "3, 3",
       "websocket", "\xff\t", "\x01", "gzip", "chunked, a/b"});

  std::size_t below(std::size_t n) { return random_() % n; }
  std::string pick(List list) {
    const std::size_t index = below(4) != 0 ? 0 : below(list.size());
    return std::string{*(list.begin() + index)};
  }
  void mutate(std::string& text) {
    const std::size_t at = below(text.size());
    switch (below(3)) {
      case 0: text[at] = static_cast<char>(random_()); break;
      case 1: text.erase(at, 1 + below(3)); break;
      default: text.insert(at, 1, static_cast<char>(random_()));
    }
  }

  std::mt19937 random_;
};

constexpr int rounds = 200'000;

TEST(RandomHeads, WhatPassesIsReadAsTheSameFieldsOnceItIsWrittenAgain) {
  Generator generator{20260101};
  base::Arena arena;
  int passed = 0;
  for (int i = 0; i < rounds; ++i) {
    const std::string head = generator.head();
    arena.reset();
    const auto [read, error] = read_request_head(head, {}, arena);
    if (error) continue;
    ++passed;
    // Written out again it is the same head, but for white space around values.
    base::Buffer out;
    out.append(std::string{read.method} + " " + std::string{read.target} +
               (read.version == 11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n"));
    for (const auto& field : read.headers) write_field(out, field.name, field.value);
    out.append("\r\n");
    const auto again = read_request_head(out.text(), {}, arena);
    ASSERT_FALSE(again.error) << ::testing::PrintToString(std::string{out.text()});
    ASSERT_EQ(again.head.framing, read.framing);
    ASSERT_TRUE(std::ranges::equal(again.head.headers, read.headers)) << ::testing::PrintToString(head);
  }
  EXPECT_GT(passed, rounds / 20) << "the generator makes too few good heads to prove anything";
  EXPECT_LT(passed, rounds / 2) << "the generator makes too few bad heads to prove anything";
}

TEST(RandomHeads, TheEndIsFoundWhereTheCheckFindsIt) {
  Generator generator{7};
  base::Arena arena;
  for (int i = 0; i < rounds; ++i) {
    const std::string head = generator.head();
    arena.reset();
    if (read_request_head(head, {}, arena).error) continue;
    const auto end = find_head_end(head, 0, {});
    ASSERT_FALSE(end.error) << end.error->reason << ::testing::PrintToString(head);
    ASSERT_EQ(end.size, head.size()) << ::testing::PrintToString(head);
  }
}

TEST(RandomHeads, NoResponseCrashesTheReader) {
  Generator generator{11};
  base::Arena arena;
  int parsed = 0;
  for (int i = 0; i < rounds / 4; ++i) {
    arena.reset();
    std::string head = generator.head();
    head.replace(0, std::min(head.find('\n'), head.size() - 1), "HTTP/1.1 200 OK\r");
    parsed += read_response_head(head, {}, i % 2 == 0, arena).has_value() ? 1 : 0;
  }
  EXPECT_GT(parsed, 100);
}

}  // namespace
}  // namespace picket::http
