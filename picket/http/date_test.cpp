#include "picket/http/date.hpp"

#include <gtest/gtest.h>

namespace picket::http {
namespace {

TEST(DateClock, TellsTheTimeAsImfFixdate) {
  DateClock clock;
  EXPECT_EQ(clock.at(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(clock.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(clock.at(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(clock.at(1709164800), "Thu, 29 Feb 2024 00:00:00 GMT");
  EXPECT_EQ(clock.now().size(), 29);
}

}  // namespace
}  // namespace picket::http
