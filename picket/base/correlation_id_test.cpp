#include "picket/base/correlation_id.hpp"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace picket::base {
namespace {

TEST(CorrelationId, TextCarriesSlotGenerationAndRandomHalf) {
  const CorrelationId id{0x1a, 2, 0xfeedfacecafebeef};
  EXPECT_EQ(id.text(), "0000001a00000002feedfacecafebeef");
  EXPECT_EQ(CorrelationId::slot_of(id.text()), 0x1aU);
}

TEST(CorrelationId, TextThatIsNoIdHasNoSlot) {
  EXPECT_FALSE(CorrelationId::slot_of(""));
  EXPECT_FALSE(CorrelationId::slot_of("0000001a00000002feedfacecafebee"));
  EXPECT_FALSE(CorrelationId::slot_of("0000001A00000002feedfacecafebeef"));
  EXPECT_FALSE(CorrelationId::slot_of("-000001a00000002feedfacecafebeef"));
}

TEST(CorrelationIds, SlotOfAnIdThatIsOverComesBackWithAnotherIdentity) {
  CorrelationIds ids;
  const CorrelationId first = [&] { return ids.mint().id(); }();
  const auto second = ids.mint();
  EXPECT_EQ(first.slot(), second.id().slot());
  EXPECT_NE(first, second.id());
}

TEST(CorrelationIds, MovedIdKeepsItsSlotAndWhatItReplacesGivesItsOwnBack) {
  CorrelationIds ids;
  MintedId kept;
  {
    MintedId first = ids.mint();
    kept = std::move(first);
  }
  EXPECT_EQ(ids.mint().id().slot(), 1U) << "0 is in use";
  kept = ids.mint();
  EXPECT_EQ(kept.id().slot(), 1U);
  EXPECT_EQ(ids.mint().id().slot(), 0U);
}

TEST(CorrelationIds, SlotsStayDense) {
  CorrelationIds ids;
  for (int round = 0; round < 100; ++round) {
    const auto a = ids.mint();
    const auto b = ids.mint();
    EXPECT_LT(a.id().slot(), 2U);
    EXPECT_LT(b.id().slot(), 2U);
  }
}

TEST(CorrelationIds, RandomHalvesDoNotRepeat) {
  CorrelationIds ids;
  std::set<std::string> seen;
  for (int i = 0; i < 2000; ++i) EXPECT_TRUE(seen.insert(std::string{ids.mint().text().substr(16)}).second);
}

}  // namespace
}  // namespace picket::base
