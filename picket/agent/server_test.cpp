#include "picket/agent/server.hpp"

#include <atomic>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "picket/agent/testing/played_proxy.hpp"

namespace picket::agent {
namespace {

using namespace std::chrono_literals;
using testing::eventually;
using testing::extended;
using testing::PlayedProxy;
using wire::FrameType;

/// What the handlers of a test leave behind; it outlives them.
struct Record {
  std::mutex mutex;
  std::vector<std::string> events;
  std::deque<Completion> held;  ///< Of "/hold": the test completes them.
  std::atomic<int> states{0};   ///< Exchange states alive.
  std::atomic<int> cancels{0};
  std::atomic<int> handlers{0};

  void note(std::string event) {
    const std::lock_guard lock{mutex};
    events.push_back(std::move(event));
  }
  std::size_t holding() {
    const std::lock_guard lock{mutex};
    return held.size();
  }
  Completion take() {
    const std::lock_guard lock{mutex};
    Completion completion = std::move(held.front());
    held.pop_front();
    return completion;
  }
};

struct State {
  explicit State(Record& record) : counted(record.states) { ++counted; }
  ~State() { --counted; }
  std::atomic<int>& counted;
  int events = 0;
};

class Recording final : public HandlerWith<std::shared_ptr<State>, int> {
 public:
  explicit Recording(Record& record) : record_(record) { ++record.handlers; }

  [[nodiscard]] Info info() const override { return testing::under_test(); }

  Reply on_request_headers(const RequestHeaders& event, Context& context) override {
    count(context);
    if (event.uri == "/drop") return context.defer().deferred();
    if (event.uri == "/unanswered") return Unanswered{};
    if (event.uri == "/hold") {
      const std::lock_guard lock{record_.mutex};
      return record_.held.emplace_back(context.defer()).deferred();
    }
    record_.note("headers " + std::string{event.uri});
    if (event.uri == "/evil") return Decision::block(403);
    if (event.uri == "/misfit") return Decision::allow().replace_body("x");
    return Decision::allow();
  }
  Reply on_request_body(const RequestBodyChunk& event, Context& context) override {
    record_.note("body " + std::string{base::as_text(event.data)});
    return Decision::allow().tag(std::to_string(count(context)));
  }
  Reply on_response_headers(const ResponseHeaders& event, Context&) override {
    record_.note("response " + std::to_string(event.status));
    return Decision::allow();
  }
  Reply on_response_body(const ResponseBodyChunk& event, Context&) override {
    record_.note("response body " + std::string{base::as_text(event.data)});
    return Decision::allow();
  }
  Reply on_websocket_frame(const WebSocketFrame& event, Context&) override {
    record_.note("frame " + std::to_string(event.frame_index));
    return Decision::allow();
  }
  Reply on_guardrail(const GuardrailInspect& event, Context&) override {
    record_.note("guardrail " + std::string{event.content});
    return Decision::allow();
  }
  void on_complete(const RequestComplete& event, Context&) override {
    record_.note("complete " + std::to_string(event.status));
  }
  void on_cancel(Context&) override { ++record_.cancels; }
  Acceptance on_configure(const wire::Value& config, Context& context) override {
    const auto* const level = config.find("level");
    if (level == nullptr) return base::fail(base::ErrorKind::invalid_message, "no key 'level'");
    *context.connection() = static_cast<int>(*level->get<std::int64_t>());
    return {};
  }

 private:
  int count(Context& context) {
    auto& held = context.state();
    if (!held) held = std::make_shared<State>(record_);
    return ++held->events;
  }
  Record& record_;
};

class AgentServer : public testing::ServerTest {
 protected:
  Server& serve_recording(ServerOptions options = {}) {
    return serve([this] { return std::make_unique<Recording>(record_); }, std::move(options));
  }
  Record record_;
};

// ---- answers

TEST_F(AgentServer, EveryKindOfEventReachesItsFunction) {
  serve_recording();
  for (const auto& format : {testing::plain, extended}) {
    record_.events.clear();
    PlayedProxy proxy{endpoint(), format};
    proxy.headers("1", "/a");
    EXPECT_EQ(proxy.answered(), "1");
    proxy.body("1", "hello");
    EXPECT_EQ(proxy.answered(), "1");
    proxy.send(wire::ResponseHeaders{.correlation_id = "1", .status = 404});
    EXPECT_EQ(proxy.answered(), "1");
    proxy.send(wire::ResponseBodyChunk{.correlation_id = "1", .data = base::as_bytes("bye"), .is_last = true});
    EXPECT_EQ(proxy.answered(), "1");
    proxy.send(wire::WebSocketFrame{.correlation_id = "1", .data = {}, .frame_index = 3, .client_ip = "192.0.2.1"});
    EXPECT_EQ(proxy.answered(), "1");
    proxy.send(wire::GuardrailInspect{.correlation_id = "1", .content = "prompt"});
    EXPECT_EQ(proxy.answered(), "1");
    proxy.complete("1");
    EXPECT_EQ(proxy.answered(), "1");
    EXPECT_EQ(record_.events, (std::vector<std::string>{"headers /a", "body hello", "response 404", "response body bye",
                                                        "frame 3", "guardrail prompt", "complete 200"}));
  }
}

TEST_F(AgentServer, DecisionGoesBackToItsExchange) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("good", "/");
  proxy.headers("bad", "/evil");
  const auto good = proxy.answer();
  EXPECT_EQ(good.correlation_id, "good");
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(good.decision));
  const auto bad = proxy.answer();
  EXPECT_EQ(bad.correlation_id, "bad");
  EXPECT_EQ(std::get<wire::Block>(bad.decision).status, 403);
}

TEST_F(AgentServer, LateAnswersHoldUpNobodyAndMayComeFromAnyThread) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("one", "/hold");
  proxy.headers("two", "/hold");
  proxy.headers("three", "/");
  EXPECT_EQ(proxy.answered(), "three");
  ASSERT_EQ(record_.holding(), 2U);
  Completion one = record_.take();
  Completion two = record_.take();
  std::jthread{[&] { std::move(two).complete(Decision::block(429)); }}.join();
  const auto answer = proxy.answer();
  EXPECT_EQ(answer.correlation_id, "two");
  EXPECT_EQ(std::get<wire::Block>(answer.decision).status, 429);
  std::move(one).complete(Decision::allow());
  EXPECT_EQ(proxy.answered(), "one");
}

TEST_F(AgentServer, AnEventThatNobodyDecidesOnIsNotAnsweredAndTheExchangeGoesOn) {
  serve_recording();
  for (const char* uri : {"/drop", "/unanswered"}) {
    PlayedProxy proxy{endpoint(), extended};
    proxy.headers("1", uri);
    proxy.body("1", "x");
    const auto answer = proxy.answer();
    EXPECT_EQ(answer.reply_to->type, FrameType::request_body_chunk) << "an event nobody decided on was answered";
  }
}

TEST_F(AgentServer, ADecisionThatItsEventCannotHonourIsLoggedByNameAndNotSent) {
  std::mutex mutex;
  std::vector<std::string> lines;
  serve_recording({.log = [&](std::string_view line) {
    const std::lock_guard lock{mutex};
    lines.emplace_back(line);
  }});
  PlayedProxy proxy{endpoint(), extended};
  proxy.headers("1", "/misfit");
  proxy.body("1", "x");
  EXPECT_EQ(proxy.answer().reply_to->type, FrameType::request_body_chunk);
  const std::lock_guard lock{mutex};
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "an answer to request_headers cannot honour replace_body(): the event is left unanswered");
}

TEST_F(AgentServer, ReportsHowManyEventsGotNoVerdictAndHowManyTookTooLong) {
  serve_recording({.health_interval = 10ms});
  PlayedProxy proxy{endpoint()};
  for (const auto* const id : {"1", "2"}) proxy.headers(id, "/unanswered");
  proxy.send(wire::Cancel{.correlation_id = "1", .reason = wire::CancelReason::timeout});
  proxy.send(wire::Cancel{.correlation_id = "2", .reason = wire::CancelReason::client_disconnect});
  proxy.headers("3", "/misfit");
  proxy.headers("4", "/");
  const auto load = [&]() -> wire::Load {
    base::Arena arena;
    auto frame = proxy.peer.receive_past(FrameType::agent_response);
    return frame ? frame->as<wire::HealthStatus>({}, arena).load.value_or(wire::Load{}) : wire::Load{};
  };
  wire::Load said;
  ASSERT_TRUE(eventually([&] { return (said = load()).requests_processed == 1; }));
  EXPECT_EQ(said.requests_rejected, 1U) << "the answer that could not be honoured";
  EXPECT_EQ(said.requests_timed_out, 1U) << "not the one whose client has gone";
}

TEST_F(AgentServer, CompletionMayOutliveConnectionAndServer) {
  serve_recording();
  {
    PlayedProxy proxy{endpoint()};
    proxy.headers("1", "/hold");
    proxy.headers("2", "/hold");
    ASSERT_TRUE(eventually([&] { return record_.holding() == 2; }));
  }
  ASSERT_TRUE(eventually([&] { return server_->connections() == 0; }));
  Completion one = record_.take();
  Completion two = record_.take();
  std::move(one).complete(Decision::allow());
  stop();
  std::move(two).complete(Decision::allow());
}

TEST_F(AgentServer, EventThatDoesNotDecodeEndsTheConnectionAndIsNeverAllowed) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.peer.send_frame(FrameType::request_headers, R"({"method":"GET"})");
  EXPECT_FALSE(proxy.peer.receive());
  EXPECT_TRUE(record_.events.empty());
}

// ---- state

TEST_F(AgentServer, StateLivesFromTheFirstEventToTheLast) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("1");
  (void)proxy.answer();
  proxy.body("1", "x", 0, false);
  EXPECT_EQ(proxy.answer().audit.tags[0], "2");
  proxy.body("1", "y", 1);
  EXPECT_EQ(proxy.answer().audit.tags[0], "3");
  EXPECT_EQ(record_.states, 1);
  proxy.complete("1");
  (void)proxy.answer();
  EXPECT_EQ(record_.states, 0);
  proxy.body("1", "z");
  EXPECT_EQ(proxy.answer().audit.tags[0], "1") << "the id's earlier exchange shows through";
}

TEST_F(AgentServer, AOneWayCompletionFreesTheStateAndIsNotAnswered) {
  serve_recording();
  PlayedProxy proxy{endpoint(), testing::plain, testing::Completes::one_way};
  proxy.headers("1");
  (void)proxy.answer();
  proxy.complete("1");
  proxy.settle();  // the pong is the next frame
  EXPECT_EQ(record_.states, 0);
}

TEST_F(AgentServer, CancelFreesTheState) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("1");
  (void)proxy.answer();
  proxy.cancel("1");
  proxy.settle();
  EXPECT_EQ(record_.states, 0);
  EXPECT_EQ(record_.cancels, 1);
}

TEST_F(AgentServer, CancelDropsTheAnswerThatComesLate) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("1", "/hold");
  proxy.cancel("1");
  proxy.complete("1");
  EXPECT_EQ(proxy.answered(), "1");  // of request_complete
  record_.take().complete(Decision::block(403));
  proxy.settle();  // nothing but the pong
  EXPECT_EQ(record_.states, 0);
}

TEST_F(AgentServer, DisconnectFreesTheStatesOfAllItsExchanges) {
  serve_recording();
  {
    PlayedProxy proxy{endpoint()};
    for (int i = 0; i < 20; ++i) proxy.headers(std::to_string(i));
    for (int i = 0; i < 20; ++i) (void)proxy.answer();
    EXPECT_EQ(record_.states, 20);
  }
  EXPECT_TRUE(eventually([&] { return record_.states == 0; }));
  EXPECT_EQ(record_.cancels, 20);
}

TEST_F(AgentServer, SameIdOnTwoConnectionsIsTwoExchanges) {
  serve_recording();
  PlayedProxy one{endpoint()};
  PlayedProxy two{endpoint()};
  one.headers("1");
  (void)one.answer();
  two.body("1", "x");
  EXPECT_EQ(two.answer().audit.tags[0], "1");
  EXPECT_EQ(record_.states, 2);
}

// ---- configuration

TEST_F(AgentServer, ConfigurationIsAcceptedOrRefusedWithTheReason) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  const std::array<wire::Member, 1> config{{{"level", {std::int64_t{3}}}}};
  proxy.send(wire::Configure{.config = {wire::Value::Object{config}}, .config_version = {}, .correlation_id = "c"});
  const auto accepted = proxy.answer();
  EXPECT_EQ(accepted.correlation_id, "c");
  EXPECT_TRUE(std::holds_alternative<wire::Allow>(accepted.decision));
  proxy.send(wire::Configure{.config = {wire::Value::Object{}}, .config_version = {}, .correlation_id = "d"});
  const auto refused = proxy.answer();
  ASSERT_TRUE(std::holds_alternative<wire::Block>(refused.decision));
  EXPECT_EQ(std::get<wire::Block>(refused.decision).body, "no key 'level'");
}

// ---- the server's life

TEST_F(AgentServer, DrainIsAnnouncedAndLetsExchangesEnd) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("1", "/hold");
  ASSERT_TRUE(eventually([&] { return record_.holding() == 1; }));
  server_->stop();
  const auto farewell = proxy.peer.receive();
  ASSERT_TRUE(farewell);
  base::Arena arena;
  EXPECT_EQ(farewell->as<wire::HealthStatus>({}, arena).state, wire::HealthState::draining);
  record_.take().complete(Decision::block(403));
  EXPECT_EQ(proxy.answered(), "1");
  proxy.body("1", "x");
  EXPECT_EQ(proxy.answered(), "1");
  proxy.complete("1");
  EXPECT_EQ(proxy.answered(), "1");
  EXPECT_TRUE(proxy.peer.ends());
  server_->wait();
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "s"));
}

TEST_F(AgentServer, DrainGivesUpAtItsTimeout) {
  serve_recording({.drain_timeout = 50ms});
  PlayedProxy proxy{endpoint()};
  proxy.headers("1", "/hold");
  ASSERT_TRUE(eventually([&] { return record_.holding() == 1; }));
  server_->stop();
  server_->wait();
  EXPECT_TRUE(proxy.peer.ends());
}

TEST_F(AgentServer, DestroyedWithoutStopItClosesEverything) {
  serve_recording();
  PlayedProxy proxy{endpoint()};
  proxy.headers("1", "/hold");
  ASSERT_TRUE(eventually([&] { return record_.holding() == 1; }));
  server_.reset();
  EXPECT_TRUE(proxy.peer.ends());
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "s"));
}

TEST_F(AgentServer, ConnectionsOverTheLimitAreClosedAtOnce) {
  serve_recording({.max_connections = 2});
  PlayedProxy one{endpoint()};
  std::optional<PlayedProxy> two(std::in_place, endpoint());
  auto three = transport::testing::RawPeer::connect(endpoint());
  EXPECT_TRUE(three.ends());
  two.reset();
  ASSERT_TRUE(eventually([&] { return server_->connections() == 1; }));
  PlayedProxy four{endpoint()};
  four.headers("1");
  EXPECT_EQ(four.answered(), "1");
}

TEST_F(AgentServer, PeersThatAreTurnedAwayAreSpokenOfEverMoreSeldom) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can connect as another user";
  std::filesystem::permissions(folder_.path(), std::filesystem::perms{0711});
  std::vector<std::string> lines;  // of the listener's thread, read once it has ended
  serve_recording({.socket = {.socket_mode = 0666}, .log = [&](std::string_view line) { lines.emplace_back(line); }});
  for (int i = 0; i < 5; ++i) {
    int status = -1;
    ::waitpid(transport::testing::connect_as(54321, endpoint()), &status, 0);
    ASSERT_EQ(status, 0);
  }
  stop();
  EXPECT_EQ(lines, (std::vector<std::string>{"turned a peer away: its user is not allowed (user id 54321; 1 so far)",
                                             "turned a peer away: its user is not allowed (user id 54321; 2 so far)",
                                             "turned a peer away: its user is not allowed (user id 54321; 4 so far)"}));
}

TEST_F(AgentServer, EachThreadHasAHandlerAndConnectionsSpread) {
  serve_recording({.threads = 3});
  EXPECT_EQ(record_.handlers, 3);
  std::vector<std::unique_ptr<PlayedProxy>> proxies;
  for (int i = 0; i < 6; ++i) proxies.push_back(std::make_unique<PlayedProxy>(endpoint()));
  for (auto& proxy : proxies) {
    proxy->headers("1");
    EXPECT_EQ(proxy->answered(), "1");
  }
  EXPECT_EQ(server_->connections(), 6U);
}

TEST_F(AgentServer, SocketThatCannotBeServedIsAnError) {
  serve_recording();
  Server second{{.listen = {endpoint().text()}}, [this] { return std::make_unique<Recording>(record_); }};
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().detail().find(endpoint().text()), std::string::npos);
}

}  // namespace
}  // namespace picket::agent
