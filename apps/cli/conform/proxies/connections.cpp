#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;
using wire::Value;

const Value& member(const Document& hello, std::string_view path) {
  const Value* const found = hello.find(path);
  expect(found != nullptr, "there is no {}", path);
  return *found;
}

void expect_text(Proxy& proxy, std::string_view path) {
  const auto* const text = member(proxy.greeted().hello(), path).get<std::string_view>();
  expect(text != nullptr && !text->empty(), "{} is no text, or empty", path);
}

/// A list, if it is there at all.
const Value::List* list_at(const Document& hello, std::string_view path) {
  const Value* const found = hello.find(path);
  if (found == nullptr) return nullptr;
  const auto* const list = found->get<Value::List>();
  expect(list != nullptr, "{} is no list", path);
  return list;
}

/// What is answered to a handshake makes the proxy close the connection.
void expect_refused(Proxy& proxy, const Welcome& welcome, std::string_view what) {
  proxy.greeting = [&](Served& connection) { connection.welcome(welcome); };
  proxy.expect_closed(proxy.greeted(), what);
}

/// What is answered to a handshake is taken.
void expect_taken(Proxy& proxy, const Welcome& welcome) {
  proxy.greeting = [&](Served& connection) { connection.welcome(welcome); };
  proxy.expect_served(proxy.open());
}

/// Bytes in place of an answer to the handshake, or after it.
void expect_closed(Proxy& proxy, std::string_view bytes, std::string_view what, bool is_first) {
  if (is_first) proxy.greeting = [](Served&) {};
  Served& connection = is_first ? proxy.greeted() : proxy.open();
  connection.write(bytes);
  proxy.expect_closed(connection, what);
}

/// What an agent says unasked leaves the connection as it is.
void expect_heard(Proxy& proxy, FrameType type, std::string_view json) {
  Served& connection = proxy.open();
  connection.say_frame(type, json);
  proxy.expect_served(connection);
}

void expect_echoed(Proxy& proxy, const wire::Ping& ping) {
  Served& connection = proxy.open();
  connection.say(ping);
  proxy.await("pong", [&] { return !proxy.of(FrameType::pong).empty(); });
  base::Arena arena;
  const auto pong = proxy.first(FrameType::pong).as<wire::Pong>(arena);
  expect(pong.sequence == ping.sequence, "sequence is {} instead of {}", pong.sequence, ping.sequence);
  expect(pong.timestamp_ms == ping.timestamp_ms, "timestamp_ms is {} instead of {}", pong.timestamp_ms,
         ping.timestamp_ms);
}

constexpr std::array rules{
    ProxyRule{
        "handshake.comes", "3", "A proxy begins with a handshake, in JSON, on each connection.", Scope::handshake,
        [](Proxy& proxy) { expect(proxy.greeted().hello().value.get<Value::Object>() != nullptr, "it is no object"); }},
    ProxyRule{"handshake.versions", "3", "supported_versions is a list of integers, with 2 in it.", Scope::handshake,
              [](Proxy& proxy) {
                const auto* const list = member(proxy.greeted().hello(), "supported_versions").get<Value::List>();
                expect(list != nullptr, "it is no list");
                bool has_two = false;
                for (const Value& version : *list) {
                  const auto* const number = version.get<std::int64_t>();
                  expect(number != nullptr && *number >= 0, "it holds what is no version");
                  has_two = has_two || *number == 2;
                }
                expect(has_two, "2 is not in it");
              }},
    ProxyRule{"handshake.proxy-id", "3", "proxy_id is a text that is not empty.", Scope::handshake,
              [](Proxy& proxy) { expect_text(proxy, "proxy_id"); }},
    ProxyRule{"handshake.proxy-version", "3", "proxy_version is a text that is not empty.", Scope::handshake,
              [](Proxy& proxy) { expect_text(proxy, "proxy_version"); }},
    ProxyRule{"handshake.encodings", "3", "supported_encodings names \"json\" and \"msgpack\" and nothing else.",
              Scope::handshake,
              [](Proxy& proxy) {
                const auto* const list = list_at(proxy.greeted().hello(), "supported_encodings");
                if (list == nullptr) return;
                for (const Value& encoding : *list) {
                  const auto* const text = encoding.get<std::string_view>();
                  expect(text != nullptr && (*text == "json" || *text == "msgpack"),
                         "it names {}, which agents of the reference refuse", text == nullptr ? "no text" : *text);
                }
              }},
    ProxyRule{"handshake.extensions", "3", "extensions, where they are said, are a list of texts.", Scope::handshake,
              [](Proxy& proxy) {
                const auto* const list = list_at(proxy.greeted().hello(), "extensions");
                need(list != nullptr, "the proxy offers none");
                for (const Value& extension : *list)
                  expect(extension.get<std::string_view>() != nullptr, "it holds what is no text");
              }},
    ProxyRule{"handshake.events", "3", "events, where they are said, are a list of integers.", Scope::handshake,
              [](Proxy& proxy) {
                const auto* const list = list_at(proxy.greeted().hello(), "events");
                need(list != nullptr, "the proxy does not say");
                for (const Value& event : *list)
                  expect(event.get<std::int64_t>() != nullptr, "it holds what is no integer");
              }},
    ProxyRule{"handshake.waits", "3", "Nothing follows the handshake before it is answered.", Scope::handshake,
              [](Proxy& proxy) {
                proxy.greeting = [](Served&) {};
                (void)proxy.greeted();
                proxy.go_on_for(std::chrono::milliseconds{200});
                expect(proxy.heard().empty(), "{} does",
                       proxy.heard().empty() ? "" : name(proxy.heard().front().frame.type));
              }},
    ProxyRule{"handshake.slow", "2", "An answer that comes byte by byte is taken.", Scope::handshake,
              [](Proxy& proxy) {
                proxy.greeting = [](Served&) {};
                Served& connection = proxy.greeted();
                const std::string frame = socket_frame(static_cast<std::uint8_t>(FrameType::handshake_response),
                                                       connection.text_of(Welcome{}));
                for (const char byte : frame) {
                  connection.write({&byte, 1});
                  proxy.go_on_for(std::chrono::milliseconds{0});
                }
                proxy.expect_served(connection);
              }},
    ProxyRule{"handshake.in-time", "3", "An answer is not waited for without end.", Scope::handshake,
              [](Proxy& proxy) {
                need_time(proxy);
                proxy.greeting = [](Served&) {};
                proxy.expect_closed(proxy.greeted(), "no answer to the handshake", a_long_time);
              }},
    ProxyRule{"answer.plain", "3", "An answer of an agent without extensions is taken.", Scope::handshake,
              [](Proxy& proxy) { expect_taken(proxy, {}); }},
    ProxyRule{"answer.no-encoding", "3", "An answer without encoding is taken: JSON.", Scope::handshake,
              [](Proxy& proxy) { expect_taken(proxy, {.encoding = ""}); }},
    ProxyRule{"answer.unknown-keys", "3", "Keys of the answer that it does not know are ignored.", Scope::handshake,
              [](Proxy& proxy) { expect_taken(proxy, {.more = R"("later":[{"a":null}],)"}); }},
    ProxyRule{"answer.refusal", "3", "A refusal ends the connection.", Scope::handshake,
              [](Proxy& proxy) {
                expect_refused(proxy, {.version = "0", .success = "false", .error = R"("conform")"}, "a refusal");
              }},
    ProxyRule{"answer.version", "3", "A version that was not offered ends the connection.", Scope::handshake,
              [](Proxy& proxy) { expect_refused(proxy, {.version = "77"}, "version 77"); }},
    ProxyRule{"answer.encoding", "3", "An encoding that was not offered ends the connection.", Scope::handshake,
              [](Proxy& proxy) { expect_refused(proxy, {.encoding = R"("encoding":"cbor",)"}, "the encoding cbor"); }},
    ProxyRule{"answer.capabilities", "3", "An answer without capabilities ends the connection.", Scope::handshake,
              [](Proxy& proxy) { expect_refused(proxy, {.has_capabilities = false}, "no capabilities"); }},
    ProxyRule{"answer.no-json", "3", "An answer that is no JSON ends the connection.", Scope::handshake,
              [](Proxy& proxy) {
                expect_closed(proxy,
                              socket_frame(static_cast<std::uint8_t>(FrameType::handshake_response), "{\"success\":"),
                              "half an answer", true);
              }},
    ProxyRule{"answer.other-frame", "3", "Another frame in place of the answer ends the connection.", Scope::handshake,
              [](Proxy& proxy) {
                expect_closed(proxy,
                              socket_frame(static_cast<std::uint8_t>(FrameType::agent_response),
                                           R"({"version":2,"decision":"allow"})"),
                              "an answer to no event", true);
              }},
    ProxyRule{"framing.length-zero", "2", "A length of zero ends the connection.", Scope::once,
              [](Proxy& proxy) { expect_closed(proxy, std::string(4, '\0'), "a frame of length 0", false); }},
    ProxyRule{"framing.too-long", "2", "A length of one byte over 16 MiB ends the connection.", Scope::once,
              [](Proxy& proxy) {
                expect_closed(proxy, std::string_view{"\x01\x00\x00\x01\x20", 5}, "a length of 16 MiB and a byte",
                              false);
              }},
    ProxyRule{"framing.unknown-type", "2", "A type that there is not ends the connection.", Scope::once,
              [](Proxy& proxy) { expect_closed(proxy, socket_frame(0x7f, "{}"), "type 0x7f", false); }},
    ProxyRule{"framing.wrong-direction", "2", "What only proxies send ends the connection.", Scope::once,
              [](Proxy& proxy) {
                expect_closed(proxy,
                              socket_frame(static_cast<std::uint8_t>(FrameType::cancel),
                                           R"({"correlation_id":"a","reason":0,"timestamp_ms":0})"),
                              "a cancel", false);
              }},
    ProxyRule{"connections.again", "11", "A connection that was closed is made again.", Scope::handshake,
              [](Proxy& proxy) {
                proxy.open().end();
                (void)proxy.open();
              }},
    ProxyRule{"ping.answered", "6", "A ping of the agent's is answered with a pong.", Scope::sockets,
              [](Proxy& proxy) { proxy.expect_served(proxy.open()); }},
    ProxyRule{"ping.echoed", "6", "The pong repeats the ping's sequence and timestamp.", Scope::sockets,
              [](Proxy& proxy) { expect_echoed(proxy, {.sequence = 7, .timestamp_ms = 1'700'000'000'000}); }},
    ProxyRule{"pong.unasked", "6", "A pong that answers nothing is taken.", Scope::once,
              [](Proxy& proxy) { expect_heard(proxy, FrameType::pong, R"({"sequence":99,"timestamp_ms":1})"); }},
    ProxyRule{"health.object", "6", "A HealthStatus whose state is an object is taken.", Scope::once,
              [](Proxy& proxy) {
                expect_heard(proxy, FrameType::health_status,
                             R"({"agent_id":"a","state":{"status":"healthy"},"timestamp_ms":1})");
              }},
    ProxyRule{"health.number", "6", "A HealthStatus whose state is a number is taken.", Scope::once,
              [](Proxy& proxy) {
                expect_heard(proxy, FrameType::health_status, R"({"agent_id":"a","state":1,"timestamp_ms":1})");
              }},
    ProxyRule{
        "health.whole", "6", "A HealthStatus with load and resources is taken.", Scope::once,
        [](Proxy& proxy) {
          expect_heard(
              proxy, FrameType::health_status,
              R"({"agent_id":"a","state":{"status":"degraded","disabled_features":["x"],"timeout_multiplier":1.5},)"
              R"("message":"m","load":{"in_flight":1,"queue_depth":0,"avg_latency_ms":1.0,"p50_latency_ms":1.0,)"
              R"("p95_latency_ms":2.0,"p99_latency_ms":3.0,"requests_processed":5,"requests_rejected":0,)"
              R"("requests_timed_out":0},"resources":{"cpu_percent":1.0},"valid_until_ms":null,"timestamp_ms":1})");
        }},
    ProxyRule{"metrics.taken", "6", "A MetricsReport is taken.", Scope::once,
              [](Proxy& proxy) {
                expect_heard(
                    proxy, FrameType::metrics_report,
                    R"({"agent_id":"a","timestamp_ms":1,"interval_ms":1000,"counters":[{"name":"conform_total",)"
                    R"("labels":{"a":"b"},"value":1}],"gauges":[{"name":"conform_gauge","labels":{},"value":1.5}],)"
                    R"("histograms":[{"name":"conform_seconds","labels":{},"sum":1.0,"count":1,)"
                    R"("buckets":[{"le":1.0,"count":1},{"le":"+Inf","count":1}]}]})");
              }},
    ProxyRule{"config-update.taken", "6", "A ConfigUpdateRequest is taken.", Scope::once,
              [](Proxy& proxy) {
                expect_heard(
                    proxy, FrameType::config_update_request,
                    R"({"update_type":{"type":"config_error","error":"conform","field":null},"request_id":"1",)"
                    R"("timestamp_ms":1})");
              }},
    ProxyRule{"flow.taken", "6", "FlowControl is taken, its action an object or a number.", Scope::once,
              [](Proxy& proxy) {
                expect_heard(proxy, FrameType::flow_control,
                             R"({"correlation_id":null,"action":{"type":"resume"},"timestamp_ms":1})");
                expect_heard(proxy, FrameType::flow_control, R"({"correlation_id":null,"action":2,"timestamp_ms":1})");
              }},
};

}  // namespace

ProxyRules connection_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
