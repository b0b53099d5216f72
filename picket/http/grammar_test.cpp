#include "picket/http/grammar.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

using namespace std::string_view_literals;

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n"; }

TEST(Grammar, ATokenIsVisibleAsciiWithoutDelimiters) {
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    const bool is_visible = c > 0x20 && c < 0x7F;
    const bool is_delimiter = "\"(),/:;<=>?@[\\]{}"sv.find(character) != std::string_view::npos;
    EXPECT_EQ(is_token({&character, 1}), is_visible && !is_delimiter) << c;
  }
  EXPECT_TRUE(is_token("x-a"));
  EXPECT_FALSE(is_token(""));
  EXPECT_FALSE(is_token("x a"));
}

TEST(Grammar, AValueHasNoControlCharacterButTheTab) {
  for (int c = 0; c < 256; ++c) {
    const char character = static_cast<char>(c);
    EXPECT_EQ(is_field_value({&character, 1}), c == '\t' || (c >= 0x20 && c != 0x7F)) << c;
  }
  EXPECT_TRUE(is_field_value(""));
  EXPECT_FALSE(is_field_value("a\r\nb"));
}

TEST(HeadEnd, IsFoundAtEverySplitAndNoEarlier) {
  const std::string head = get("A: b\r\nContent-Length: 4\r\n");
  const std::string bytes = head + "\r\n\r\nGET";
  for (std::size_t first = 0; first <= bytes.size(); ++first) {
    const auto early = find_head_end(std::string_view{bytes}.substr(0, first), 0, {});
    ASSERT_FALSE(early.error) << first;
    ASSERT_EQ(early.size.has_value(), first >= head.size()) << first;
    if (early.size) {
      ASSERT_EQ(*early.size, head.size());
      continue;
    }
    for (std::size_t second = first; second <= bytes.size(); ++second) {
      const auto end = find_head_end(std::string_view{bytes}.substr(0, second), first, {});
      ASSERT_FALSE(end.error) << first << ' ' << second;
      ASSERT_EQ(end.size.has_value(), second >= head.size()) << first << ' ' << second;
      if (end.size) ASSERT_EQ(*end.size, head.size());
    }
  }
}

TEST(HeadEnd, ABareLfIsRefusedAsSoonAsItComes) {
  const std::string bytes = "GET / HTTP/1.1\r\nA: b\nC";
  for (std::size_t seen = 0; seen <= bytes.size(); ++seen) {
    const auto end = find_head_end(bytes, std::min(seen, bytes.size() - 2), {});
    ASSERT_TRUE(end.error) << seen;
    EXPECT_EQ(end.error->status, 400);
  }
  EXPECT_EQ(find_head_end("\n", 0, {}).error->status, 400);
}

TEST(HeadEnd, AnEmptyLineWhereARequestShouldBeginIsRefused) {
  const auto end = find_head_end("\r\nGET / HTTP/1.1\r\n", 0, {});
  ASSERT_TRUE(end.error);
  EXPECT_EQ(end.error->status, 400);
  EXPECT_FALSE(find_head_end("\r", 0, {}).error);
}

TEST(HeadEnd, AHeadOfExactlyTheLimitPassesAndOneByteMoreIs431) {
  const std::string head = get("A: b\r\n");
  EXPECT_EQ(find_head_end(head, 0, {.max_size = head.size()}).size, head.size());
  EXPECT_EQ(find_head_end(head + "body", 0, {.max_size = head.size()}).size, head.size());
  for (const std::string& bytes : {head, head + "body", head.substr(0, head.size() - 1)}) {
    const auto end = find_head_end(bytes, 0, {.max_size = head.size() - 1});
    EXPECT_FALSE(end.size);
    ASSERT_TRUE(end.error);
    EXPECT_EQ(end.error->status, 431);
  }
}

TEST(HeadEnd, AHeadWithoutEndIs431OnceTheLimitIsReached) {
  const std::string endless = "GET /" + std::string(100, 'a');
  EXPECT_FALSE(find_head_end(endless, 0, {.max_size = endless.size() + 1}).error);
  EXPECT_EQ(find_head_end(endless, 0, {.max_size = endless.size()}).error->status, 431);
}

}  // namespace
}  // namespace picket::http
