#include "apps/gateway/logs/combined_line.hpp"

#include <gtest/gtest.h>

namespace picket::apps::gateway::logs {
namespace {

std::string line(const AccessEntry& entry) {
  std::string out;
  write_combined(out, entry, "2026-11-28T06:50:01.123456Z");
  return out;
}

TEST(CombinedLines, AreAsOthersWriteThem) {
  EXPECT_EQ(line({.client = "192.0.2.1",
                  .method = "GET",
                  .uri = "/a?b=c",
                  .protocol = "HTTP/1.1",
                  .status = 200,
                  .bytes_out = 1234,
                  .user_agent = "curl/8.5",
                  .referer = "https://a.example/"}),
            "192.0.2.1 - - [28/Nov/2026:06:50:01 +0000] \"GET /a?b=c HTTP/1.1\" 200 1234 \"https://a.example/\" "
            "\"curl/8.5\"");
}

TEST(CombinedLines, HaveAMarkForWhatIsNotThere) {
  EXPECT_EQ(line({.client = "::1"}), "::1 - - [28/Nov/2026:06:50:01 +0000] \"- - -\" 499 0 \"-\" \"-\"");
}

TEST(CombinedLines, LetNoClientMakeFieldsOrLines) {
  EXPECT_EQ(line({.client = "::1", .method = "A\"", .uri = "/\\\n", .user_agent = "\" 200 0 \"\x7f\xc3\xa9"}),
            "::1 - - [28/Nov/2026:06:50:01 +0000] \"A\\x22 /\\x5C\\x0A -\" 499 0 \"-\" "
            "\"\\x22 200 0 \\x22\\x7F\\xC3\\xA9\"");
}

}  // namespace
}  // namespace picket::apps::gateway::logs
