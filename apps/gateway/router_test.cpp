#include "apps/gateway/router.hpp"

#include <array>

#include <gtest/gtest.h>

namespace picket::apps::gateway {
namespace {

config::Config two_routes() {
  config::Config config;
  config.routes = {{.id = "api", .path_prefix = "/api"}, {.id = "rest", .path_prefix = "/"}};
  return config;
}

RouteChoice choose(const config::Config& config, std::string_view target, std::string_view host = "a") {
  const std::array<wire::Header, 1> fields{{{"host", host}}};
  const http::RequestHead head{.method = "GET", .target = target, .headers = std::span<const wire::Header>{fields}};
  return find_route(config, head);
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
  for (const auto* const target : {"/x/../api", "//api", "/%61pi", "/./api", "/api%2Fx", "/x%2F..%2Fapi", "/api/..%2Fx",
                                   "/api/../x", "/x/%2e%2e/api/y", "/%5Capi"})
    EXPECT_TRUE(choose(config, target).ambiguous) << target;
  for (const auto* const target :
       {"/a%20b", "/api/a%2Fb", "/api//x", "/api/./x", "/x/../y", "/%zz", "/100%", "/.well-known/x"})
    EXPECT_FALSE(choose(config, target).ambiguous) << target;
}

TEST(Router, OneRouteForEverythingIsNeverAmbiguous) {
  config::Config config;
  config.routes = {{.id = "all"}};
  for (const auto* const target : {"/x/../api", "//api", "/%2e%2e/"})
    EXPECT_FALSE(choose(config, target).ambiguous) << target;
}

TEST(Router, HostIsComparedWithoutPortCaseAndFinalDot) {
  config::Config config;
  config.routes = {{.id = "app", .host = "app.example"}};
  for (const auto* const host : {"app.example", "APP.example:8080", "app.example.", "app.example.:80"})
    EXPECT_NE(choose(config, "/", host).route, nullptr) << host;
  EXPECT_EQ(choose(config, "/", "other.example").route, nullptr);
}

TEST(Router, ResolvedPathsHaveNoEscapesDotSegmentsOrDoubledSlashes) {
  const std::array<std::array<std::string_view, 2>, 9> cases{{{"/", "/"},
                                                              {"/a/./b", "/a/b"},
                                                              {"/a/../b", "/b"},
                                                              {"/../a", "/a"},
                                                              {"//a//b/", "/a/b/"},
                                                              {"/%61/%2E%2e/b", "/b"},
                                                              {"/a%2Fb", "/a/b"},
                                                              {"/a/..", "/"},
                                                              {"/%4", "/%4"}}};
  for (const auto& [path, resolved] : cases) EXPECT_EQ(resolved_path(path), resolved) << path;
}

}  // namespace
}  // namespace picket::apps::gateway
