#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

/// JSON Web Tokens, keys of clouds, PEM. The values are put together here: whole ones would be taken for leaks.
namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::found;
using ::testing::IsEmpty;

const std::string header = "eyJhbGciOiJIUzI1NiJ9";
const std::string token = header + ".eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl";
const std::string letters = "Ab3dEf6hIj9kLmN2pQrS5tUv8wXy1Z4a7cEg";  // 36

TEST(JwtRecogniser, FindsSignedUnsignedAndEncryptedOnes) {
  constexpr auto jwt = Category::jwt;
  EXPECT_THAT(found(jwt, "Authorization: Bearer " + token + ", and"), ElementsAre(token));
  EXPECT_THAT(found(jwt, "It is " + token + "."), ElementsAre(token));
  const std::string unsigned_one = header + ".eyJzdWIiOiIxMjM0In0.";
  EXPECT_THAT(found(jwt, unsigned_one), ElementsAre(unsigned_one));
  const std::string encrypted = header + "." + letters + ".YWJj." + letters + ".ZGVm";
  EXPECT_THAT(found(jwt, encrypted), ElementsAre(encrypted));
}

TEST(JwtRecogniser, TakesNothingElseForOne) {
  for (const std::string& text : {std::string{"eyJ"}, header, header + ".abc", header + ".abc.def",
                                  std::string{"www.eyJhbGciOi.com"}, "x" + token})
    EXPECT_THAT(found(Category::jwt, text), IsEmpty()) << text;
}

TEST(CloudKeyRecogniser, FindsKeysByTheirIssuersMarks) {
  for (const std::string& key : {std::string{"AKIA"} + "IOSFODNN7EXAMPLE", std::string{"AIza"} + letters.substr(1),
                                 "ghp_" + letters, "github_pat_" + letters + letters, "xoxb-" + letters,
                                 "sk-ant-api03-" + letters, "sk-proj-" + letters, "sk-" + letters, "sk_live_" + letters,
                                 "glpat-" + letters, "npm_" + letters, "SG." + letters.substr(0, 22) + "." + letters,
                                 "hf_" + letters, "SK" + std::string(32, 'a'), "dop_v1_" + std::string(64, '0')})
    EXPECT_THAT(found(Category::cloud_key, "key=" + key + ";"), ElementsAre(key)) << key;
  EXPECT_THAT(found(Category::cloud_key, "AccountKey=" + letters + letters + "==;"),
              ElementsAre(letters + letters + "=="));
}

TEST(CloudKeyRecogniser, TakesNothingElseForOne) {
  for (const std::string& text :
       {std::string{"AKIA1234"}, "xAKIA" + letters.substr(0, 16), "risk-" + letters, std::string{"sk-learn"},
        std::string{"task-list"}, std::string{"SKILLS"}, std::string{"ACCOUNT"}, std::string{"AKIAIOSFODNN7EXAMPLEX"}})
    EXPECT_THAT(found(Category::cloud_key, text), IsEmpty()) << text;
}

TEST(PemRecogniser, FindsPrivateKeysToTheirEnd) {
  constexpr auto pem = Category::pem_key;
  for (const std::string label :
       {"PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PGP PRIVATE KEY BLOCK"}) {
    const std::string key = "-----BEGIN " + label + "-----\nMIIB\nAAAA==\n-----END " + label + "-----";
    EXPECT_THAT(found(pem, "here: " + key + "\nbye"), ElementsAre(key)) << label;
  }
  const std::string whole = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----";
  for (std::size_t size = whole.find("MIIB"); size <= whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    EXPECT_THAT(found(pem, cut), ElementsAre(cut));
  }
}

TEST(PemRecogniser, LeavesWhatIsPublic) {
  EXPECT_THAT(found(Category::pem_key, "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"), IsEmpty());
  EXPECT_THAT(found(Category::pem_key, "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"), IsEmpty());
  EXPECT_THAT(found(Category::pem_key, "a PRIVATE KEY"), IsEmpty());
}

}  // namespace
}  // namespace picket::apps::guard
