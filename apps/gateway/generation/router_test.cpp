#include "apps/gateway/generation/router.hpp"

#include <string>

#include <gtest/gtest.h>

#include "picket/http/target.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// /api has an agent, the rest has none.
config::Config two_routes() {
  config::Config config;
  config.agents = {{.id = "waf"}};
  config.filters = {{.id = "waf"}};
  config.routes = {{.id = "api", .path_prefix = "/api", .filters = {0}}, {.id = "rest", .path_prefix = "/"}};
  return config;
}

RouteChoice choose(const config::Config& config, std::string_view target, std::string_view host = "a") {
  return find_route(config, {.method = "GET", .authority = host, .path = http::path_of(target)});
}

bool is_ambiguous(const config::Config& config, std::string_view target) {
  return !choose(config, target).ambiguity.empty();
}

TEST(Router, PrefixEndsAtAPathSegment) {
  const auto config = two_routes();
  for (const auto* const target : {"/api", "/api/", "/api/x", "/api?q=1", "http://a/api"})
    EXPECT_EQ(choose(config, target).route->id, "api") << target;
  for (const auto* const target : {"/", "/apix", "/ap", "/x/api", "/x?/api", "http://a", "http://a?/api"})
    EXPECT_EQ(choose(config, target).route->id, "rest") << target;
}

TEST(Router, PathsThatAnUpstreamMayTakeForAnotherRoutesAreAmbiguous) {
  const auto config = two_routes();
  for (const auto* const target : {"/x/../api",
                                   "//api",
                                   "/%61pi",
                                   "/./api",
                                   "/api%2Fx",
                                   "/x%2F..%2Fapi",
                                   "/api/..%2Fx",
                                   "/api/../x",
                                   "/x/%2e%2e/api/y",
                                   "/%5Capi",
                                   "/x%5cy/../api/secret.txt",
                                   "/x%2fy/../api",
                                   "/app//../api",
                                   "/x/..;/api",
                                   "/api;v=1/x",
                                   "/api%3fx",
                                   "/api%23",
                                   "/api%3bv",
                                   "/api%00.css",
                                   "/%2561pi",
                                   "/x/..%3ba/api",
                                   "/;/api",
                                   "/api%252fx",
                                   "/x/%252e%252e/api",
                                   "/%c0%ae%c0%ae/api%c0%afx",
                                   "/%u0061pi",
                                   "/api;/../x",
                                   "/x;a=/../api",
                                   "/x%e0%80%af..%e0%80%afapi",
                                   "/%f0%80%81%a1pi",
                                   "/x%ef%bc%8f..%ef%bc%8fapi",
                                   "/%uff41pi",
                                   "/x%u2215../api",
                                   "/ap%00i",
                                   "/api%20/x",
                                   "/api%a0",
                                   "/api.",
                                   "/api%2e/",
                                   "/x/%2e%2e%20/api"})
    EXPECT_TRUE(is_ambiguous(config, target)) << target;
  for (const auto* const target :
       {"/a%20b", "/api/a%2Fb", "/api//x", "/api/./x", "/x/../y", "/%zz", "/100%", "/.well-known/x", "/api/x;v=1",
        "/x?q=/../api", "/x%3fapi", "/x;/y", "/apis%2f", "/%e4%bd%a0", "/a%252fb", "/..", "/x/api%2f"})
    EXPECT_FALSE(is_ambiguous(config, target)) << target;
}

TEST(Router, APathThatCouldBeOneOfNoRouteIsAmbiguousAndTheOtherWayRoundItIsNowhere) {
  auto config = two_routes();
  config.routes.pop_back();
  EXPECT_TRUE(is_ambiguous(config, "/api/..%2fx"));
  EXPECT_EQ(choose(config, "/x/..%2fapi").route, nullptr);
}

TEST(Router, RoutesThatAskTheSameAgentsAlikeLeaveNothingToGetAround) {
  auto config = two_routes();
  config.routes[1].filters = {0};
  EXPECT_FALSE(is_ambiguous(config, "/x/../api"));
  config.filters.push_back({.id = "same"});
  config.routes[1].filters = {1};
  EXPECT_FALSE(is_ambiguous(config, "/x/../api"));
  config.filters[1].failure_mode = config::FailureMode::open;
  EXPECT_TRUE(is_ambiguous(config, "/x/../api"));
  config.filters[1] = {.id = "slower", .timeout = config::milliseconds{2000}};
  EXPECT_TRUE(is_ambiguous(config, "/x/../api"));
}

TEST(Router, APathMadeToHaveTooManyReadingsIsAmbiguous) {
  std::string target;
  for (int i = 0; i < 100; ++i) target += "/a%255c%2f..;x//%3f;%23/./%00%252e%u002e";
  EXPECT_TRUE(is_ambiguous(two_routes(), target));
}

TEST(Router, OneRouteForEverythingIsNeverAmbiguous) {
  config::Config config;
  config.routes = {{.id = "all"}};
  for (const auto* const target : {"/x/../api", "//api", "/%2e%2e/"})
    EXPECT_FALSE(is_ambiguous(config, target)) << target;
}

TEST(Router, APrefixThatEndsInASlashTakesThePathWithoutItToo) {
  auto config = two_routes();
  config.routes[0].path_prefix = "/api/";
  for (const auto* const target : {"/api", "/api/", "/api/x"}) EXPECT_EQ(choose(config, target).route->id, "api");
  for (const auto* const target : {"/ap", "/apis", "/"}) EXPECT_EQ(choose(config, target).route->id, "rest");
  for (const auto* const target : {"/api;x", "/api%2f", "//api", "/x/../api"})
    EXPECT_TRUE(is_ambiguous(config, target)) << target;
}

TEST(Router, AnOddSpellingOfAnAddressIsAnotherReadingOfTheHost) {
  auto config = two_routes();
  config.routes[0] = {.id = "local", .host = "127.0.0.1", .filters = {0}};
  for (const auto* const host : {"127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.1:80", "0x7f.1."})
    EXPECT_FALSE(choose(config, "/", host).ambiguity.empty()) << host;
  for (const auto* const host : {"127.0.0.1", "127.2", "1a.test", "0x7f.test", "10.0.0.1", "a"})
    EXPECT_TRUE(choose(config, "/", host).ambiguity.empty()) << host;
}

TEST(Router, HostIsComparedWithoutPortCaseAndFinalDot) {
  config::Config config;
  config.routes = {{.id = "app", .host = "app.example"}};
  for (const auto* const host : {"app.example", "APP.example:8080", "app.example.", "app.example.:80"})
    EXPECT_NE(choose(config, "/", host).route, nullptr) << host;
  EXPECT_EQ(choose(config, "/", "other.example").route, nullptr);
}

}  // namespace
}  // namespace picket::apps::gateway::generation
