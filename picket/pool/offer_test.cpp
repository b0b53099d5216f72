#include "picket/pool/offer.hpp"

#include <gtest/gtest.h>

namespace picket::pool {
namespace {

using Outcome = Offer::Outcome;

TEST(Offer, IsNoneThenOpenThenTaken) {
  Offer offer;
  EXPECT_EQ(offer.outcome(), Outcome::none);
  offer.make("{}");
  EXPECT_EQ(offer.outcome(), Outcome::open);
  EXPECT_FALSE(offer.is_wanted());
  offer.want();
  EXPECT_TRUE(offer.is_wanted());
  EXPECT_EQ(offer.take(), "{}");
  EXPECT_EQ(offer.outcome(), Outcome::none);
  EXPECT_FALSE(offer.is_wanted());
}

TEST(Offer, TheFirstRefusalCountsAndItIsNotWantedAnyMore) {
  Offer offer;
  EXPECT_FALSE(offer.refuse("nothing is offered"));
  EXPECT_FALSE(offer.refusal());
  offer.make("{}");
  offer.want();
  EXPECT_TRUE(offer.refuse("first"));
  EXPECT_FALSE(offer.refuse("second"));
  EXPECT_EQ(offer.refusal(), "first");
  EXPECT_EQ(offer.outcome(), Outcome::refused);
  offer.want();
  EXPECT_FALSE(offer.is_wanted());
}

TEST(Offer, AnotherOneTakesThePlaceOfOneThatWasRefused) {
  Offer offer;
  offer.make("1");
  offer.want();
  EXPECT_TRUE(offer.refuse("no"));
  offer.make("2");
  EXPECT_EQ(offer.outcome(), Outcome::open);
  EXPECT_EQ(offer.config_json(), "2");
  EXPECT_FALSE(offer.refusal());
  EXPECT_FALSE(offer.is_wanted());
}

TEST(Offer, WantingNothingIsForgotten) {
  Offer offer;
  offer.want();
  offer.make("{}");
  EXPECT_FALSE(offer.is_wanted());
}

}  // namespace
}  // namespace picket::pool
