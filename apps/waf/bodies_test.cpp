#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/testing/exchange.hpp"
#include "apps/waf/transaction.hpp"

namespace picket::apps::waf {
namespace {

using testing::chunk_of;
using testing::crs;
using ::testing::ElementsAre;
using testing::expect_value;
using testing::form;
using testing::inspect;
using testing::matched;
using testing::Request;
using testing::RequestEvent;
using testing::rules_of;
using testing::sql_injection;

std::string multipart(const std::string& boundary, const std::string& headers, const std::string& value) {
  return "--" + boundary + "\r\nContent-Disposition: form-data; name=\"q\"\r\n" + headers + "\r\n" + value + "\r\n--" +
         boundary + "--\r\n";
}

/// Each byte as JSON may spell it: \u0041.
std::string in_escapes(std::string_view text) {
  std::string result;
  for (const char c : text) result += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
  return result;
}

/// Big-endian, with a byte order mark.
std::string in_utf16(std::string_view text) {
  std::string result = "\xfe\xff";
  for (const char c : text) result += {'\0', c};
  return result;
}

TEST(Bodies, ABodyThatDoesNotParseIsRefused) {
  const struct {
    const char* type;
    const char* body;
  } cases[] = {{"application/json", R"({"a":)"},
               {"application/vnd.api+json", "nonsense"},
               {"application/xml", "<a><b></a>"},
               {"application/soap+xml", "<a"},
               {"multipart/form-data; boundary=b", "--b\r\nno end"}};
  for (const auto& test : cases) {
    SCOPED_TRACE(test.type);
    const Request request{.method = "POST", .headers = {{"Content-Type", test.type}}, .body = test.body};
    const Verdict verdict = inspect(rules_of(""), request);
    EXPECT_EQ(verdict.status, 400);
    EXPECT_FALSE(verdict.matches.empty());
    EXPECT_TRUE(inspect(rules_of("", true), request).allows());
  }
}

TEST(Bodies, ABodyWithoutATypeIsInspectedAsWhatItLooksLikeAndAsText) {
  const std::string sql = sql_injection;
  const std::string attacks[] = {
      sql,
      "q=" + sql,
      "a=b&q=" + sql,
      "q=%31%27%20or%20%271%27%3d%271%27%20union%20select%20a",
      R"({"a":[{"b":")" + sql + "\"}]}",
      "[\"" + sql + "\"]",
      "\xef\xbb\xbf{\"a\":\"" + sql + "\"}",
      "<a>" + sql + "</a>",
      "<a b=\"" + sql + "\"/>",
      "\"" + sql + "\"",
      "<script>alert(1)</script>",
      "{\"a\":",
      "\"" + in_escapes(sql) + "\"",
      " \t\"" + in_escapes(sql) + "\"\n",
      "({\"a\":\"" + in_escapes(sql) + "\"})",
      ")]}',\n{\"a\":\"" + in_escapes(sql) + "\"}",
      "a=\"" + in_escapes(sql) + "\" trailing",
      in_utf16("{\"a\":\"" + sql + "\"}"),
      in_utf16("<a>" + sql + "</a>"),
      in_utf16(sql),
      multipart("b", "", sql),
  };
  for (const char* const type : {"", " ", "json", ";"}) {
    for (const std::string& body : attacks) {
      SCOPED_TRACE(std::string(type) + ": " + body);
      Request request{.method = "POST", .body = body};
      if (*type != '\0') request.headers.emplace_back("Content-Type", type);
      EXPECT_FALSE(inspect(crs(), request).allows());
    }
  }
  for (const char* const body :
       {"hello, world", "name=Ann&age=41", R"({"name":"Ann","age":41})", "<note><to>Ann</to></note>",
        R"(["a", 1, null])", "42", "null", "true", "-1.5e3", R"("a string")", R"(C:\users\ann)"}) {
    SCOPED_TRACE(body);
    EXPECT_TRUE(inspect(crs(), {.method = "POST", .body = body}).allows());
  }
  const auto own = rules_of(R"(SecRule ARGS "@streq a b" "id:1,phase:2,deny,log")");
  EXPECT_TRUE(matched(inspect(own, {.method = "POST", .body = "x=a+b"}), "1"));
  EXPECT_TRUE(matched(inspect(own, {.method = "POST", .body = "a b"}), "1"));
}

TEST(Bodies, ABodyWithoutATypeThatIsTooLongIsRefused) {
  const Verdict verdict = inspect(rules_of(""), {.method = "POST", .body = std::string(max_value_size + 1, 'a')});
  EXPECT_EQ(verdict.status, 413);
  EXPECT_THAT(verdict.notes, ElementsAre(note_value_over_limit));
}

TEST(Bodies, AttributesOfXmlAreInspected) {
  const std::string sql = sql_injection;
  for (const std::string& body :
       {"<a b=\"" + sql + "\"/>", "<a><b><c x='1' d=\"" + sql + "\">text</c></b></a>",
        "<a xmlns:n=\"urn:n\" n:b=\"" + sql + "\"/>", std::string("<a b=\"&lt;script&gt;alert(1)&lt;/script&gt;\"/>"),
        std::string("<!DOCTYPE a [<!ATTLIST a b CDATA \"<script>alert(1)</script>\">]><a/>")}) {
    SCOPED_TRACE(body);
    EXPECT_FALSE(
        inspect(crs(), {.method = "POST", .headers = {{"Content-Type", "application/xml"}}, .body = body}).allows());
  }
  EXPECT_TRUE(inspect(crs(), {.method = "POST",
                              .headers = {{"Content-Type", "application/soap+xml"}},
                              .body = R"(<note id="7" lang="en"><to ref="#ann">Ann</to></note>)"})
                  .allows());
  std::string many = "<a>";
  for (int i = 0; i < 1001; ++i) many += "<b c='d'/>";
  EXPECT_TRUE(matched(
      inspect(rules_of(""), {.method = "POST", .headers = {{"Content-Type", "text/xml"}}, .body = many + "</a>"}),
      "99000016"));
}

TEST(Bodies, XmlThatBringsItsOwnDocumentTypeIsRefused) {
  const std::string dtd = "<!DOCTYPE a [<!ATTLIST a b CDATA \"x\">]><a/>";
  const auto post = [](const std::string& body) {
    return Request{.method = "POST", .headers = {{"Content-Type", "application/xml"}}, .body = body};
  };
  for (const std::string& body : {dtd, in_utf16(dtd), "<?xml version=\"1.0\"?>\n<!-- > -->" + dtd}) {
    const Verdict verdict = inspect(rules_of(""), post(body));
    EXPECT_EQ(verdict.status, 400) << body;
    EXPECT_THAT(verdict.notes, ElementsAre(note_inline_dtd)) << body;
    EXPECT_TRUE(inspect(rules_of("", true), post(body)).allows()) << body;
  }
  EXPECT_THAT(inspect(rules_of(""), post("<?xml version='1.0' encoding='UTF-7'?><a/>")).notes,
              ElementsAre(note_xml_encoding));
  EXPECT_TRUE(inspect(crs(), post("<?xml version='1.0' encoding='utf-8'?><!DOCTYPE a><a/>")).allows());
}

TEST(Bodies, AQuotedBoundaryIsLegal) {
  for (const std::string& boundary : {std::string("abc"), std::string("a b"), std::string("gc0pJq0M:08jU534c0p"),
                                      std::string("----=_Part_1_2.3"), std::string("a'()+_,-./:=?")}) {
    SCOPED_TRACE(boundary);
    const std::string type = "multipart/form-data; boundary=\"" + boundary + "\"";
    for (const bool attack : {false, true}) {
      const Request request{.method = "POST",
                            .headers = {{"Content-Type", type}},
                            .body = multipart(boundary, "", attack ? sql_injection : "chairs")};
      EXPECT_EQ(matched(inspect(crs(), request), "942100"), attack);
      EXPECT_EQ(inspect(rules_of(""), request).status, 0);
    }
  }
  for (const char* const type : {"multipart/form-data", "multipart/form-data; boundary=",
                                 "multipart/form-data; boundary=\"\"", "multipart/form-data; boundary=\"abc"}) {
    SCOPED_TRACE(type);
    EXPECT_EQ(
        inspect(rules_of(""),
                {.method = "POST", .headers = {{"Content-Type", type}}, .body = multipart("abc", "", sql_injection)})
            .status,
        400);
  }
}

TEST(Bodies, ABoundaryIsFoundInEveryLegalSpelling) {
  for (const char* const type :
       {"multipart/form-data; charset=utf-8; boundary=abc", "multipart/form-data; boundary=\"abc\"; charset=utf-8",
        "Multipart/Form-Data;Boundary=abc", "multipart/form-data ;\tBOUNDARY=abc ; charset=\"utf-8\"",
        "multipart/form-data; boundary=\"a\\bc\""}) {
    SCOPED_TRACE(type);
    for (const bool attack : {false, true}) {
      const Request request{.method = "POST",
                            .headers = {{"Content-Type", type}},
                            .body = multipart("abc", "", attack ? sql_injection : "chairs")};
      EXPECT_EQ(matched(inspect(crs(), request), "942100"), attack);
      EXPECT_EQ(inspect(rules_of(""), request).status, 0);
    }
  }
}

TEST(Bodies, ABoundaryThatReadersMayTakeForAnotherIsRefused) {
  const std::string hidden = "--abc\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" +
                             multipart("a\\bc", "", sql_injection) + "\r\n--abc--\r\n";
  for (const char* const type :
       {"multipart/form-data; boundary=\"a\\bc\"", "multipart/form-data; boundary=abc; boundary=b",
        "multipart/form-data; boundary=abc; boundary*=utf-8''b", "multipart/form-data; x=\"boundary=b\"; boundary=abc",
        "multipart/form-data; boundary=\"abc\"x"}) {
    const Request request{.method = "POST", .headers = {{"Content-Type", type}}, .body = hidden};
    EXPECT_EQ(inspect(rules_of(""), request).status, 400) << type;
  }
}

TEST(Bodies, APartMayNameItsCharset) {
  const Request request{.method = "POST", .headers = {{"Content-Type", "multipart/form-data; boundary=b"}}};
  const struct {
    const char* type;
    const char* value;
    bool passes;
  } cases[] = {{"text/plain; charset=utf-8", "chairs", true},       {"text/plain; charset=\"utf-8\"", "chairs", true},
               {"text/plain;charset=iso-8859-1", "chairs", true},   {"application/json", "1", true},
               {"text/plain; charset=utf-8", sql_injection, false}, {"text/plain; charset=utf-7", "chairs", false},
               {"text/plain; charset=utf-8x", "chairs", false}};
  for (const auto& test : cases) {
    SCOPED_TRACE(std::string(test.type) + " " + test.value);
    Request part = request;
    part.body = multipart("b", std::string("Content-Type: ") + test.type + "\r\n", test.value);
    EXPECT_EQ(inspect(crs(), part).allows(), test.passes);
  }
}

TEST(Bodies, AParsedBodyThatWouldTakeTooLongIsRefused) {
  const std::string text(max_parsed_body_size, 'a');
  const std::string multipart =
      "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" + text + "\r\n--b--\r\n";
  const struct {
    const char* type;
    std::string body;
    int status;
  } cases[] = {{form, "q=" + text, 413},
               {"application/json", "\"" + text + "\"", 413},
               {"application/xml", "<a>" + text + "</a>", 413},
               {form, "q=" + text.substr(0, max_value_size) + "&r=" + text.substr(max_value_size + 5), 0},
               {"multipart/form-data; boundary=b", multipart, 0}};
  for (const auto& test : cases) {
    SCOPED_TRACE(std::string(test.type) + " " + std::to_string(test.body.size()));
    const Request request{.method = "POST", .headers = {{"Content-Type", test.type}}, .body = test.body};
    EXPECT_EQ(inspect(rules_of(""), request).status, test.status);
  }
}

TEST(Bodies, ABodyOverTheLimitIsRefusedOrReportedNeverCutInSilence) {
  const std::string limit = "SecRequestBodyLimit 10\n";
  const Request request{
      .method = "POST", .headers = {{"Content-Type", "text/plain"}}, .body = "0123456789evil", .chunk = 6};
  const std::string rule =
      "SecRule REQUEST_BODY \"@contains 0123456789\" \"id:1,phase:2,pass,log,ctl:forceRequestBodyVariable=On\"\n";

  for (const char* action : {"", "SecRequestBodyLimitAction Reject\n", "SecRequestBodyLimitAction ProcessPartial\n"}) {
    SCOPED_TRACE(action);
    const Verdict blocked = inspect(rules_of(limit + action), request);
    EXPECT_EQ(blocked.status, 413);
    EXPECT_THAT(blocked.notes, ElementsAre(note_body_over_limit));
  }

  Transaction transaction(rules_of(limit + rule, true), nullptr);
  const RequestEvent head(request);
  EXPECT_TRUE(expect_value(transaction.on_request_headers(head.event, BodyPlan::sent)).allows());
  EXPECT_TRUE(expect_value(transaction.on_request_body_chunk(chunk_of("012345", false))).notes.empty());
  const Verdict cut = expect_value(transaction.on_request_body_chunk(chunk_of("6789evil", false)));
  EXPECT_TRUE(cut.allows());
  EXPECT_THAT(cut.notes, ElementsAre(note_body_over_limit));
  const Verdict last = expect_value(transaction.on_request_body_chunk(chunk_of("more", true)));
  EXPECT_TRUE(last.allows());
  EXPECT_TRUE(matched(last, "1"));
}

TEST(Bodies, JsonThatExpandsIsRefusedBeforeItIsParsed) {
  const auto array = [](std::size_t key, int items) {
    std::string body = "{\"" + std::string(key, 'k') + "\":[1";
    for (int i = 1; i < items; ++i) body += ",1";
    return body + "]}";
  };
  std::string deep;
  for (int i = 0; i < 60; ++i) deep += "{\"" + std::string(100, 'k') + "\":";
  deep += "1" + std::string(60, '}');
  const auto post = [](const std::string& body) {
    return Request{.method = "POST", .headers = {{"Content-Type", "application/json"}}, .body = body};
  };
  for (const std::string& body : {array(60'000, 900), array(60'000, 1), array(1000, 900), deep}) {
    const Verdict verdict = inspect(rules_of(""), post(body));
    EXPECT_EQ(verdict.status, 413) << body.size();
    EXPECT_THAT(verdict.notes, ElementsAre(note_expands_over_limit)) << body.size();
    EXPECT_TRUE(
        inspect(rules_of("SecRule ARGS_NAMES \"@rx kkk\" \"id:1,phase:2,deny\"", true), post(body)).matches.empty());
  }
  EXPECT_TRUE(inspect(rules_of(""), post(array(100, 900))).allows());
}

TEST(Bodies, PartsHaveABound) {
  std::string files;
  for (int i = 0; i < 101; ++i)
    files += fmt::format("--b\r\nContent-Disposition: form-data; name=\"{0}\"; filename=\"{0}\"\r\n\r\nx\r\n", i);
  std::string names;
  for (int i = 0; i < 100; ++i)
    names += "--b\r\nContent-Disposition: form-data; name=\"" + std::string(3000, 'n') + "\"\r\n\r\nx\r\n";
  for (const std::string& parts : {files, names}) {
    const Request request{.method = "POST",
                          .headers = {{"Content-Type", "multipart/form-data; boundary=b"}},
                          .body = parts + "--b--\r\n"};
    EXPECT_GE(inspect(rules_of(""), request).status, 400) << parts.size();
  }
}

}  // namespace
}  // namespace picket::apps::waf
