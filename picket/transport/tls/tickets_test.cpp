#include "picket/transport/tls/tickets.hpp"

#include <gtest/gtest.h>

namespace picket::transport::tls {
namespace {

std::string_view name_of(const TicketKey& key) {
  return {reinterpret_cast<const char*>(key.name.data()), key.name.size()};
}

TEST(TicketKeys, OpenWhatTheLatestAndTheOneBeforeHaveSealed) {
  TicketKeys keys;
  const TicketKey first = keys.latest();
  ASSERT_TRUE(keys.find(name_of(first)));
  EXPECT_EQ(keys.find(name_of(first))->cipher, first.cipher);
  keys.rotate();
  const TicketKey second = keys.latest();
  EXPECT_NE(second.name, first.name);
  EXPECT_NE(second.cipher, first.cipher);
  EXPECT_NE(second.mac, first.mac);
  ASSERT_TRUE(keys.find(name_of(first)));
  EXPECT_EQ(keys.find(name_of(first))->mac, first.mac);
  keys.rotate();
  EXPECT_FALSE(keys.find(name_of(first))) << "two periods old";
  EXPECT_TRUE(keys.find(name_of(second)));
}

TEST(TicketKeys, OfOthersAreUnknown) {
  const TicketKeys keys;
  const TicketKeys others;
  EXPECT_FALSE(keys.find(name_of(others.latest())));
  EXPECT_FALSE(keys.find({}));
}

}  // namespace
}  // namespace picket::transport::tls
