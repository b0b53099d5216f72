#include "picket/body/unpack_stage.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <zlib.h>

#include "picket/body/testing/deflated.hpp"

namespace picket::body {
namespace {

using testing::deflated;
using testing::gzip_window;
using testing::zlib_window;
constexpr int bare_window = -MAX_WBITS;

std::string some_text(std::size_t size) {
  std::minstd_rand random{7};
  std::string text;
  while (text.size() < size) text += std::array{"one ", "two, ", "three; ", "4111"}[random() % 4];
  text.resize(size);
  return text;
}

struct Unpacked {
  std::string text;
  bool has_end = false;
  Stop stop = Stop::none;
};

/// Fed in pieces of that size, taken in pieces of another.
Unpacked unpack(Coding coding, std::string_view body, std::size_t fed = 1000, std::size_t taken = 700,
                const UnpackLimits& limits = {}) {
  base::BlockPool pool;
  pool.set_budget(1 << 30);
  UnpackStage stage{coding, pool, limits};
  Unpacked result;
  const auto take_all = [&] {
    for (Part part = stage.take(taken); !part.is_nothing(); part = stage.take(taken)) {
      EXPECT_LE(part.bytes.size(), taken);
      EXPECT_FALSE(result.has_end);
      result.text += base::as_text(part.bytes.view());
      result.has_end = part.is_last;
    }
  };
  do {
    const std::size_t size = std::min({fed, body.size(), stage.credit()});
    stage.feed({base::SharedBytes::borrowed(base::as_bytes(body.substr(0, size))), size == body.size()});
    body.remove_prefix(size);
    take_all();
  } while (!body.empty() && stage.stopped() == Stop::none);
  result.stop = stage.stopped();
  return result;
}

TEST(Unpacking, ShowsWhatABodyContainsHoweverItIsCut) {
  const std::string text = some_text(200'000);
  const struct {
    Coding coding;
    int window;
  } codings[] = {{Coding::gzip, gzip_window}, {Coding::deflate, zlib_window}, {Coding::deflate, bare_window}};
  for (const auto& [coding, window] : codings)
    for (const std::size_t fed : {1UL, 7UL, 10'000UL})
      for (const std::size_t taken : {3UL, 70'000UL}) {
        const Unpacked unpacked = unpack(coding, deflated(text, window), fed, taken);
        EXPECT_TRUE(unpacked.text == text) << unpacked.text.size();
        EXPECT_TRUE(unpacked.has_end);
      }
}

TEST(Unpacking, KnowsBrotli) {
  constexpr std::string_view hello{"\x0b\x02\x80hello\x03", 9};
  for (const std::size_t fed : {1UL, 100UL}) EXPECT_EQ(unpack(Coding::br, hello, fed).text, "hello");
  EXPECT_TRUE(unpack(Coding::br, hello).has_end);
  EXPECT_EQ(unpack(Coding::br, hello.substr(0, 6)).stop, Stop::undecodable);
  EXPECT_EQ(unpack(Coding::br, std::string{hello} + "x").stop, Stop::undecodable);
}

TEST(Unpacking, TakesSeveralMembersOfGzip) {
  const std::string two = deflated("one", gzip_window) + deflated("two", gzip_window);
  for (std::size_t fed = 1; fed <= two.size(); ++fed) EXPECT_EQ(unpack(Coding::gzip, two, fed).text, "onetwo") << fed;
}

TEST(Unpacking, StopsAtWhatIsNotWhatItsCodingSays) {
  const std::string good = deflated(some_text(5000), gzip_window);
  std::string wrong_sum = good;
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  for (const std::string& body :
       {std::string{"plain text"}, good.substr(0, good.size() - 1), good + "x", wrong_sum, good.substr(0, 5)}) {
    const Unpacked unpacked = unpack(Coding::gzip, body);
    EXPECT_EQ(unpacked.stop, Stop::undecodable);
    EXPECT_FALSE(unpacked.has_end);
  }
}

TEST(Unpacking, NothingNeedsNoCoding) {
  for (const Coding coding : {Coding::gzip, Coding::deflate, Coding::br}) {
    const Unpacked unpacked = unpack(coding, "");
    EXPECT_TRUE(unpacked.has_end);
    EXPECT_EQ(unpacked.text, "");
  }
}

TEST(Unpacking, StopsWhatBecomesTooMuch) {
  const std::string bomb = deflated(std::string(50'000'000, 'a'), gzip_window);
  EXPECT_EQ(unpack(Coding::gzip, bomb).stop, Stop::too_large);
  EXPECT_LT(unpack(Coding::gzip, bomb).text.size(), bomb.size() * 101 + base::block_size);
  EXPECT_EQ(unpack(Coding::gzip, deflated(some_text(5000), gzip_window), 1000, 700, {.size = 4999}).stop,
            Stop::too_large);
  EXPECT_TRUE(unpack(Coding::gzip, deflated(some_text(5000), gzip_window), 1000, 700, {.size = 5000}).has_end);
}

TEST(Unpacking, UnpacksNothingThatNobodyHasRoomFor) {
  base::BlockPool pool;
  pool.set_budget(1 << 30);
  UnpackStage stage{Coding::gzip, pool, {}};
  const std::string body = deflated(some_text(100'000), gzip_window);
  stage.feed({base::SharedBytes::borrowed(base::as_bytes(std::string_view{body})), true});
  EXPECT_TRUE(stage.take(0).is_nothing());
  EXPECT_EQ(stage.credit(), body.size() < 16'384 ? 16'384 - body.size() : 0U);
}

TEST(Unpacking, WhatIsUnpackedCountsAsHeldAndStopsWhereThereIsNoRoomForIt) {
  base::BlockPool pool;
  pool.set_budget(3 * base::block_size);  // zlib's own is less than one
  UnpackStage stage{Coding::gzip, pool, {}};
  const std::string body = deflated(some_text(4 * base::block_size), gzip_window);
  stage.feed({base::SharedBytes::borrowed(base::as_bytes(std::string_view{body})), true});
  std::vector<Part> held;
  for (Part part = stage.take(base::block_size); !part.is_nothing(); part = stage.take(base::block_size))
    held.push_back(std::move(part));
  EXPECT_EQ(stage.stopped(), Stop::overloaded);
  EXPECT_EQ(pool.held(), 2 * base::block_size);
}

/// RFC 7932 §9: a window of 16 MiB, and a meta-block that is not compressed; more is to come.
std::string begun_brotli(std::string_view text) {
  const std::size_t head = 0b1111 | ((text.size() - 1) << 7) | (1U << 23);
  std::string body{static_cast<char>(head), static_cast<char>(head >> 8), static_cast<char>(head >> 16)};
  return body.append(text);
}

TEST(Unpacking, WhatTheLibraryKeepsCountsAsHeldUntilTheBodyHasEnded) {
  constexpr std::size_t size = 60'000;
  const std::string text = some_text(size);
  for (const auto& [coding, body, least] :
       {std::tuple{Coding::br, begun_brotli(text), size / 2},
        std::tuple{Coding::gzip, deflated(text, gzip_window), std::size_t{32'768}}}) {
    base::BlockPool pool;
    pool.set_budget(1 << 30);
    UnpackStage stage{coding, pool, {}};
    const auto feed = [&](std::string_view bytes, bool is_last) {
      while (!bytes.empty()) {
        const auto some = bytes.substr(0, stage.credit());
        bytes.remove_prefix(some.size());
        stage.feed({base::SharedBytes::borrowed(base::as_bytes(some)), is_last && bytes.empty()});
        while (!stage.take(1000).is_nothing()) {
        }
      }
    };
    feed(std::string_view{body}.substr(0, body.size() / 2), false);
    EXPECT_GE(pool.held(), least);
    if (coding != Coding::gzip) continue;
    feed(std::string_view{body}.substr(body.size() / 2), true);
    EXPECT_TRUE(stage.has_ended());
    EXPECT_EQ(pool.held(), 0U);
  }
}

TEST(Unpacking, StopsAsOverloadedWhereThereIsNoRoomForTheWindow) {
  const std::string text = some_text(60'000);
  for (const auto& [coding, body] :
       {std::pair{Coding::br, begun_brotli(text)}, std::pair{Coding::gzip, deflated(text, gzip_window)}}) {
    for (const std::uint64_t budget : {1'000, 16'000, 30'000}) {
      base::BlockPool pool;
      pool.set_budget(budget);
      UnpackStage stage{coding, pool, {}};
      stage.feed(
          {base::SharedBytes::borrowed(base::as_bytes(std::string_view{body}.substr(0, stage.credit()))), false});
      while (!stage.take(500).is_nothing()) {
      }
      EXPECT_EQ(stage.stopped(), Stop::overloaded) << budget;
      EXPECT_EQ(pool.held(), 0U);
    }
  }
}

TEST(Unpacking, CodingsHaveNamesInAnyCase) {
  EXPECT_EQ(coding_of("GZip"), Coding::gzip);
  EXPECT_EQ(coding_of("x-gzip"), Coding::gzip);
  EXPECT_EQ(coding_of("deflate"), Coding::deflate);
  EXPECT_EQ(coding_of("br"), Coding::br);
  for (const std::string_view name : {"", "zstd", "gzip, br", "brr", "compress"}) EXPECT_FALSE(coding_of(name)) << name;
}

}  // namespace
}  // namespace picket::body
