#include "picket/inspection/failure.hpp"

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

TEST(Failures, AreTimeoutsProtocolErrorsOrAgentsThatAreNotThere) {
  using base::ErrorKind;
  for (int i = 0; i <= static_cast<int>(ErrorKind::io); ++i) {
    const auto kind = static_cast<ErrorKind>(i);
    const bool is_protocol =
        kind == ErrorKind::invalid_message || kind == ErrorKind::serialization || kind == ErrorKind::message_too_large;
    EXPECT_EQ(failure_of(kind), kind == ErrorKind::timeout ? Failure::timeout
                                : is_protocol              ? Failure::protocol_error
                                                           : Failure::unavailable)
        << base::name(kind);
  }
}

TEST(Failures, TimeoutsAre504TooLargeBodies413AndTheRest503) {
  EXPECT_EQ(status_of(Failure::timeout), 504);
  EXPECT_EQ(status_of(Failure::body_too_large), 413);
  for (const auto failure : {Failure::unavailable, Failure::protocol_error, Failure::overloaded})
    EXPECT_EQ(status_of(failure), 503);
}

}  // namespace
}  // namespace picket::inspection
