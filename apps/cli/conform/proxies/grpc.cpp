#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// What proxies do that call agents on gRPC, beside what holds on every connection.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr wire::Format format{.encoding = wire::Encoding::protobuf};
constexpr std::string_view field_100 = "\xa2\x06\x03new";  // three bytes that no message has

std::string_view head_field(Proxy& proxy, std::string_view name) {
  for (const HeadField& field : proxy.greeted().call().head())
    if (field.name == name) return field.value;
  return {};
}

/// The proxy's handshake. Lifetime: the arena's and the proxy's.
wire::HandshakeRequest hello_of(Proxy& proxy, base::Arena& arena) {
  const auto hello = wire::decode<wire::HandshakeRequest>(format, proxy.greeted().first().payload(), arena);
  expect(hello.has_value(), "its handshake: {}", hello ? "" : hello.error().detail());
  return *hello;
}

wire::AgentResponse block_of(const Heard& heard, std::string_view body = {}) {
  return {.decision = wire::Block{.status = blocked, .body = body, .headers = {}}, .correlation_id = heard.id};
}

/// What is answered to the handshake ends the call, and no event comes on it.
void expect_refused(Proxy& proxy, std::uint32_t version, bool success) {
  proxy.greeting = [=](Served& connection) { connection.refuse(version, success); };
  proxy.expect_closed(proxy.greeted(), success ? "a version that was not offered" : "a refusal");
  expect(proxy.of(FrameType::request_headers).empty(), "it asks on");
}

/// What an agent says unasked leaves the call as it is.
template <class Message>
void expect_heard(Proxy& proxy, const Message& message) {
  Served& connection = proxy.open();
  connection.say(message);
  proxy.expect_served(connection);
}

constexpr std::array<wire::CounterMetric, 1> counters{wire::CounterMetric{.name = "conform_total", .value = 1}};

constexpr std::array rules{
    ProxyRule{"grpc.head", "9", "ProcessStream is called by POST, with content-type application/grpc and te: trailers.",
              Scope::grpc,
              [](Proxy& proxy) {
                expect(head_field(proxy, ":method") == "POST", ":method is {}", head_field(proxy, ":method"));
                expect(head_field(proxy, "content-type").starts_with("application/grpc"), "content-type is {}",
                       head_field(proxy, "content-type"));
                expect(head_field(proxy, "te") == "trailers", "te is {}", head_field(proxy, "te"));
              }},
    ProxyRule{"grpc.handshake", "9", "The first message of a ProcessStream is a handshake.", Scope::grpc,
              [](Proxy& proxy) { (void)proxy.greeted(); }},
    ProxyRule{"grpc.does-not-wait", "9", "The handshake comes without waiting for the head of the answer.", Scope::grpc,
              [](Proxy& proxy) {
                proxy.answer_heads(HeadOfAnswer::with_message);
                (void)proxy.open();
              }},
    ProxyRule{"grpc.versions", "9", "2 is among supported_versions.", Scope::grpc,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto hello = hello_of(proxy, arena);
                expect(std::ranges::find(hello.supported_versions, 2U) != hello.supported_versions.end(), "it is not");
              }},
    ProxyRule{"grpc.proxy-id", "9", "proxy_id and proxy_version are not empty.", Scope::grpc,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto hello = hello_of(proxy, arena);
                expect(!hello.proxy_id.empty(), "proxy_id is");
                expect(!hello.proxy_version.empty(), "proxy_version is");
              }},
    ProxyRule{"grpc.waits", "9", "Nothing follows the handshake before it is answered.", Scope::grpc,
              [](Proxy& proxy) {
                proxy.greeting = [](Served&) {};
                (void)proxy.greeted();
                proxy.go_on_for(std::chrono::milliseconds{100});
                for (const Heard& early : proxy.heard())
                  throw Violation{fmt::format("{} does", name(early.frame.type))};
              }},
    ProxyRule{"grpc.refusal", "9", "A refusal ends the call.", Scope::grpc,
              [](Proxy& proxy) { expect_refused(proxy, 2, false); }},
    ProxyRule{"grpc.version", "9", "A version that was not offered ends the call.", Scope::grpc,
              [](Proxy& proxy) { expect_refused(proxy, 3, true); }},
    ProxyRule{"grpc.configure", "9", "Behind an initial configuration comes a Ping.", Scope::grpc,
              [](Proxy& proxy) {
                proxy.expect_served(proxy.open());
                need(!proxy.of(FrameType::configure).empty(), "the proxy configures no agent");
                proxy.await("ping", [&] { return !proxy.of(FrameType::ping).empty(); });
              }},
    ProxyRule{"grpc.unknown-field", "9", "Fields that it does not know are skipped.", Scope::grpc,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, [](Served& connection, const Heard& heard) {
                  connection.write(grpc_message(payload_of(format, block_of(heard)).append(field_100)));
                });
                expect_status(answer, blocked);
              }},
    ProxyRule{"grpc.large", "9", "An answer of more than a window of HTTP/2 is read.", Scope::grpc,
              [](Proxy& proxy) {
                const std::string body(300'000, 'x');
                const auto answer = answered(
                    proxy, [&](Served& connection, const Heard& heard) { connection.say(block_of(heard, body)); });
                expect(answer.body == body, "the client gets {} bytes of {}", answer.body.size(), body.size());
              }},
    ProxyRule{"grpc.empty-message", "9", "An envelope that holds nothing is no answer.", Scope::grpc,
              [](Proxy& proxy) {
                expect_failure(
                    answered(proxy, [](Served& connection, const Heard&) { connection.write(grpc_message("")); }));
              }},
    ProxyRule{"grpc.cut", "9", "An answer that is cut off is none.", Scope::grpc,
              [](Proxy& proxy) {
                expect_failure(answered(proxy, [](Served& connection, const Heard& heard) {
                  std::string half = payload_of(format, block_of(heard));
                  half.resize(half.size() / 2);
                  connection.write(grpc_message(half));
                }));
              }},
    ProxyRule{"grpc.ended", "9", "A call that ends with an event in flight is a failure at once.", Scope::grpc,
              [](Proxy& proxy) {
                expect_failure(answered(proxy, [](Served& connection, const Heard&) {
                  connection.call().server().finish(connection.call().id(), "13");
                }));
              }},
    ProxyRule{"grpc.again", "11", "A call that the agent has ended is made again.", Scope::grpc,
              [](Proxy& proxy) {
                Served& first = proxy.open();
                first.call().server().finish(first.call().id(), "0");
                proxy.expect_closed(first, "its status");
                (void)proxy.open();
              }},
    ProxyRule{"grpc.goaway", "9", "A connection that takes no more calls answers those that it has.", Scope::grpc,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, [&](Served& connection, const Heard& heard) {
                  connection.call().server().go_away();
                  proxy.answering = [&](Served& other, const Heard& event) { proxy.answer_plainly(other, event); };
                  connection.say(block_of(heard));
                });
                expect_status(answer, blocked);
              }},
    ProxyRule{"grpc.health", "9", "A HealthStatus is taken.", Scope::grpc,
              [](Proxy& proxy) {
                expect_heard(
                    proxy, wire::HealthStatus{.agent_id = "a", .state = wire::HealthState::healthy, .timestamp_ms = 1});
              }},
    ProxyRule{"grpc.metrics", "9", "A MetricsReport is taken.", Scope::grpc,
              [](Proxy& proxy) {
                expect_heard(proxy, wire::MetricsReport{
                                        .agent_id = "a", .timestamp_ms = 1, .interval_ms = 1, .counters = counters});
              }},
    ProxyRule{"grpc.log", "9", "A LogMessage is taken.", Scope::grpc,
              [](Proxy& proxy) { expect_heard(proxy, wire::LogMessage{.message = "conform", .timestamp_ms = 1}); }},
};

}  // namespace

ProxyRules grpc_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
