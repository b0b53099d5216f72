#include "apps/guard/category.hpp"

#include <gtest/gtest.h>

namespace picket::apps::guard {
namespace {

TEST(Category, EachHasANameThatNamesIt) {
  for (std::size_t i = 0; i < category_count; ++i) {
    const auto category = static_cast<Category>(i);
    EXPECT_EQ(categories_named(name_of(category)), Categories{category}) << name_of(category);
  }
}

TEST(Category, AListIsTheUnionOfItsWords) {
  const auto list = parse_categories("pii,jwt");
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->has(Category::email));
  EXPECT_TRUE(list->has(Category::jwt));
  EXPECT_FALSE(list->has(Category::secret));
  EXPECT_FALSE(list->has(Category::prompt_injection));
  EXPECT_TRUE(parse_categories("none")->empty());
}

TEST(Category, AWordThatIsNoneIsNamedWithThoseThatAre) {
  for (const char* list : {"pii,emails", "", "email,", "all,none", "none,none"})
    EXPECT_FALSE(parse_categories(list)) << list;
  const auto refused = parse_categories("emails");
  EXPECT_NE(refused.error().detail().find("'emails'"), std::string::npos);
  EXPECT_NE(refused.error().detail().find("credit_card"), std::string::npos);
}

}  // namespace
}  // namespace picket::apps::guard
