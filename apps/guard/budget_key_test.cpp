#include "apps/guard/budget_key.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(BudgetKey, OfCredentialsIsTheSameInEachSpelling) {
  for (const char* header : {"authorization", "proxy-authorization"}) {
    for (const char* value : {"Bearer abc", "bearer  abc", " BEARER\tabc ", "Bearer abc=", "Bearer abc=="})
      EXPECT_EQ(budget_key(header, value), "bearer abc") << value;
    EXPECT_EQ(budget_key(header, "Bearer a-b._~+/C"), "bearer a-b._~+/C");
    EXPECT_EQ(budget_key(header, " "), "");
  }
}

TEST(BudgetKey, IsNoneWhereCredentialsMayBeReadInMoreThanOneWay) {
  for (const char* value :
       {"abc", "Bearer", "Bearer =", "Bearer abc 1", "Bearer abc,", "Bearer abc\t3", "Bearer \"abc\"", "Bearer a=b",
        "Bearer a,b", "Bearer,abc def", "\"Bearer\" abc", "Bearer abc;", "Bearer \xc3\xa4",
        "Bearer\xc2\xa0"
        "abc",
        "Bearer: abc", "Digest username=\"ann\", realm=\"a\""})
    EXPECT_EQ(budget_key("authorization", value), std::nullopt) << value;
}

TEST(BudgetKey, BehindBasicIsBase64WithoutStrayBits) {
  EXPECT_EQ(budget_key("authorization", "Basic YW5uOng="), "basic YW5uOng");
  EXPECT_EQ(budget_key("authorization", "basic YW5uOg=="), "basic YW5uOg");
  EXPECT_EQ(budget_key("authorization", "basic YW5u"), "basic YW5u");
  for (const char* value : {"Basic YW5uOng", "Basic YW5uOnh=", "Basic YW5uOh==", "Basic YW5uOg=", "Basic YW5u====",
                            "Basic YW.5uOng=", "Basic YW5uO-__"})
    EXPECT_EQ(budget_key("authorization", value), std::nullopt) << value;
}

TEST(BudgetKey, OfAnotherHeaderIsOneWord) {
  EXPECT_EQ(budget_key("x-api-key", " sk-Ab_c=/{1}@x\t"), "sk-Ab_c=/{1}@x");
  EXPECT_EQ(budget_key("x-api-key", ""), "");
  for (const char* value : {"a b", "Bearer abc", "a,", "a,b", "\"a\"", "'a'", "a;b", "a\xc2\xa0", "a\x7f"})
    EXPECT_EQ(budget_key("x-api-key", value), std::nullopt) << value;
}

}  // namespace
}  // namespace picket::apps::guard
