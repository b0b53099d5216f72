#include "picket/transport/dns/knowledge.hpp"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::transport::dns {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

Place place(std::string_view address, std::uint16_t priority = 0, std::uint16_t weight = 0, std::string host = "a") {
  return {.address = *Endpoint::tcp(address, 80), .host = std::move(host), .priority = priority, .weight = weight};
}

Findings found(std::vector<Place> places, base::Duration ttl = 30s) {
  Findings findings;
  findings.places = std::move(places);
  findings.ttl = ttl;
  return findings;
}

Findings failed(const std::string& why = "no such name") {
  Findings findings;
  findings.problem = base::fail(base::ErrorKind::connection_failed, why);
  return findings;
}

std::vector<std::string> addresses(const Knowledge& knowledge) {
  std::vector<std::string> all;
  for (const Place& known : knowledge.places()) all.emplace_back(known.address.host());
  return all;
}

TEST(DnsKnowledge, WhatIsFoundIsNewsOnce) {
  Knowledge knowledge;
  EXPECT_TRUE(knowledge.learn(found({place("10.0.0.1"), place("10.0.0.2")})).places);
  EXPECT_FALSE(knowledge.learn(found({place("10.0.0.1"), place("10.0.0.2")})).places);
  EXPECT_FALSE(knowledge.learn(found({place("10.0.0.2"), place("10.0.0.1")})).places) << "order is no change";
  EXPECT_THAT(addresses(knowledge), ElementsAre("10.0.0.1", "10.0.0.2"));
}

TEST(DnsKnowledge, AnAddressThatLeftTheAnswerIsGoneAndANewOneIsBehindTheOthers) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.2"), place("10.0.0.3")}));
  EXPECT_TRUE(knowledge.learn(found({place("10.0.0.1"), place("10.0.0.3")})).places);
  EXPECT_THAT(addresses(knowledge), ElementsAre("10.0.0.3", "10.0.0.1"));
}

TEST(DnsKnowledge, AFailureKeepsWhatIsKnownAndIsToldOnce) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.1")}));
  auto news = knowledge.learn(failed());
  EXPECT_FALSE(news.places);
  EXPECT_TRUE(news.trouble);
  EXPECT_FALSE(knowledge.learn(failed()).trouble);
  EXPECT_TRUE(knowledge.learn(failed("refused")).trouble) << "another reason is news";
  EXPECT_THAT(addresses(knowledge), ElementsAre("10.0.0.1"));
  news = knowledge.learn(found({place("10.0.0.1")}));
  EXPECT_TRUE(news.is_well_again);
  EXPECT_FALSE(knowledge.learn(found({place("10.0.0.1")})).is_well_again);
}

TEST(DnsKnowledge, AnAnswerWithoutAnyAddressChangesNothing) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.1")}));
  EXPECT_FALSE(knowledge.learn(found({})).places);
  EXPECT_THAT(addresses(knowledge), ElementsAre("10.0.0.1"));
}

TEST(DnsKnowledge, OfAFamilyThatNobodyCouldSayTheAddressesStay) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.1"), place("::1"), place("::2", 0, 0, "b")}));
  Findings half = found({place("10.0.0.2")});
  half.unknown.push_back({.host = "a", .family = AF_INET6});
  EXPECT_TRUE(knowledge.learn(half).places);
  EXPECT_THAT(addresses(knowledge), ElementsAre("::1", "10.0.0.2")) << "not the other host's";
  Findings service = found({place("10.0.0.3")});
  service.services_are_unknown = true;
  EXPECT_TRUE(knowledge.learn(service).places);
  EXPECT_THAT(addresses(knowledge), ElementsAre("::1", "10.0.0.2", "10.0.0.3"));
}

TEST(DnsKnowledge, AnotherStandingIsNews) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.1", 1, 10)}));
  EXPECT_TRUE(knowledge.learn(found({place("10.0.0.1", 2, 10)})).places);
  EXPECT_TRUE(knowledge.learn(found({place("10.0.0.1", 2, 11)})).places);
  EXPECT_EQ(knowledge.places()[0].weight, 11);
}

TEST(DnsKnowledge, NoMoreAddressesAreUsedThanMayBeAndThoseThatAreThereStay) {
  std::vector<Place> many;
  for (int i = 1; i <= 100; ++i) many.push_back(place("10.0.0." + std::to_string(i)));
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.77")}));
  const auto news = knowledge.learn(found(many));
  EXPECT_EQ(knowledge.places().size(), most_places);
  EXPECT_EQ(addresses(knowledge).front(), "10.0.0.77");
  EXPECT_EQ(news.left_out, 100 - most_places);
  EXPECT_EQ(knowledge.learn(found(many)).left_out, 0U) << "told once";
}

TEST(DnsKnowledge, TheSameAddressTwiceIsOne) {
  Knowledge knowledge;
  (void)knowledge.learn(found({place("10.0.0.1"), place("10.0.0.1", 0, 0, "b")}));
  EXPECT_THAT(addresses(knowledge), ElementsAre("10.0.0.1"));
}

TEST(DnsKnowledge, AnAnswerIsGoodForItsTimeToLiveWithinBounds) {
  Knowledge knowledge;
  for (const auto& [ttl, pause] :
       {std::pair<base::Duration, base::Duration>{0s, 1s}, {30s, 30s}, {std::chrono::hours{24 * 7}, 300s}})
    EXPECT_EQ(knowledge.learn(found({place("10.0.0.1")}, ttl)).pause, pause);
}

TEST(DnsKnowledge, PausesAfterFailuresDoubleAndBeginAnewAfterAnAnswer) {
  Knowledge knowledge;
  for (const base::Duration pause : {1s, 2s, 4s, 5s, 5s}) EXPECT_EQ(knowledge.learn(failed()).pause, pause);
  EXPECT_EQ(knowledge.learn(found({place("10.0.0.1")})).pause, 30s);
  EXPECT_EQ(knowledge.learn(failed()).pause, 1s);
  Findings half = found({place("10.0.0.1")});
  half.problem = base::fail(base::ErrorKind::connection_failed, "half of it");
  EXPECT_EQ(knowledge.learn(half).pause, 5s);
}

}  // namespace
}  // namespace picket::transport::dns
