#include "picket/http/forwarded.hpp"

#include <string>

#include <gtest/gtest.h>

namespace picket::http {
namespace {

/// "for|proto|host" of each element; "malformed".
std::string read(std::string_view value) {
  base::Arena arena;
  const auto elements = read_forwarded(value, arena);
  if (!elements) return "malformed";
  std::string all;
  for (const auto& element : elements->items())
    all.append(all.empty() ? "" : " ")
        .append(element.node)
        .append("|")
        .append(element.proto)
        .append("|")
        .append(element.host);
  return all;
}

TEST(Forwarded, IsReadInItsOrder) {
  EXPECT_EQ(read("for=192.0.2.1"), "192.0.2.1||");
  EXPECT_EQ(read("For=\"[2001:db8::1]:4711\";Proto=https;HOST=a.test;by=1.2.3.4"), "[2001:db8::1]:4711|https|a.test");
  EXPECT_EQ(read(" for=_a , for=unknown;by=_b\t,  proto=http "), "_a|| unknown|| |http|");
  EXPECT_EQ(read("for=192.0.2.1:80;host=\"a.test:8080\""), "192.0.2.1:80||a.test:8080");
  EXPECT_EQ(read("for = x"), "malformed");
  EXPECT_EQ(read(R"(for="a\"b, for=\\c";secret=x)"), R"(a"b, for=\c||)");
}

TEST(Forwarded, IsReadWholeOrNotAtAll) {
  for (const auto* const value : {"",
                                  ",",
                                  "for=1,",
                                  ",for=1",
                                  "for=1,,for=2",
                                  "for=1;",
                                  ";for=1",
                                  "for",
                                  "for=",
                                  "=1",
                                  "for=\"1",
                                  "for=\"1\\",
                                  "for=1 2",
                                  "for=1;for=2",
                                  "for=\"1\"2",
                                  "for=\"1\" for=2",
                                  "for=\x01",
                                  "for=\"\x01\"",
                                  "for=\"\"",
                                  "for=a/b"})
    EXPECT_EQ(read(value), "malformed") << value;
}

TEST(Forwarded, DoesNotLetAClientsQuoteSwallowWhatAProxyWroteBehindIt) {
  EXPECT_EQ(read("for=\"6.6.6.6, for=192.0.2.1"), "malformed");
  EXPECT_EQ(read("for=\"6.6.6.6, for=\"[2001:db8::1]\""), "malformed");
  EXPECT_EQ(read("for=6.6.6.6;x=\", for=\"192.0.2.1\""), "malformed");
}

}  // namespace
}  // namespace picket::http
