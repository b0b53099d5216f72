#include "picket/agent/sliding_window.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/agent/body_buffer.hpp"

namespace picket::agent {
namespace {

/// Everything that goes on, where each "secret" is replaced in what is seen.
std::string passed_in_pieces(std::string_view body, std::size_t size, SlidingWindow window) {
  std::string passed;
  for (bool is_last = false; !is_last;) {
    const std::string_view chunk = body.substr(0, size);
    body.remove_prefix(chunk.size());
    is_last = body.empty();
    std::string& text = window.add(chunk);
    for (std::size_t at = text.find("secret"); at != std::string::npos; at = text.find("secret"))
      text.replace(at, 6, "[x]");
    passed += window.release(is_last);
  }
  return passed;
}

TEST(SlidingWindow, WhatIsLookedForIsSeenWhereverTheBodyIsCut) {
  const std::string body = "a secret and secretsecret; sec ret";
  for (std::size_t size = 1; size <= body.size() + 1; ++size)
    EXPECT_EQ(passed_in_pieces(body, size, SlidingWindow{6}), "a [x] and [x][x]; sec ret") << size;
}

TEST(SlidingWindow, KeepsItsLastBytesAndNoMore) {
  SlidingWindow window{3};
  (void)window.add("ab");
  EXPECT_EQ(window.release(false), "");
  (void)window.add("cdef");
  EXPECT_EQ(window.release(false), "abc");
  (void)window.add("");
  EXPECT_EQ(window.release(true), "def");
  EXPECT_EQ(window.release(true), "");
}

TEST(BodyBuffer, HoldsABodyUpToItsBound) {
  BodyBuffer body{5};
  EXPECT_TRUE(body.add("abc"));
  EXPECT_TRUE(body.add("de"));
  EXPECT_EQ(body.text(), "abcde");
  EXPECT_TRUE(body.add(""));
  EXPECT_FALSE(body.add("f"));
  EXPECT_TRUE(body.is_over());
  EXPECT_EQ(body.text(), "");
  EXPECT_FALSE(body.add(""));  // a part without its beginning is no body
}

TEST(BodyBuffer, IsEmptyOnceItWasTaken) {
  BodyBuffer body{5};
  EXPECT_TRUE(body.add("abcde"));
  EXPECT_EQ(body.take(), "abcde");
  EXPECT_TRUE(body.add("fghij"));
}

}  // namespace
}  // namespace picket::agent
