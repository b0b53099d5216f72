#include <array>

#include "apps/cli/conform/proxies/rules.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr int server_error = 500;

/// What a client gets where the agent answers request_headers so.
HttpAnswer answered(Proxy& proxy, const wire::AgentResponse& response) {
  proxy.answering = [&](Served& connection, const Heard& heard) {
    if (heard.frame.type == FrameType::request_headers) return connection.answer(heard, response);
    proxy.answer_plainly(connection, heard);
  };
  return proxy.ask();
}
HttpAnswer decided(Proxy& proxy, const wire::Decision& decision) {
  return answered(proxy, wire::AgentResponse{.decision = decision});
}

/// What an agent must not say is a failure: the client gets none of it.
void expect_failure(const HttpAnswer& answer) {
  expect(answer.status >= server_error, "the client gets {}", answer.status);
}

/// A HttpAnswer where the head is answered with that JSON, `@` in it standing for the id.
HttpAnswer answered_with(Proxy& proxy, std::string_view json) {
  proxy.answering = [&, json](Served& connection, const Heard& heard) {
    if (heard.frame.type != FrameType::request_headers) return proxy.answer_plainly(connection, heard);
    std::string text{json};
    text.replace(text.find('@'), 1, heard.id);
    connection.say_frame(FrameType::agent_response, text);
  };
  return proxy.ask();
}

constexpr std::array<wire::TextPair, 1> why{wire::TextPair{"x-conform", "why"}};
constexpr std::array<wire::TextPair, 1> realm{wire::TextPair{"realm", "conform"}};
constexpr std::array<wire::TextPair, 1> split{wire::TextPair{"x-conform", "a\r\nset-cookie: b"}};
constexpr std::array<wire::TextPair, 1> length{wire::TextPair{"content-length", "3"}};
constexpr std::array<base::HeaderOp, 1> addition{
    base::HeaderOp{.kind = base::HeaderOp::Kind::add, .name = "x-conform", .value = "added"}};
constexpr std::array<base::HeaderOp, 1> framing{
    base::HeaderOp{.kind = base::HeaderOp::Kind::set, .name = "transfer-encoding", .value = "chunked"}};

wire::Block block(std::uint16_t status) { return {.status = status, .body = {}, .headers = {}}; }

constexpr std::array rules{
    ProxyRule{"decisions.allow", "5", "What is allowed goes on.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto status = proxy.ask().status;
                expect(status != 0 && status < server_error && status != 403, "the client gets {}", status);
              }},
    ProxyRule{"decisions.allow-null", "5", "{\"allow\":null} is allow.", Scope::once,
              [](Proxy& proxy) {
                const auto status =
                    answered_with(
                        proxy, R"({"version":2,"decision":{"allow":null},"audit":{"custom":{"correlation_id":"@"}}})")
                        .status;
                expect(status != 0 && status < server_error && status != 403, "the client gets {}", status);
              }},
    ProxyRule{"decisions.block", "5", "A block's status is the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto status = decided(proxy, block(451)).status;
                expect(status == 451, "the client gets {}", status);
              }},
    ProxyRule{"decisions.block-body", "5", "A block's body is the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer =
                    decided(proxy, wire::Block{.status = 403, .body = "conform says no", .headers = {}});
                expect(answer.body.find("conform says no") != std::string::npos, "it is \"{}\"", answer.body);
              }},
    ProxyRule{"decisions.block-fields", "5", "A block's fields are the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = decided(proxy, wire::Block{.status = 403, .body = {}, .headers = why});
                expect(answer.field("x-conform") == "why", "it is not there");
              }},
    ProxyRule{"decisions.redirect", "5", "A redirect's status and URL are the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = decided(proxy, wire::Redirect{.url = "https://conform.test/login", .status = 307});
                expect(answer.status == 307, "the client gets {}", answer.status);
                expect(answer.field("location") == "https://conform.test/login", "location is {}",
                       answer.field("location"));
              }},
    ProxyRule{"decisions.challenge", "5", "A challenge is 401 with WWW-Authenticate.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = decided(proxy, wire::Challenge{.challenge_type = "basic", .params = realm});
                expect(answer.status == 401, "the client gets {}", answer.status);
                expect(answer.field("www-authenticate").find("conform") != std::string::npos,
                       "www-authenticate is \"{}\"", answer.field("www-authenticate"));
              }},
    ProxyRule{"decisions.body", "5", "A block of a body is the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  if (heard.frame.type == FrameType::request_body_chunk) return connection.answer(heard, block(451));
                  proxy.answer_plainly(connection, heard);
                };
                const auto status = proxy.ask({.method = "POST", .fields = {}, .body = "conform"}).status;
                need(!proxy.of(FrameType::request_body_chunk).empty(), "the proxy shows no request bodies");
                expect(status == 451, "the client gets {}", status);
              }},
    ProxyRule{"operations.response", "5", "A field that is added to the response is the client's.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, {.decision = block(403), .response_headers = addition});
                expect(answer.field("x-conform") == "added", "it is not there");
              }},
    ProxyRule{"invalid.status", "5", "A block with status 99 is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_failure(decided(proxy, block(99))); }},
    ProxyRule{"invalid.redirect", "5", "A redirect with status 200 is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_failure(decided(proxy, wire::Redirect{.url = "/", .status = 200})); }},
    ProxyRule{"invalid.split", "5", "A field with a line break in its value is a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = decided(proxy, wire::Block{.status = 403, .body = {}, .headers = split});
                expect(answer.field("set-cookie").empty(), "it makes a field of its own");
                expect_failure(answer);
              }},
    ProxyRule{"invalid.length", "5", "A block that sets content-length is a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_failure(decided(proxy, wire::Block{.status = 403, .body = {}, .headers = length}));
              }},
    ProxyRule{
        "invalid.framing", "5", "An operation on transfer-encoding is a failure.", Scope::everywhere,
        [](Proxy& proxy) { expect_failure(answered(proxy, {.decision = wire::Allow{}, .request_headers = framing})); }},
    ProxyRule{"invalid.version", "5", "An answer of another version is a failure.", Scope::sockets,
              [](Proxy& proxy) { expect_failure(answered(proxy, {.version = 1, .decision = wire::Allow{}})); }},
    ProxyRule{"invalid.decision", "5", "A decision that there is not is a failure.", Scope::once,
              [](Proxy& proxy) {
                expect_failure(answered_with(
                    proxy, R"({"version":2,"decision":{"perhaps":{}},"audit":{"custom":{"correlation_id":"@"}}})"));
              }},
    ProxyRule{"invalid.needs-more", "5", "needs_more on a last chunk is a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  if (heard.frame.type != FrameType::request_body_chunk) return proxy.answer_plainly(connection, heard);
                  connection.answer(heard, wire::AgentResponse{.needs_more = true});
                };
                const auto answer = proxy.ask({.method = "POST", .fields = {}, .body = "conform"});
                need(!proxy.of(FrameType::request_body_chunk).empty(), "the proxy shows no request bodies");
                expect_failure(answer);
              }},
};

}  // namespace

ProxyRules decision_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
