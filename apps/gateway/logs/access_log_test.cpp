#include "apps/gateway/logs/access_log.hpp"

#include <regex>
#include <string>

#include <gtest/gtest.h>

#include "apps/gateway/logs/testing/written_line.hpp"

namespace picket::apps::gateway::logs {
namespace {

using namespace std::chrono_literals;

class AccessLines : public ::testing::Test {
 protected:
  /// The line for an entry, without its time, which is checked for its form.
  std::string line(const AccessEntry& entry) {
    static const std::regex form{R"re(\{"ts":"\d{4}-[-0-9T:.]+Z",(.*)\}\n)re"};
    log_.write(entry);
    return testing::written_line(queue_, form);
  }

  LineQueue queue_;
  AccessLog log_{&queue_};
};

TEST_F(AccessLines, SayWhatIsKnownInTheOrderOfTheReference) {
  EXPECT_EQ(
      line({.id = "4bf9",
            .client = "192.0.2.1",
            .method = "GET",
            .uri = "/a?b=\"",
            .host = "a.test",
            .protocol = "HTTP/2",
            .status = 502,
            .bytes_in = 1,
            .bytes_out = 23,
            .duration = 4'567'999ns,
            .upstream = "127.0.0.1:80",
            .upstream_time = 3'001'999ns,
            .upstream_error = "no answer in time",
            .decision = "allow",
            .agent = "waf",
            .reason = "upstream_error",
            .detail = "why",
            .user_agent = "curl",
            .referer = "https://b.test/",
            .tls_version = "TLSv1.3",
            .tls_cipher = "TLS_AES_128_GCM_SHA256",
            .client_cert = "CN=alice",
            .client_cert_fingerprint = "ab"}),
      R"("id":"4bf9","client":"192.0.2.1","method":"GET","uri":"/a?b=\"","host":"a.test","protocol":"HTTP/2",)"
      R"("status":502,"bytes_in":1,"bytes_out":23,"duration_us":4567,"upstream":"127.0.0.1:80","upstream_us":3001,)"
      R"("upstream_error":"no answer in time","decision":"allow","agent":"waf","reason":"upstream_error",)"
      R"("detail":"why","user_agent":"curl","referer":"https://b.test/","tls_version":"TLSv1.3",)"
      R"("tls_cipher":"TLS_AES_128_GCM_SHA256","client_cert":"CN=alice","client_cert_fingerprint":"ab")");
}

TEST_F(AccessLines, SayNullWhereThereIsNothingAndLeaveErrorsOut) {
  EXPECT_EQ(line({}), R"("id":"","client":"","method":"","uri":"","host":null,"protocol":null,"status":0,"bytes_in":0,)"
                      R"("bytes_out":0,"duration_us":0,"upstream":null,"decision":null,"agent":null,"reason":null,)"
                      R"("user_agent":null)");
}

TEST_F(AccessLines, HaveNothingOfTheOneBefore) {
  const std::string first = line({.id = "1", .uri = "/long/and/gone", .detail = "gone"});
  EXPECT_EQ(line({.id = "2"}).find("gone"), std::string::npos) << first;
}

TEST(AccessLog, HasTheFieldsThatAreAskedForInTheirOrder) {
  using config::AccessField;
  LineQueue queue;
  AccessLog log{&queue, config::AccessFormat::json, {AccessField::status, AccessField::uri, AccessField::detail}};
  log.write({.uri = "/a", .status = 200});
  std::string line;
  queue.drain(line);
  EXPECT_EQ(line, "{\"status\":200,\"uri\":\"/a\"}\n");
}

TEST(AccessLog, WithoutAQueueNothingIsWritten) {
  AccessLog log;
  EXPECT_FALSE(log.is_written());
  log.write({.id = "1"});
}

}  // namespace
}  // namespace picket::apps::gateway::logs
