#include "apps/waf/media_type.hpp"

#include <gtest/gtest.h>

namespace picket::apps::waf {
namespace {

TEST(MediaType, ABoundaryIsReadInEveryLegalSpelling) {
  const struct {
    const char* field;
    const char* boundary;
  } cases[] = {{"multipart/form-data; boundary=x", "x"},
               {"multipart/form-data;boundary=x", "x"},
               {"Multipart/FORM-Data \t;  BoundarY=xY ;", "xY"},
               {"multipart/form-data; charset=utf-8; boundary=x", "x"},
               {"multipart/form-data; boundary=\"x y\"; charset=utf-8", "x y"},
               {"multipart/form-data; a=\"q;\\\" boundary\"; boundary=x", "x"},
               {"multipart/form-data; boundary=----WebKitFormBoundary7MA4", "----WebKitFormBoundary7MA4"},
               {"multipart/form-data; boundary=\"a'()+_,-./:=?\"", "a'()+_,-./:=?"},
               {"multipart/form-data; boundary=\"\\x\"", "x"}};
  for (const auto& test : cases) {
    const auto form = multipart_form(test.field);
    ASSERT_TRUE(form) << test.field;
    EXPECT_EQ(form->boundary, test.boundary) << test.field;
  }
}

TEST(MediaType, WhatReadersMayTakeDifferentlyIsNotRead) {
  for (const char* const field :
       {"", "multipart/mixed; boundary=x", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"x",
        "multipart/form-data boundary=x", "multipart/form-data; boundary=x; boundary=y",
        "multipart/form-data; boundary=x; boundary*=y", "multipart/form-data; boundary*0=x",
        "multipart/form-data; a=\"; Boundary=y\"; boundary=x", "multipart/form-data; boundary=x;y",
        "multipart/form-data; boundary = x", "multipart/form-data; boundary=\"x\"y",
        "multipart/form-data; boundary=\"x \"", "multipart/form-data; boundary=\"a\\\"b\""})
    EXPECT_FALSE(multipart_form(field)) << field;
}

TEST(MediaType, TheLibrarysSpellingKeepsQuotes) {
  EXPECT_EQ(multipart_form("multipart/form-data; a=b; Boundary=x")->field(), "multipart/form-data; boundary=x");
  EXPECT_EQ(multipart_form("multipart/form-data; boundary=\"x\"; a=b")->field(), "multipart/form-data; boundary=\"x\"");
}

TEST(MediaType, ABackslashLeavesTwoReadings) {
  EXPECT_EQ(multipart_form("multipart/form-data; boundary=\"a\\b\"")->other_boundary, "a\\b");
  EXPECT_EQ(multipart_form("multipart/form-data; boundary=\"ab\"")->other_boundary, "");
}

}  // namespace
}  // namespace picket::apps::waf
