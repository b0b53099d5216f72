#include "picket/wire/output.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::wire {
namespace {

const std::string kBody(1000, 'b');
const std::string kOther(2000, 'o');

Output example() {
  Output output;
  output.append("head:");
  output.splice(base::as_bytes(kBody));
  output.append(":middle:");
  output.splice(base::as_bytes(kOther));
  output.append(":tail");
  return output;
}
const std::string kExpected = "head:" + kBody + ":middle:" + kOther + ":tail";

TEST(Output, BodyTravelsAsItsOwnIovecUncopied) {
  const Output output = example();
  std::array<iovec, 8> parts{};
  ASSERT_EQ(output.gather(parts), 5U);
  EXPECT_EQ(parts[1].iov_base, kBody.data());
  EXPECT_EQ(output.flatten(), kExpected);
}

TEST(Output, SmallBodyIsCopiedInstead) {
  Output output;
  output.splice(base::as_bytes("small"));
  EXPECT_FALSE(output.borrows());
  EXPECT_EQ(output.flatten(), "small");
}

TEST(Output, EverySplitOfConsumptionYieldsTheSameBytes) {
  for (std::size_t cut = 0; cut <= kExpected.size(); ++cut) {
    Output output = example();
    output.consume(cut);
    EXPECT_EQ(output.size(), kExpected.size() - cut);
    ASSERT_EQ(output.flatten(), kExpected.substr(cut)) << cut;
  }
}

TEST(Output, AppendedAfterPartialConsumptionStaysInOrder) {
  Output output = example();
  output.consume(600);
  output.append("+more");
  output.splice(base::as_bytes(kBody));
  EXPECT_EQ(output.flatten(), kExpected.substr(600) + "+more" + kBody);
}

TEST(Output, FewIovecsGatherAPrefix) {
  const Output output = example();
  std::array<iovec, 3> parts{};
  const std::size_t used = output.gather(parts);
  std::string text;
  for (std::size_t i = 0; i < used; ++i) text.append(static_cast<char*>(parts[i].iov_base), parts[i].iov_len);
  EXPECT_GT(text.size(), 0U);
  EXPECT_TRUE(kExpected.starts_with(text));
}

TEST(Output, BorrowedBodyIsCopiedBeforeItsOwnerLetsItGo) {
  std::string body(1000, 'x');
  Output output;
  output.append("a");
  output.splice(base::as_bytes(body));
  output.splice(base::as_bytes(kOther));
  output.append("z");
  output.consume(501);
  output.own_borrowed(base::as_bytes(body));
  body.assign(1000, '!');
  EXPECT_EQ(output.flatten(), std::string(500, 'x') + kOther + "z");
  EXPECT_TRUE(output.borrows());
}

TEST(Output, RewindTakesAFrameBackWhole) {
  Output output = example();
  const auto mark = output.mark();
  output.append("bad");
  output.splice(base::as_bytes(kBody));
  output.rewind(mark);
  EXPECT_EQ(output.flatten(), kExpected);
}

TEST(Output, WhatWasDeferredIsUrgentBehindOrBeforeWhatIs) {
  Output output;
  output.append("later");
  output.let_wait(0);
  EXPECT_FALSE(output.urgent());
  output.append("now");
  EXPECT_TRUE(output.urgent());
  const std::size_t before = output.size();
  output.append("later");
  output.let_wait(before);
  EXPECT_TRUE(output.urgent());
  output.consume(output.size());
  EXPECT_FALSE(output.urgent());
  output.append("x");
  EXPECT_TRUE(output.urgent()) << "what was deferred has left";
}

}  // namespace
}  // namespace picket::wire
