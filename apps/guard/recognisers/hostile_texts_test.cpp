#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "apps/guard/scan.hpp"

/// Texts that are made to take long. What grows with the square takes minutes here, what is linear some seconds under
/// sanitizers.
namespace picket::apps::guard {
namespace {

constexpr std::size_t size = 256 * 1024;

std::string repeated(std::string_view part) {
  std::string text;
  while (text.size() < size) text += part;
  return text;
}

TEST(HostileTexts, AreScannedInBoundedTime) {
  const auto begin = std::chrono::steady_clock::now();
  for (const char* part : {"@",
                           "a@",
                           "a.",
                           "1 ",
                           "4 - ",
                           "4111, ",
                           "4111\n1111  ",
                           "4**, ",
                           "DE89 - ",
                           "529, 982, ",
                           " - ",
                           "\u200b",
                           "4\u200b",
                           "4\u2009\u2212",
                           "\u0664",
                           "1-",
                           "4",
                           "+1",
                           "(",
                           "1.",
                           ":",
                           "a:",
                           "::",
                           "eyJ",
                           "eyJhbGciOiJI.eyJ",
                           "-----BEGIN PRIVATE KEY-----",
                           "-----BEGIN ",
                           "sk-",
                           "AKIA",
                           "SG.",
                           "password=",
                           "password:",
                           "pwd is ",
                           "\"",
                           "DE89",
                           "D E ",
                           "9",
                           "AB",
                           "ignore ",
                           "ignore all previous ",
                           "you are ",
                           "i ",
                           "\xcc\x81",
                           "\xff",
                           "<|",
                           "0",
                           "00",
                           "token \"",
                           "A1b2",
                           "=",
                           "1.1.1.",
                           "<<sys>>",
                           "a@b.co ",
                           "://",
                           "://a:b"}) {
    const std::string text = repeated(part);
    EXPECT_LE(scan(text, Categories::all()).size(), most_findings) << part;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::minutes{2});
}

}  // namespace
}  // namespace picket::apps::guard
