#include "apps/gateway/config/oddities.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/gateway/config/testing/loading.hpp"

namespace picket::apps::gateway::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class Oddities : public testing::Loading {
 protected:
  /// What is odd of a gateway with these routes, beside a listener in clear.
  std::vector<std::string> of(const std::string& routes, const std::string& more = {}) {
    return oddities_of(good(R"(listeners { listener "web" { address "127.0.0.1:80" } }
upstreams { upstream "app" { target "127.0.0.1:9000" } }
routes { )" + routes + " }\n" +
                            more));
  }
};

TEST_F(Oddities, AFileWithoutAnyHasNone) { EXPECT_THAT(of(R"(route "all" { upstream "app" })"), IsEmpty()); }

TEST_F(Oddities, AFilterThatNoRouteUsesIsOne) {
  EXPECT_THAT(of(R"(route "all" { filters "used"; upstream "app" })", R"(agents { agent "a" { unix-socket "/s" } }
filters { filter "used" { type "agent"; agent "a" }; filter "left" { type "agent"; agent "a" } })"),
              ElementsAre("filter \"left\" is in no route: nobody is asked by it"));
}

TEST_F(Oddities, AStarInAPathIsOne) {
  EXPECT_THAT(
      of(R"(route "a" { matches { path "/api/*" }; upstream "app" }
route "b" { matches { path-prefix "/b*" }; upstream "app" }
route "c" { matches { path-prefix "/c"; host "*.example" }; upstream "app" })"),
      ElementsAre("route \"a\": the * in path \"/api/*\" is a character of the path like any other; path-prefix "
                  "\"/a\" takes all that is below /a",
                  "route \"b\": the * in path-prefix \"/b*\" is a character of the path like any other; "
                  "path-prefix \"/a\" takes all that is below /a"));
}

TEST_F(Oddities, ARouteInClearIsOneWhereOthersRedirect) {
  constexpr auto plain = R"(route "plain" { matches { path-prefix "/plain" }; upstream "app" }
route "acme" { matches { path-prefix "/.well-known/acme-challenge" }; upstream "app" }
route "health" { matches { path "/healthz" }; respond 200 "ok" }
)";
  EXPECT_THAT(of(std::string{plain} + R"(route "all" { redirect-to-https #true; upstream "app" })"),
              ElementsAre("route \"plain\" has no redirect-to-https, as others have: it serves clear text"));
  EXPECT_THAT(of(plain), IsEmpty());
}

TEST_F(Oddities, BodiesThatAnAgentSeesPackedAreOne) {
  const auto with = [&](const std::string& keys) {
    return of(R"(route "all" { upstream "app" })", R"(agents { agent "a" { unix-socket "/s"; )" + keys + " } }");
  };
  EXPECT_THAT(with(R"(events "response_body")"),
              ElementsAre("agent \"a\" sees compressed bodies as they come; decompress #true shows what they contain"));
  EXPECT_THAT(with(R"(events "response_body"; decompress #true)"), IsEmpty());
  EXPECT_THAT(with(""), IsEmpty());
}

}  // namespace
}  // namespace picket::apps::gateway::config
