#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/guard/testing/found.hpp"

namespace picket::apps::guard {
namespace {

using ::testing::ElementsAre;
using testing::found;
using ::testing::IsEmpty;

struct Sample {
  const char* kind;
  const char* text;
  const char* number;
};

/// Numbers that were made here, by the rules of their states.
constexpr Sample samples[] = {
    {"US SSN", "SSN 123-45-6789", "123-45-6789"},
    {"US SSN", "social security 123456789.", "123456789"},
    {"US ITIN", "912-70-1234", "912-70-1234"},
    {"UK National Insurance number", "NI: AB 12 34 56 C", "AB 12 34 56 C"},
    {"UK National Insurance number", "ab123456c", "ab123456c"},
    {"Spanish DNI", "DNI 12345678Z", "12345678Z"},
    {"Spanish DNI", "12.345.678-Z", "12.345.678-Z"},
    {"Spanish NIE", "X1234567L", "X1234567L"},
    {"Italian codice fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562S"},
    {"French NIR", "2 55 08 14 168 025 38", "2 55 08 14 168 025 38"},
    {"Dutch BSN", "BSN 111222333", "111222333"},
    {"Belgian national number", "93.05.18-223.61", "93.05.18-223.61"},
    {"Polish PESEL", "44051401359", "44051401359"},
    {"Brazilian CPF", "529.982.247-25", "529.982.247-25"},
    {"German tax id", "Steuer-ID 86 095 742 719", "86 095 742 719"},
    {"Swiss AHV number", "756.9217.0769.85", "756.9217.0769.85"},
    {"Swedish personal number", "811218-9876", "811218-9876"},
    {"Finnish personal identity code", "131052-308T", "131052-308T"},
    {"Finnish personal identity code", "131052A308T", "131052A308T"},
    {"Danish CPR number", "CPR 070761-4285", "070761-4285"},
    {"Chinese resident identity number", "11010519491231002X", "11010519491231002X"},
    {"Indian Aadhaar number", "2341 2341 2346", "2341 2341 2346"},
    {"Indian PAN", "ABCPE1234F", "ABCPE1234F"},
    {"Korean resident registration number", "820701-2409184", "820701-2409184"},
    {"South African identity number", "8001015009087", "8001015009087"},
    {"Irish PPSN", "1234567T", "1234567T"},
    {"Chilean RUT", "12.345.678-5", "12.345.678-5"},
    {"Argentine CUIT", "20-12345678-6", "20-12345678-6"},
    {"Turkish identity number", "10000000146", "10000000146"},
    {"UK NHS number", "NHS no. 943 476 5919", "943 476 5919"},
    {"Canadian SIN", "SIN 130 692 544", "130 692 544"},
    {"Australian TFN", "TFN 123 456 782", "123 456 782"},
    {"Romanian CNP", "1800101221144", "1800101221144"},
    {"Croatian OIB", "OIB 69435151530", "69435151530"},
    {"Czech or Slovak birth number", "736028/5163", "736028/5163"},
    {"Norwegian national identity number", "11077941012", "11077941012"},
    {"Mexican CURP", "HEGG560427MVZRRL04", "HEGG560427MVZRRL04"},
    {"Portuguese NIF", "NIF 123 456 789", "123 456 789"},
    {"Estonian or Lithuanian personal code", "isikukood 37605030299", "37605030299"},
    {"Bulgarian EGN", "EGN 7523169263", "7523169263"},
    {"Japanese My Number", "My Number 1234 5678 9018", "1234 5678 9018"},
    {"Austrian social security number", "SVNR 1237 010180", "1237 010180"},
    {"Israeli identity number", "teudat zehut 123456782", "123456782"},
};

TEST(NationalIdRecogniser, FindsANumberOfEachKindAndNamesIt) {
  for (const Sample& sample : samples) {
    const Findings findings = scan(sample.text, {Category::national_id});
    EXPECT_THAT(testing::values_of(sample.text, findings), ElementsAre(sample.number)) << sample.text;
    if (!findings.empty()) EXPECT_EQ(findings[0].kind, sample.kind) << sample.text;
  }
}

TEST(NationalIdRecogniser, WhatHasAStrongCheckOrAWordIsFoundWhateverStandsInBetween) {
  for (const char* number :
       {"529  982  247  25", "529.982.247 - 25", "2\n55\n08\n14\n168\n025\n38", "756 - 9217 - 0769 - 85",
        "93.05.18 223.61", "20\u200b-12345678-6", "529\u2212982\u2212247\u221225"})
    EXPECT_THAT(found(Category::national_id, std::string{"it is "} + number), ElementsAre(number));
  EXPECT_THAT(found(Category::national_id, "SIN 130  692  544"), ElementsAre("130  692  544"));
  EXPECT_THAT(found(Category::national_id, "aadhaar 2341, 2341, 2346"), ElementsAre("2341, 2341, 2346"));
  EXPECT_THAT(found(Category::national_id, "SSN 123\u201145\u20116789"), ElementsAre("123\u201145\u20116789"));
  EXPECT_THAT(found(Category::national_id, "pay 123.45.6789"), ElementsAre("123.45.6789"));
}

TEST(NationalIdRecogniser, WithoutThemItIsNot) {
  for (const char* text :
       {"2341, 2341, 2346", "123, 45, 6789", "123  45  6789", "12345678, Z", "1, 529, 982, 247, 25",
        "529, 982, 247, 25, 7", "driver 123.45.6789", "version: 123.45.6789", "1.123.45.6789", "123.45.6789.1"})
    EXPECT_THAT(found(Category::national_id, text), IsEmpty()) << text;
}

TEST(NationalIdRecogniser, ADigitThatIsWrongIsNoNumber) {
  for (const char* text : {"12345679Z", "RSSMRA85T10A562T", "BSN 111222334", "93.05.18-223.62", "44051401358",
                           "529.982.247-26", "756.9217.0769.86", "11010519491231002", "2341 2341 2347", "12.345.678-6",
                           "20-12345678-7", "11077941013", "X1234567M", "811218-9877"})
    EXPECT_THAT(found(Category::national_id, text), IsEmpty()) << text;
}

TEST(NationalIdRecogniser, TakesNoOtherNumberForOne) {
  for (const char* text : {"000-12-3456", "666-12-3456", "123-00-4567", "123-45-0000", "123456789", "1-123-45-6789",
                           "123-45-6789-0", "111222333", "QQ 12 34 56 C", "AB 12 34 56 E", "2024-01-02",
                           "page 12345678", "111.111.111-11", "ABCDEFGHIJKLMNOP"})
    EXPECT_THAT(found(Category::national_id, text), IsEmpty()) << text;
}

}  // namespace
}  // namespace picket::apps::guard
