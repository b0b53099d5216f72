#include "picket/inspection/stickiness.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::inspection {
namespace {

using By = Stickiness::By;

constexpr std::array<base::Header, 4> fields{
    {{"X-User", "u1"}, {"Cookie", "a=1; sid=first ;sidx=2"}, {"cookie", "late=x; sid=second"}, {"Accept", "*/*"}}};

std::string_view session(const Stickiness& stickiness) {
  const wire::RequestHeaders request{.metadata = {.client_ip = "192.0.2.1"}, .headers = base::Headers(fields)};
  return session_of(stickiness, request);
}

TEST(Stickiness, IsOfNothingUnlessItIsSaid) { EXPECT_EQ(session({}), ""); }

TEST(Stickiness, IsTheClientsAddressAHeaderOrACookie) {
  EXPECT_EQ(session({.by = By::client_ip}), "192.0.2.1");
  EXPECT_EQ(session({.by = By::header, .name = "x-user"}), "u1");
  EXPECT_EQ(session({.by = By::cookie, .name = "sid"}), "first");
  EXPECT_EQ(session({.by = By::cookie, .name = "late"}), "x");
}

TEST(Stickiness, ARequestWithoutItIsOfNoSession) {
  EXPECT_EQ(session({.by = By::header, .name = "x-other"}), "");
  EXPECT_EQ(session({.by = By::cookie, .name = "SID"}), "") << "names of cookies have their case";
  EXPECT_EQ(session({.by = By::cookie, .name = "id"}), "");
}

}  // namespace
}  // namespace picket::inspection
