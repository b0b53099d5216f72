#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

/// What a client gets where the agent decides so on its head.
HttpMessage decided(Proxy& proxy, const wire::Decision& decision) {
  return answered(proxy, wire::AgentResponse{.decision = decision});
}

constexpr std::array<wire::TextPair, 1> why{wire::TextPair{"x-conform", "why"}};
constexpr std::array<wire::TextPair, 1> realm{wire::TextPair{"realm", "conform"}};
constexpr std::array<wire::TextPair, 1> split{wire::TextPair{"x-conform", "a\r\nset-cookie: b"}};
constexpr std::array<wire::TextPair, 1> length{wire::TextPair{"content-length", "3"}};
constexpr std::array<base::HeaderOp, 1> addition{
    base::HeaderOp{.kind = base::HeaderOp::Kind::add, .name = "x-conform", .value = "added"}};
constexpr std::array<base::HeaderOp, 1> framing{
    base::HeaderOp{.kind = base::HeaderOp::Kind::set, .name = "transfer-encoding", .value = "chunked"}};

constexpr std::array rules{
    ProxyRule{"decisions.allow", "5", "What is allowed goes on.", Scope::everywhere,
              [](Proxy& proxy) { expect_allowed(proxy.ask()); }},
    ProxyRule{"decisions.allow-null", "5", "{\"allow\":null} is allow.", Scope::once,
              [](Proxy& proxy) {
                expect_allowed(answered_with(
                    proxy, R"({"version":2,"decision":{"allow":null},"audit":{"custom":{"correlation_id":"@"}}})"));
              }},
    ProxyRule{"decisions.block", "5", "A block's status is the client's.", Scope::everywhere,
              [](Proxy& proxy) { expect_status(decided(proxy, block()), blocked); }},
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
                const auto answer =
                    answered(proxy, FrameType::request_body_chunk, {.decision = block()}, post("conform"));
                need_some(proxy, FrameType::request_body_chunk);
                expect_status(answer, blocked);
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
                const auto answer =
                    answered(proxy, FrameType::request_body_chunk, {.needs_more = true}, post("conform"));
                need_some(proxy, FrameType::request_body_chunk);
                expect_failure(answer);
              }},
};

}  // namespace

ProxyRules decision_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
