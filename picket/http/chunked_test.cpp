#include "picket/http/chunked.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http {
namespace {

using namespace std::string_view_literals;
using ::testing::HasSubstr;

struct Decoded {
  std::string body;
  std::string rest;  ///< Behind the body.
  bool done = false;
  std::string error;
};

/// Decodes `input` in pieces of `piece` bytes into memory of `room` bytes.
Decoded decode(std::string_view input, std::size_t piece = std::string_view::npos, std::size_t room = 4096,
               ChunkedDecoder decoder = ChunkedDecoder{}) {
  Decoded result;
  std::string held;
  while (!decoder.done() && !(input.empty() && held.empty())) {
    const std::size_t size = std::min(piece, input.size());
    held += input.substr(0, size);
    input.remove_prefix(size);
    std::string into(room, '\0');
    const auto step = decoder.decode(held, into);
    if (!step) {
      result.error = step.error().detail();
      return result;
    }
    result.body += std::string_view{into}.substr(0, step->produced);
    held.erase(0, step->consumed);
    if (size == 0 && step->consumed == 0 && step->produced == 0) break;
  }
  result.done = decoder.done();
  result.rest = held + std::string{input};
  return result;
}

TEST(Chunked, ABodyIsTheSameForEverySplitAndEveryRoom) {
  constexpr std::string_view input =
      "4\r\nWiki\r\nA;name=\"value\"\r\n0123456789\r\n005\r\n\r\n\r\n.\r\n0;last\r\nX-Trailer: dropped\r\nAnother: "
      "one\r\n\r\nGET /";
  constexpr std::string_view body = "Wiki0123456789\r\n\r\n.";
  for (std::size_t piece = 1; piece <= input.size(); ++piece)
    for (const std::size_t room : {1U, 2U, 5U, 4096U}) {
      const auto decoded = decode(input, piece, room);
      ASSERT_EQ(decoded.error, "") << piece << ' ' << room;
      ASSERT_TRUE(decoded.done) << piece << ' ' << room;
      ASSERT_EQ(decoded.body, body) << piece << ' ' << room;
      ASSERT_EQ(decoded.rest, "GET /") << piece << ' ' << room;
    }
}

TEST(Chunked, AnEmptyBodyIsTheLastChunkAlone) {
  for (std::size_t piece = 1; piece <= 5; ++piece) {
    const auto decoded = decode("0\r\n\r\n", piece);
    EXPECT_TRUE(decoded.done && decoded.error.empty()) << piece;
    EXPECT_EQ(decoded.body, "");
  }
}

TEST(Chunked, ABodyIsNotDoneBeforeItsLastByte) {
  constexpr std::string_view input = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < input.size(); ++size) EXPECT_FALSE(decode(input.substr(0, size)).done) << size;
}

TEST(Chunked, SizesMayHaveAnyCaseAndLeadingZeros) {
  EXPECT_EQ(decode("0000000a\r\n0123456789\r\n0\r\n\r\n").body, "0123456789");
  EXPECT_EQ(decode("0A\r\n0123456789\r\n00\r\n\r\n").body, "0123456789");
}

TEST(Chunked, WhatPartiesReadDifferentlyIsRefused) {
  struct Case {
    std::string_view what;
    std::string_view input;
  };
  const std::vector<Case> cases{
      {"no size", "\r\nx"},
      {"an extension without a size", ";a=b\r\n"},
      {"a sign", "+1\r\nx\r\n0\r\n\r\n"},
      {"a minus", "-1\r\nx\r\n0\r\n\r\n"},
      {"0x", "0x1\r\nx\r\n0\r\n\r\n"},
      {"a space before", " 1\r\nx\r\n0\r\n\r\n"},
      {"a space behind", "1 \r\nx\r\n0\r\n\r\n"},
      {"a tab behind", "1\t\r\nx\r\n0\r\n\r\n"},
      {"a space before the extension", "1 ;a\r\nx\r\n0\r\n\r\n"},
      {"a comma", "1,1\r\nx\r\n0\r\n\r\n"},
      {"an underscore", "1_0\r\nx\r\n0\r\n\r\n"},
      {"a letter that is no digit", "g\r\nx\r\n0\r\n\r\n"},
      {"a bare LF behind the size", "1\nx\r\n0\r\n\r\n"},
      {"a bare CR behind the size", "1\rx\r\n0\r\n\r\n"},
      {"a bare LF behind an extension", "1;a\nx\r\n0\r\n\r\n"},
      {"a bare CR in an extension", "1;a\rb\r\nx\r\n0\r\n\r\n"},
      {"a NUL in an extension", "1;\0\r\nx\r\n0\r\n\r\n"sv},
      {"a bare LF behind the data", "1\r\nx\n0\r\n\r\n"},
      {"data longer than the size", "1\r\nxy\r\n0\r\n\r\n"},
      {"data shorter than the size", "3\r\nx\r\n0\r\n\r\n"},
      {"a bare LF behind the last chunk", "0\n\r\n"},
      {"a trailer that is no field", "0\r\nGET / HTTP/1.1\r\n\r\n"},
      {"a folded trailer", "0\r\nA: b\r\n c\r\n\r\n"},
      {"a trailer without a name", "0\r\n: b\r\n\r\n"},
      {"a bare LF behind a trailer", "0\r\nA: b\n\r\n"},
      {"a bare LF as the end", "0\r\n\n"},
      {"a bare CR as the end", "0\r\n\rX"},
      {"a control character in a trailer", "0\r\nA: \x01\r\n\r\n"},
      {"2^64", "10000000000000000\r\nx"},
      {"seventeen digits, leading zeros", "00000000000000001\r\nx\r\n0\r\n\r\n"},
  };
  for (const auto& [what, input] : cases)
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::string_view::npos}) {
      const auto decoded = decode(input, piece);
      EXPECT_FALSE(decoded.error.empty()) << what << ", in pieces of " << piece;
      EXPECT_FALSE(decoded.done) << what;
    }
}

TEST(Chunked, OnlyAResponseMayHaveWhiteSpaceBehindASize) {
  for (const std::string_view input :
       {"3 \r\nabc\r\n0 \r\n\r\n", "3\t \r\nabc\r\n0\r\n\r\n", "3 ;a=b\r\nabc\r\n0 \t;c\r\n\r\n",
        "3; a\r\nabc\r\n0\r\n\r\n", "0003     \r\nabc\r\n0000     \r\n\r\n"})
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::string_view::npos}) {
      const auto decoded = decode(input, piece, 4096, ChunkedDecoder{true});
      EXPECT_EQ(decoded.error, "") << input;
      EXPECT_EQ(decoded.body, "abc") << input;
      EXPECT_TRUE(decoded.done) << input;
    }
  for (const std::string_view input : {" 3\r\nabc\r\n", "3 1\r\nabc\r\n", "3 x\r\nabc\r\n", " \r\n", "3 \nabc\r\n",
                                       "3 \rabc\r\n", " ;a\r\n", "3,\r\nabc\r\n"})
    EXPECT_NE(decode(input, 1, 4096, ChunkedDecoder{true}).error, "") << input;
  EXPECT_THAT(decode("3" + std::string(ChunkedDecoder::max_beside + 1, ' '), 4096, 4096, ChunkedDecoder{true}).error,
              HasSubstr("over the limit"));
}

TEST(Chunked, TheLargestSizeReservesNothingAndWaitsForItsData) {
  const auto decoded = decode("ffffffffffffffff\r\nonly this");
  EXPECT_EQ(decoded.error, "");
  EXPECT_EQ(decoded.body, "only this");
  EXPECT_FALSE(decoded.done);
}

TEST(Chunked, ExtensionsOfOneBodyAreBoundedTogether) {
  const std::string chunk = "1;" + std::string(1000, 'e') + "\r\nx\r\n";
  std::string input;
  for (int i = 0; i < 16; ++i) input += chunk;
  EXPECT_EQ(decode(input + "0\r\n\r\n").body, std::string(16, 'x'));
  EXPECT_THAT(decode(input + chunk + "0\r\n\r\n").error, HasSubstr("over the limit"));
}

TEST(Chunked, TrailersAreBounded) {
  const std::string fits = "0\r\nA: " + std::string(ChunkedDecoder::max_beside - 3, 't') + "\r\n\r\n";
  EXPECT_TRUE(decode(fits).done);
  EXPECT_THAT(decode("0\r\nA: " + std::string(ChunkedDecoder::max_beside, 't')).error, HasSubstr("over the limit"));
}

}  // namespace
}  // namespace picket::http
