#include <string>
#include <string_view>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/waf/handler.hpp"
#include "apps/waf/testing/exchange.hpp"
#include "picket/agent/server.hpp"
#include "picket/transport/frame_header.hpp"

/// The WAF behind a real socket, seen by a proxy that writes its JSON by hand.
namespace picket::apps::waf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::FrameType;

/// A blocking connection. Every wait ends after 30 s with a failed test.
class Proxy {
 public:
  explicit Proxy(const std::string& path, std::string_view config = "null")
      : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    send(FrameType::handshake_request,
         fmt::format(R"({{"supported_versions":[2],"proxy_id":"p","proxy_version":"1","config":{},)"
                     R"("supported_encodings":["json"],"events":[1,2,3,5]}})",
                     config));
    EXPECT_THAT(receive(), HasSubstr(R"("success":true)"));
  }
  Proxy(const Proxy&) = delete;
  Proxy& operator=(const Proxy&) = delete;
  ~Proxy() { ::close(socket_); }

  void request(std::string_view id, std::string_view uri) {
    send(FrameType::request_headers,
         fmt::format(
             R"({{"correlation_id":"{0}","metadata":{{"correlation_id":"{0}","request_id":"r","client_ip":"192.0.2.1",)"
             R"("client_port":1,"server_name":null,"protocol":"HTTP/1.1","tls_version":null,"tls_cipher":null,)"
             R"("route_id":null,"upstream_id":null,"timestamp":"2026-01-01T00:00:00Z"}},"method":"GET","uri":"{1}",)"
             R"("headers":{{"host":["example.test"],"user-agent":["Mozilla/5.0"],"accept":["*/*"]}}}})",
             id, uri));
  }

  void send(FrameType type, std::string_view payload) {
    std::string frame(transport::frame_header_size, '\0');
    transport::write_frame_header(frame.data(), type, payload.size());
    frame += payload;
    EXPECT_EQ(::send(socket_, frame.data(), frame.size(), MSG_NOSIGNAL), static_cast<ssize_t>(frame.size()));
  }

  /// The next frame's payload.
  std::string receive() {
    for (;;) {
      const auto peek = transport::peek_frame(held_);
      if (!peek) return ADD_FAILURE() << peek.error().message(), "";
      if (peek->frame) {
        std::string payload(peek->frame->payload);
        held_.erase(0, peek->needed);
        return payload;
      }
      pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
      char bytes[4096];
      const ssize_t got = ::poll(&ready, 1, 30'000) == 1 ? ::read(socket_, bytes, sizeof bytes) : 0;
      if (got <= 0) return ADD_FAILURE() << "the WAF does not answer", "";
      held_.append(bytes, static_cast<std::size_t>(got));
    }
  }

 private:
  int socket_;
  std::string held_;
};

class ServedWaf : public ::testing::Test {
 protected:
  ServedWaf() {
    sets_ = std::move(*RuleSets::load(testing::engine(), {}));
    server_.emplace(agent::ServerOptions{.listen = {"unix:" + path()},
                                         .threads = 2,
                                         .execution = agent::Execution::handed_over,
                                         .socket = {},
                                         .log = {}},
                    [this] { return std::make_unique<WafHandler>(*sets_, nullptr, [](std::string_view) {}); });
    EXPECT_TRUE(server_->start());
  }
  ~ServedWaf() override {
    server_->stop();
    server_->wait();
  }
  std::string path() const { return folder_.path("waf.sock"); }

 private:
  testing::Folder folder_;
  std::unique_ptr<RuleSets> sets_;
  std::optional<agent::Server> server_;
};

TEST_F(ServedWaf, AnAttackGetsABlockWithItsRules) {
  Proxy proxy(path());
  proxy.request("one", "/?q=<script>alert(1)</script>");
  const std::string answer = proxy.receive();
  EXPECT_THAT(answer, HasSubstr(R"("block":{"status":403)"));
  EXPECT_THAT(answer, HasSubstr(R"("941100")"));
  EXPECT_THAT(answer, HasSubstr(R"("one")"));
  proxy.request("two", "/?q=chairs");
  EXPECT_THAT(proxy.receive(), HasSubstr(R"("decision":"allow")"));
}

// On a busy machine the short one's thread may get no turn before the long one has ended. If one evaluation had to wait
// for the other, the long one's answer would come first every time.
TEST_F(ServedWaf, ALongEvaluationStallsNoOtherExchangeOfItsConnection) {
  Proxy proxy(path());
  const std::string quotes(20'000, '\'');  // takes a hundred times as long as a short request
  bool has_overtaken = false;
  for (int round = 0; round < 20 && !has_overtaken; ++round) {
    proxy.request(fmt::format("long {}", round), "/?q=" + quotes);
    proxy.request(fmt::format("short {}", round), "/");
    const std::string first = proxy.receive();
    has_overtaken = first.contains(fmt::format("\"short {}\"", round));
    EXPECT_THAT(proxy.receive(), HasSubstr(fmt::format("\"{} {}\"", has_overtaken ? "long" : "short", round)));
  }
  EXPECT_TRUE(has_overtaken);
}

TEST_F(ServedWaf, AConnectionsConfigurationIsItsOwn) {
  Proxy strict(path(), R"({"paranoia-level":4})");
  strict.send(FrameType::configure, R"({"config":{"paranoia-level":4},"config_version":null,"correlation_id":"c"})");
  EXPECT_THAT(strict.receive(), HasSubstr(R"("decision":"allow")"));
  Proxy standard(path());
  for (Proxy* proxy : {&strict, &standard}) proxy->request("one", "/?q=a-b-c-d");
  EXPECT_THAT(strict.receive(), HasSubstr(R"("942432")"));
  EXPECT_THAT(standard.receive(), Not(HasSubstr(R"("942432")")));
}

TEST_F(ServedWaf, AnUnknownConfigurationIsRefusedWithTheReason) {
  Proxy proxy(path(), R"({"paranoia":4})");
  proxy.send(FrameType::configure, R"({"config":{"paranoia":4},"config_version":null,"correlation_id":"c"})");
  const std::string answer = proxy.receive();
  EXPECT_THAT(answer, Not(HasSubstr(R"("decision":"allow")")));
  EXPECT_THAT(answer, HasSubstr("no key 'paranoia'"));
}

}  // namespace
}  // namespace picket::apps::waf
