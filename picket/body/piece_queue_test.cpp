#include "picket/body/piece_queue.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::body {
namespace {

base::SharedBytes borrowed(std::string_view text) { return base::SharedBytes::borrowed(base::as_bytes(text)); }
std::string pop(PieceQueue& queue, std::size_t most) { return std::string{base::as_text(queue.pop(most).view())}; }

TEST(PieceQueue, BytesComeInOrderAndNoneSpansTwoPieces) {
  PieceQueue queue;
  for (const char* const text : {"abc", "", "de", "f"}) queue.push(borrowed(text));
  EXPECT_EQ(queue.size(), 6U);
  EXPECT_EQ(queue.front_size(), 3U);
  EXPECT_EQ(pop(queue, 2), "ab");
  EXPECT_EQ(pop(queue, 9), "c");
  queue.push(borrowed("g"));
  EXPECT_EQ(pop(queue, 2), "de");
  EXPECT_EQ(pop(queue, 2), "f");
  EXPECT_EQ(pop(queue, 2), "g");
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(pop(queue, 2), "");
}

TEST(PieceQueue, WhatLiesBehindEachOtherIsOnePiece) {
  base::BlockPool pool;
  const base::Block block = pool.take();
  const base::ByteView bytes = base::as_bytes({block.bytes().data(), 100});
  PieceQueue queue;
  for (std::size_t at = 0; at < 100; at += 10) queue.push({block, bytes.subspan(at, 10)});
  EXPECT_EQ(queue.front_size(), 100U);
}

TEST(PieceQueue, ItKeepsNothingOfWhatWasTaken) {
  base::BlockPool pool;
  const base::Block block = pool.take();
  const base::ByteView bytes = base::as_bytes({block.bytes().data(), 100});
  PieceQueue queue;
  for (std::size_t at = 0; at < 100; at += 2) queue.push({block, bytes.subspan(at, 1)});
  for (int i = 0; i < 50; ++i) EXPECT_EQ(queue.pop(1).size(), 1U);
  EXPECT_TRUE(block.is_only_share());
}

TEST(PieceQueue, AStreamOfPiecesKeepsItsOrder) {
  PieceQueue queue;
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  std::string taken;
  for (std::size_t i = 0; i < 1000; ++i) {
    queue.push(borrowed(std::string_view{text}.substr(i % 26, 1)));
    if (i >= 100) taken += pop(queue, 1);
  }
  while (!queue.empty()) taken += pop(queue, 1);
  ASSERT_EQ(taken.size(), 1000U);
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_EQ(taken[i], text[i % 26]) << i;
}

}  // namespace
}  // namespace picket::body
