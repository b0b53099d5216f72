#include "apps/gateway/generation/router.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "apps/gateway/generation/conditions.hpp"
#include "picket/base/time.hpp"
#include "picket/http/target.hpp"

namespace picket::apps::gateway::generation {
namespace {

/// /api has an agent, the rest has none.
config::Config two_routes() {
  config::Config config;
  config.agents = {{.id = "waf"}};
  config.filters = {{.id = "waf"}};
  config.routes = {{.id = "api", .matches = {.path = "/api"}, .filters = {0}},
                   {.id = "rest", .matches = {.path = "/"}}};
  return config;
}

RouteChoice choose(const config::Config& config, std::string_view target, std::string_view host = "a") {
  return Router{config}.find({.method = "GET", .authority = host, .path = http::path_of(target)});
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

TEST(Router, WhatARouteDoesItselfIsNotToBeGotAroundEither) {
  const auto differs = [](auto change) {
    auto config = two_routes();
    config.routes[1].filters = {0};
    EXPECT_FALSE(is_ambiguous(config, "//api"));
    change(config.routes[0]);
    return is_ambiguous(config, "//api");
  };
  EXPECT_TRUE(differs([](config::Route& api) { api.respond = config::FixedAnswer{.status = 403}; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.redirect_to_https = true; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.websocket = true; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.websocket_inspection = true; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.websocket_idle = std::chrono::seconds{1}; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.max_body_size = 10; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.request_edits = {{.name = "x-a", .value = "b"}}; }));
  EXPECT_TRUE(differs([](config::Route& api) { api.response_edits = {{.name = "x-a", .value = "b"}}; }));
  EXPECT_FALSE(differs([](config::Route& api) { api.upstream = 7; }));
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
  config.routes[0].matches = {.path = "/api/"};
  for (const auto* const target : {"/api", "/api/", "/api/x"}) EXPECT_EQ(choose(config, target).route->id, "api");
  for (const auto* const target : {"/ap", "/apis", "/"}) EXPECT_EQ(choose(config, target).route->id, "rest");
  for (const auto* const target : {"/api;x", "/api%2f", "//api", "/x/../api"})
    EXPECT_TRUE(is_ambiguous(config, target)) << target;
}

TEST(Router, AnOddSpellingOfAnAddressIsAnotherReadingOfTheHost) {
  auto config = two_routes();
  config.routes[0] = {.id = "local", .matches = {.host = "127.0.0.1"}, .filters = {0}};
  for (const auto* const host : {"127.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.1:80", "0x7f.1."})
    EXPECT_FALSE(choose(config, "/", host).ambiguity.empty()) << host;
  for (const auto* const host : {"127.0.0.1", "127.2", "1a.test", "0x7f.test", "10.0.0.1", "a"})
    EXPECT_TRUE(choose(config, "/", host).ambiguity.empty()) << host;
}

TEST(Router, HostIsComparedWithoutPortCaseAndFinalDot) {
  config::Config config;
  config.routes = {{.id = "app", .matches = {.host = "app.example"}}};
  for (const auto* const host : {"app.example", "APP.example:8080", "app.example.", "app.example.:80"})
    EXPECT_NE(choose(config, "/", host).route, nullptr) << host;
  EXPECT_EQ(choose(config, "/", "other.example").route, nullptr);
}

/// What has x-tier: gold and what asks for beta have an agent, the rest has none.
config::Config chosen_by_more() {
  config::Config config;
  config.agents = {{.id = "waf"}};
  config.filters = {{.id = "waf"}};
  config.routes = {{.id = "whole", .matches = {.path = "/login", .whole_path = true}, .filters = {0}},
                   {.id = "header", .matches = {.headers = {{"X-Tier", "gold"}}}, .filters = {0}},
                   {.id = "query", .matches = {.queries = {{"beta", "1 2"}}}, .filters = {0}},
                   {.id = "rest"}};
  return config;
}

RouteChoice choose_by(std::string_view path, std::string_view query, std::span<const base::Header> fields) {
  static const auto config = chosen_by_more();
  static const Router router{config};
  return router.find({.method = "GET", .authority = "a", .path = path, .query = query, .headers = fields});
}

TEST(Router, AWholePathIsTakenBeforePrefixesAndNothingBehindIt) {
  EXPECT_EQ(choose_by("/login", "", {}).route->id, "whole");
  EXPECT_TRUE(choose_by("/login", "", {}).ambiguity.empty());
  EXPECT_EQ(choose_by("/login/x", "", {}).route->id, "rest");
  EXPECT_TRUE(choose_by("/login/x", "", {}).ambiguity.empty());
  for (const auto* const path : {"/login/", "/x/../login", "/login%2f", "//login"})
    EXPECT_FALSE(choose_by(path, "", {}).ambiguity.empty()) << path;
}

TEST(Router, AHeaderThatAnUpstreamMayReadOtherwiseIsAmbiguous) {
  const auto choice = [](std::vector<base::Header> fields) { return choose_by("/", "", fields); };
  EXPECT_EQ(choice({{"x-tier", "gold"}}).route->id, "header");
  EXPECT_EQ(choice({{"x-tier", "gold"}, {"X-TIER", "gold"}}).route->id, "header");
  for (const auto& fields : {std::vector<base::Header>{}, {{"x-tier", "golden"}}, {{"x-tie", "gold"}}}) {
    EXPECT_EQ(choice(fields).route->id, "rest");
    EXPECT_TRUE(choice(fields).ambiguity.empty());
  }
  for (const auto& fields : {std::vector<base::Header>{{"x-tier", "gold"}, {"x-tier", "lead"}},
                             {{"x-tier", "lead"}, {"x-tier", "gold"}},
                             {{"x_tier", "gold"}},
                             {{"x-tier", "GOLD"}},
                             {{"x-tier", "lead, gold"}},
                             {{"x-tier", "\"gold\""}},
                             {{"x-tier", "g'old '"}}})
    EXPECT_FALSE(choice(fields).ambiguity.empty()) << fields.front().value;
}

TEST(Router, AQueryThatAnUpstreamMayReadOtherwiseIsAmbiguous) {
  for (const auto* const query : {"beta=1%202", "beta=1+2", "a&beta=1+2&b=c", "%62eta=1+2", "beta=1+2&beta=1%202"})
    EXPECT_EQ(choose_by("/", query, {}).route->id, "query") << query;
  for (const auto* const query : {"", "beta", "beta=", "beta=1", "xbeta=1+2", "beta=1+2x", "beta%3d1+2"}) {
    EXPECT_EQ(choose_by("/", query, {}).route->id, "rest") << query;
    EXPECT_TRUE(choose_by("/", query, {}).ambiguity.empty()) << query;
  }
  for (const auto* const query :
       {"beta=1+2&beta=3", "beta=3&beta=1+2", "x;beta=1+2", "beta=3;beta=1+2", "BETA=1+2", "%20beta=1+2",
        "beta=%2531%202", "beta=1%2b2", "beta=1+2%00", "beta=1+2%23x", "be%2574a=1+2"})
    EXPECT_FALSE(choose_by("/", query, {}).ambiguity.empty()) << query;
  for (const auto* const path : {"/x%3fbeta=1+2", "/%3Fbeta=1", "/%253fbeta", "/x%ef%bc%9fbeta=1", "/x%u003fbeta"})
    EXPECT_FALSE(choose_by(path, "", {}).ambiguity.empty()) << path;
}

TEST(Router, AnEscapedQuestionMarkBehindTheRoutesOwnPathIsAmbiguousToo) {
  auto config = chosen_by_more();
  config.routes[2].matches.path = "/q";
  const Router router{config};
  for (const auto* const path : {"/q%3fbeta=1+2", "/q%253fbeta=1", "/q/%3Fbeta=1"})
    EXPECT_FALSE(router.find({.method = "GET", .authority = "a", .path = path}).ambiguity.empty()) << path;
}

TEST(Router, AHeaderOfSeveralValuesIsReadHoweverItIsCut) {
  auto config = chosen_by_more();
  config.routes[1].matches.headers = {{"x-tier", "a, b"}};
  const Router router{config};
  for (const auto& fields : {std::vector<base::Header>{{"x-tier", "a,b"}}, {{"x-tier", "a"}, {"x-tier", "b"}}})
    EXPECT_FALSE(router.find({.method = "GET", .authority = "a", .path = "/", .headers = base::Headers{fields}})
                     .ambiguity.empty());
}

TEST(Router, AWildcardTakesHostsBelowItsName) {
  config::Config config;
  config.routes = {{.id = "one", .matches = {.host = "a.app.example"}},
                   {.id = "below", .matches = {.host = "*.app.example"}},
                   {.id = "wide", .matches = {.host = "*.example"}}};
  for (const auto& [host, id] : {std::pair{"a.app.example", "one"},
                                 {"A.App.Example:8080", "one"},
                                 {"b.app.example", "below"},
                                 {"c.b.app.example.", "below"},
                                 {"app.example", "wide"}})
    EXPECT_EQ(choose(config, "/", host).route->id, id) << host;
  for (const auto* const host : {"example", ".example", "xexample", ""})
    EXPECT_EQ(choose(config, "/", host).route, nullptr) << host;
}

TEST(Router, AHostOfThousandsOfLabelsCostsNoMoreThanAShortOne) {
  config::Config config;
  for (int i = 0; i < 50; ++i) {
    config.routes.push_back(
        {.id = "below", .matches = {.path = "/" + std::string(static_cast<std::size_t>(i), 'p'), .host = "*.example"}});
  }
  std::string host;
  for (int i = 0; i < 8'000; ++i) host += "a.";
  const Router router{config};
  const auto began = base::Clock::now();
  for (int i = 0; i < 1'000; ++i)
    EXPECT_EQ(router.find({.method = "GET", .authority = host + "com", .path = "/ppp/%61"}).route, nullptr);
  // By its labels each would take tens of milliseconds.
  EXPECT_LT(base::Clock::now() - began, std::chrono::seconds{20});
}

TEST(Router, TheFirstInTheFileIsTakenOfThoseThatTakeTheSamePath) {
  config::Config config;
  config.routes = {{.id = "wide", .matches = {.host = "*.example"}},
                   {.id = "named", .matches = {.host = "a.example"}},
                   {.id = "get", .matches = {.methods = {"GET"}}},
                   {.id = "rest"}};
  EXPECT_EQ(choose(config, "/", "a.example").route->id, "wide");
  EXPECT_EQ(choose(config, "/", "a").route->id, "get");
  EXPECT_EQ((Router{config}.find({.method = "POST", .authority = "a", .path = "/"}).route->id), "rest");
}

/// What Router does by its tables, by trying one route after the other.
const config::Route* first_of(const config::Config& config, const RouteQuery& query) {
  for (const auto& route : config.routes) {
    const auto& of = route.matches;
    std::string prefix = of.path;
    if (prefix.ends_with('/')) prefix.pop_back();
    const bool takes =
        of.whole_path ? query.path == of.path : query.path == prefix || query.path.starts_with(prefix + "/");
    if (takes && (!of.host || takes_host(*of.host, query.authority))) return &route;
  }
  return nullptr;
}

TEST(Router, FindsWhatTryingEachRouteInTurnFinds) {
  std::mt19937 random{7};
  const auto one_of = [&](auto... items) {
    const std::array all{std::string{items}...};
    return all[random() % all.size()];
  };
  for (int round = 0; round < 300; ++round) {
    config::Config config;
    for (std::size_t i = random() % 12; i > 0; --i) {
      config::Route route{.id = std::to_string(i)};
      route.matches.path = one_of("/", "/a", "/a/", "/a/b", "/b", "/a/b/c");
      route.matches.whole_path = random() % 3 == 0;
      if (random() % 2 == 0) route.matches.host = one_of("a.b.c", "*.b.c", "*.c", "b.c");
      config.routes.push_back(route);
    }
    std::ranges::sort(config.routes, {}, [](const config::Route& route) {
      const auto& of = route.matches;
      return std::tuple{!of.whole_path, -static_cast<std::ptrdiff_t>(of.path.size()), -std::stoi(route.id)};
    });
    const Router router{config};
    for (int i = 0; i < 50; ++i) {
      const std::string path = one_of("/", "/a", "/a/", "/a/b", "/ab", "/a/b/c/d", "/b/", "/c");
      const std::string host = one_of("a.b.c", "b.c", "x.y.b.c", "c", "");
      const RouteQuery query{.method = "GET", .authority = host, .path = path};
      EXPECT_EQ(router.find(query).route, first_of(config, query)) << path << ' ' << host;
    }
  }
}

}  // namespace
}  // namespace picket::apps::gateway::generation
