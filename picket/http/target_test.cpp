#include "picket/http/target.hpp"

#include <gtest/gtest.h>

namespace picket::http {
namespace {

TEST(Target, HasItsPartsWhetherItIsAPathOrAnUri) {
  const struct {
    std::string_view target;
    std::string_view authority;
    std::string_view origin;
    std::string_view path;
  } cases[] = {
      {"/", "", "/", "/"},
      {"/a/b?q=/x", "", "/a/b?q=/x", "/a/b"},
      {"*", "", "*", "/"},
      {"http://a.test:80/b?c", "a.test:80", "/b?c", "/b"},
      {"https://a.test/", "a.test", "/", "/"},
      {"http://a.test", "a.test", "/", "/"},
      {"HTTPS://a.test/b", "a.test", "/b", "/b"},
      {"http://a.test?q", "a.test", "/?q", "/"},
      {"/http://a.test/b", "", "/http://a.test/b", "/http://a.test/b"},
  };
  base::Arena arena;
  for (const auto& [target, authority, origin, path] : cases) {
    EXPECT_EQ(authority_of(target), authority) << target;
    EXPECT_EQ(origin_form("GET", target, arena), origin) << target;
    EXPECT_EQ(path_of(target), path) << target;
  }
}

TEST(Target, HasAQueryBehindTheFirstQuestionMark) {
  for (const auto& [target, query] : {std::pair{"/a", ""},
                                      {"/a?", ""},
                                      {"/a?b=1&c?d", "b=1&c?d"},
                                      {"/a?b#c", "b"},
                                      {"http://a.test?q", "q"},
                                      {"*", ""}})
    EXPECT_EQ(query_of(target), query) << target;
}

TEST(Target, OfOptionsIsTheServerWhereThereIsNoPath) {
  base::Arena arena;
  EXPECT_EQ(origin_form("OPTIONS", "http://a.test", arena), "*");
  EXPECT_EQ(origin_form("OPTIONS", "http://a.test/", arena), "/");
  EXPECT_EQ(origin_form("OPTIONS", "*", arena), "*");
}

TEST(Target, MeansThePortOfItsScheme) {
  EXPECT_EQ(default_port("http://a.test/"), 80);
  EXPECT_EQ(default_port("HTTPS://a.test/"), 443);
  EXPECT_EQ(default_port("/"), 80);
}

}  // namespace
}  // namespace picket::http
