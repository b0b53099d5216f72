#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

/// Cards, IBANs and phone numbers.
namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::found;
using ::testing::IsEmpty;

TEST(CardRecogniser, FindsCardsAsTheyAreWritten) {
  constexpr auto card = Category::credit_card;
  EXPECT_THAT(found(card, "4111 1111 1111 1111, 5500-0000-0000-0004; 378282246310005"),
              ElementsAre("4111 1111 1111 1111", "5500-0000-0000-0004", "378282246310005"));
  EXPECT_THAT(found(card, "3782 822463 10005 and 3056 930902 5904"),
              ElementsAre("3782 822463 10005", "3056 930902 5904"));
  EXPECT_THAT(found(card, "2223003122003222 6011111111111117 3530111333300000 6200000000000005"),
              ElementsAre("2223003122003222", "6011111111111117", "3530111333300000", "6200000000000005"));
  EXPECT_THAT(found(card, "卡号4111111111111111。"), ElementsAre("4111111111111111"));
  EXPECT_THAT(found(card, "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"), ElementsAre("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"));
  EXPECT_THAT(found(card,
                    "12 4111\xc2\xa0"
                    "1111\xc2\xa0"
                    "1111\xc2\xa0"
                    "1111 345"),
              ElementsAre("4111\xc2\xa0"
                          "1111\xc2\xa0"
                          "1111\xc2\xa0"
                          "1111"));
}

TEST(CardRecogniser, TakesNoOtherNumberForOne) {
  for (const char* text : {"4111 1111 1111 1112", "1234 5678 9012 3456", "411111111111111", "0.4111111111111111",
                           "a4111111111111111", "41111111111111110000", "4006381333931", "41 11111 11111 1111"})
    EXPECT_THAT(found(Category::credit_card, text), IsEmpty()) << text;
}

TEST(CardRecogniser, FindsCardsWhateverStandsBetweenTheirGroups) {
  for (const std::string_view sign :
       {"  ",     "   ",    "\n",     "\r\n",   "\t",     "_",      "/",        ", ",     " - ",    "\u2009",
        "\u00a0", "\u202f", "\u3000", "\u2010", "\u2011", "\u2013", "\u2014",   "\u2015", "\u2212", "\u200b",
        "\u200d", "\u2060", "\u00ad", "\ufeff", "\u00b7", "** **",  " \u200b ", "\n    "}) {
    std::string card = "4111";
    for (int i = 0; i < 3; ++i) card.append(sign).append("1111");
    EXPECT_THAT(found(Category::credit_card, "pay with " + card + " please"), ElementsAre(card)) << sign;
    EXPECT_THAT(found(Category::credit_card, card + "\u200b"), ElementsAre(card)) << sign;
  }
  for (const std::string_view card :
       {"4111-1111 1111-1111", "4111 1111\n1111 1111", "4\u200b111111111111111", "٤١١١ ١١١١ ١١١١ ١١١١",
        "𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏", "４１１１１１１１１１１１１１１１", "3782\n822463\n10005", "4111-1111  1111-1111"})
    EXPECT_THAT(found(Category::credit_card, std::string{"card: "}.append(card).append(", 12/28 123")),
                ElementsAre(card));
  EXPECT_THAT(found(Category::credit_card, "**4111** **1111** **1111** **1111**"),
              ElementsAre("4111** **1111** **1111** **1111"));
}

TEST(CardRecogniser, TakesNoListOfNumbersForOne) {
  for (const char* text :
       {"4111, 1111, 1111, 1111, 2000", "1999, 4111, 1111, 1111, 1111", "4111\n1111\n1111\n1111\n1200",
        "41111111, 11111111", "4111 x 1111 x 1111 x 1111", "4111 - - 1111 - - 1111 - - 1111", "4111; 1111; 1111; 1111",
        "4111\n\n\n\n\n\n\n1111 1111 1111", "4,111,111,111,111,111"})
    EXPECT_THAT(found(Category::credit_card, text), IsEmpty()) << text;
}

TEST(IbanRecogniser, FindsAccountsWhateverStandsBetweenTheirGroups) {
  for (const std::string_view sign : {"  ", "\n", "\r\n", "_", ".", "\u2009", "\u2212", "\u200b", " - "}) {
    std::string iban = "GB82";
    for (const char* group : {"WEST", "1234", "5698", "7654", "32"}) iban.append(sign).append(group);
    EXPECT_THAT(found(Category::iban, "to " + iban + " now"), ElementsAre(iban)) << sign;
  }
  EXPECT_THAT(found(Category::iban, "GB82\nWEST12345698765432"), ElementsAre("GB82\nWEST12345698765432"));
}

TEST(IbanRecogniser, FindsAccountsOfAllCountriesAsTheyAreWritten) {
  constexpr auto iban = Category::iban;
  EXPECT_THAT(found(iban, "IBAN:DE89370400440532013000."), ElementsAre("DE89370400440532013000"));
  EXPECT_THAT(found(iban, "pay GB82 WEST 1234 5698 7654 32 today"), ElementsAre("GB82 WEST 1234 5698 7654 32"));
  EXPECT_THAT(found(iban, "nl91abna0417164300 or FR14 2004 1010 0505 0001 3M02 606"),
              ElementsAre("nl91abna0417164300", "FR14 2004 1010 0505 0001 3M02 606"));
  EXPECT_THAT(found(iban, "MT84MALT011000012345MTLCAST001S NO9386011117947"),
              ElementsAre("MT84MALT011000012345MTLCAST001S", "NO9386011117947"));
}

TEST(IbanRecogniser, TakesNothingElseForOne) {
  for (const char* text : {"DE89370400440532013001", "DE8937040044053201300", "XX89370400440532013000",
                           "DE89370400440532013000X", "DE", "GB82 WEST"})
    EXPECT_THAT(found(Category::iban, text), IsEmpty()) << text;
}

TEST(PhoneRecogniser, FindsNumbersWithTheirCountrysCode) {
  constexpr auto phone = Category::phone;
  EXPECT_THAT(found(phone, "Call +1 202-555-0143 now"), ElementsAre("+1 202-555-0143"));
  EXPECT_THAT(found(phone, "+44 (0)20 7946 0958; +4930123456; (+33) 1 23"),
              ElementsAre("+44 (0)20 7946 0958", "+4930123456"));
  EXPECT_THAT(found(phone, "+33 1 23 45 67 89 2024"), ElementsAre("+33 1 23 45 67 89"));
  EXPECT_THAT(found(phone, "0049 30 1234567"), ElementsAre("0049 30 1234567"));
}

TEST(PhoneRecogniser, FindsNationalSpellings) {
  constexpr auto phone = Category::phone;
  EXPECT_THAT(found(phone, "(202) 555-0143, 202-555-0143"), ElementsAre("(202) 555-0143", "202-555-0143"));
  EXPECT_THAT(found(phone, "020 7946 0958 or 07700 900123"), ElementsAre("020 7946 0958", "07700 900123"));
  EXPECT_THAT(found(phone, "8 (495) 123-45-67; 08-123 456 78; 02 123 45 67"),
              ElementsAre("8 (495) 123-45-67", "08-123 456 78", "02 123 45 67"));
  EXPECT_THAT(found(phone, "06 12 34 56 78"), ElementsAre("06 12 34 56 78"));
  EXPECT_THAT(found(phone, "(11) 91234-5678"), ElementsAre("(11) 91234-5678"));
  EXPECT_THAT(found(phone, "his phone is 5551234567"), ElementsAre("5551234567"));
}

TEST(PhoneRecogniser, TakesNoOtherNumberForOne) {
  for (const char* text : {"2024-01-02", "01.02.2024", "12:30", "1,234,567.89", "1234567890", "order 100-200-300",
                           "192.168.100.200", "1 + 2025550143", "+1", "+0 123 456 789", "a+4930123456",
                           "3.14159265358979", "550e8400-e29b-41d4-a716-446655440000", "1 000 000 000"})
    EXPECT_THAT(found(Category::phone, text), IsEmpty()) << text;
}

}  // namespace
}  // namespace picket::apps::guard
