#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::found;
using ::testing::IsEmpty;

TEST(SecretRecogniser, FindsWhatIsAssignedToANameThatSaysSo) {
  constexpr auto secret = Category::secret;
  EXPECT_THAT(found(secret, "password: hunter2x!"), ElementsAre("hunter2x"));
  EXPECT_THAT(found(secret, R"({"api_key": "a1b2c3d4e5f6"})"), ElementsAre("a1b2c3d4e5f6"));
  EXPECT_THAT(found(secret, "export DB_PASSWORD='Tr0ub4dor&3'"), ElementsAre("Tr0ub4dor&3"));
  EXPECT_THAT(found(secret, "x-api-key=9f8e7d6c5b4a&page=2"), ElementsAre("9f8e7d6c5b4a"));
  EXPECT_THAT(found(secret, "The password is correct-horse-7."), ElementsAre("correct-horse-7"));
  EXPECT_THAT(found(secret, "postgres://app:Sup3rS3cret@db/prod"), ElementsAre("Sup3rS3cret"));
  EXPECT_THAT(found(secret, "The password for the build server is xK29pq77"), ElementsAre("xK29pq77"));
  EXPECT_THAT(found(secret, "Authorization: Basic YWRtaW46czNjcjN0"), ElementsAre("YWRtaW46czNjcjN0"));
  EXPECT_THAT(found(secret, "**Password:** `abc-123-def`"), ElementsAre("abc-123-def"));
  EXPECT_THAT(found(secret, "{\\\"api_key\\\": \\\"a1b2c3d4\\\"}"), ElementsAre("a1b2c3d4"));
  EXPECT_THAT(found(secret, "client secret => s3cr3tvalue"), ElementsAre("s3cr3tvalue"));
}

TEST(SecretRecogniser, FindsLongWordsThatOnlyChanceWrites) {
  const std::string word = "kJ8sD2fQ9xLm4Zp7Rt1Vw6Yb3Nc5Ha0G";
  EXPECT_THAT(found(Category::secret, "here: " + word), ElementsAre(word));
}

TEST(SecretRecogniser, TakesNothingElseForOne) {
  for (const char* text :
       {"password: required", "the password is wrong", "token: <your-token-1>", "api_key=${API_KEY_1}",
        "secret: ********", "password:", "a tokenizer = fast1", "internationalization",
        "d41d8cd98f00b204e9800998ecf8427e", "550e8400-e29b-41d4-a716-446655440000", "http://example.com:8080/a@b",
        "https://example.com/d/kJ8sD2fQ9xLm4Zp7Rt1Vw6Yb3Nc5Ha0G", "ThisIsAVeryLongIdentifierNameInCode2024Version",
        "passport: X1234567", "login(user='', passwd='', acct2='')", "password = self.read(1)[0]", "token = auth[2]",
        "getpass(prompt='Password: ', stream=None1)"})
    EXPECT_THAT(found(Category::secret, text), IsEmpty()) << text;
}

}  // namespace
}  // namespace picket::apps::guard
