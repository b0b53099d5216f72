#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// What agents change, and hold, of a request: seen at its upstream.
namespace picket::apps::cli::conform::proxies {
namespace {

using base::HeaderOp;
using wire::FrameType;

constexpr std::size_t most_fields = 256;       // of one answer, protocol.md §5
constexpr std::size_t most_bytes = 64 * 1024;  // of names and values

/// The request, as its upstream gets it, where its head is answered with that.
const HttpMessage& forwarded(Proxy& proxy, const HeaderOp& operation) {
  (void)proxy.origin();
  const std::array operations{operation};
  const auto answer =
      answered(proxy, FrameType::request_headers, {.decision = wire::Allow{}, .request_headers = operations},
               {.fields = {{"x-conform", "client"}}, .body = {}});
  expect_allowed(answer);
  return proxy.forwarded();
}

void expect_values(const HttpMessage& request, std::string_view values) {
  expect(request.values("x-conform") == values, "upstream gets \"{}\" instead of \"{}\"", request.values("x-conform"),
         values);
}

wire::AgentResponse with_mutation(std::optional<std::string_view> data, std::uint32_t index = 0) {
  wire::BodyMutation mutation{.data = {}, .chunk_index = index};
  if (data) mutation.data = base::as_bytes(*data);
  return {.decision = wire::Allow{}, .request_body_mutation = mutation};
}

/// What the upstream gets of the body "conform" where its chunk is answered with that.
std::string mutated(Proxy& proxy, std::optional<std::string_view> data) {
  (void)proxy.origin();
  const auto answer = answered(proxy, FrameType::request_body_chunk, with_mutation(data), post("conform"));
  need_some(proxy, FrameType::request_body_chunk);
  expect_allowed(answer);
  return proxy.forwarded().body;
}

void expect_body(std::string_view is, std::string_view wanted) {
  expect(is == wanted, "upstream gets \"{}\" instead of \"{}\"", is, wanted);
}

/// What the upstream has seen so far of bodies.
std::size_t bytes_forwarded(Proxy& proxy) {
  std::size_t size = 0;
  for (const HttpMessage& request : proxy.origin().requests()) size += request.body.size();
  return size;
}

/// An answer that sets so many fields with such values is a failure.
void expect_too_much(Proxy& proxy, std::size_t count, const std::string& value) {
  const std::vector<HeaderOp> operations(count,
                                         HeaderOp{.kind = HeaderOp::Kind::add, .name = "x-conform", .value = value});
  expect_failure(answered(proxy, {.decision = wire::Allow{}, .request_headers = operations}));
}

void expect_invalid(Proxy& proxy, std::string_view name, std::string_view value) {
  const std::array operations{HeaderOp{.kind = HeaderOp::Kind::set, .name = name, .value = value}};
  expect_failure(answered(proxy, {.decision = wire::Allow{}, .request_headers = operations}));
}

constexpr std::array rules{
    ProxyRule{"operations.set", "5", "set replaces every value of a field of the request.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_values(forwarded(proxy, {.kind = HeaderOp::Kind::set, .name = "x-conform", .value = "agent"}),
                              "agent");
              }},
    ProxyRule{"operations.add", "5", "add appends a value to those of the request.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_values(forwarded(proxy, {.kind = HeaderOp::Kind::add, .name = "x-conform", .value = "agent"}),
                              "client, agent");
              }},
    ProxyRule{"operations.remove", "5", "remove takes a field from the request.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_values(forwarded(proxy, {.kind = HeaderOp::Kind::remove, .name = "x-conform", .value = {}}), "");
              }},
    ProxyRule{"operations.order", "5", "Operations are done in their order.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                constexpr std::array operations{
                    HeaderOp{.kind = HeaderOp::Kind::add, .name = "x-conform", .value = "one"},
                    HeaderOp{.kind = HeaderOp::Kind::set, .name = "x-conform", .value = "two"},
                    HeaderOp{.kind = HeaderOp::Kind::add, .name = "x-conform", .value = "three"}};
                expect_allowed(answered(proxy, {.decision = wire::Allow{}, .request_headers = operations}));
                expect_values(proxy.forwarded(), "two, three");
              }},
    ProxyRule{"decisions.not-forwarded", "5", "What is blocked does not reach the upstream.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                expect_status(answered(proxy, {.decision = block()}), blocked);
                proxy.go_on_for(a_while);
                expect(proxy.origin().requests().empty(), "it does");
              }},
    ProxyRule{"mutations.replace", "5", "A mutation with data replaces its chunk.", Scope::everywhere,
              [](Proxy& proxy) { expect_body(mutated(proxy, "agent"), "agent"); }},
    ProxyRule{"mutations.drop", "5", "A mutation with empty data drops its chunk.", Scope::everywhere,
              [](Proxy& proxy) { expect_body(mutated(proxy, ""), ""); }},
    ProxyRule{"mutations.leave", "5", "A mutation without data leaves its chunk.", Scope::everywhere,
              [](Proxy& proxy) { expect_body(mutated(proxy, std::nullopt), "conform"); }},
    ProxyRule{"mutations.earlier", "5", "A mutation may name an earlier chunk that is still held.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const std::string body = long_body();
                Held chunks{proxy, {FrameType::request_body_chunk}};
                const auto call = proxy.send_to_agent(post(body));
                chunks.await(1);
                chunks.answer(0, wire::AgentResponse{.decision = wire::Allow{}, .needs_more = true});
                chunks.await(2);
                chunks.answer(1, with_mutation("agent", 0));
                chunks.release();
                expect_allowed(finish(proxy, *call));
                expect(proxy.forwarded().body.starts_with("agent"), "it is as it was");
              }},
    ProxyRule{"mutations.head", "5", "A mutation in an answer to a head is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_failure(answered(proxy, with_mutation("agent"))); }},
    ProxyRule{"mutations.unheld", "5", "A mutation of a chunk that has not come is a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer =
                    answered(proxy, FrameType::request_body_chunk, with_mutation("agent", 7), post("conform"));
                need_some(proxy, FrameType::request_body_chunk);
                expect_failure(answer);
              }},
    ProxyRule{"mutations.base64", "4", "A mutation whose data is no base64 is a failure.", Scope::once,
              [](Proxy& proxy) {
                const auto answer = answered(
                    proxy, FrameType::request_body_chunk,
                    [](Served& connection, const Heard& heard) {
                      connection.say_frame(FrameType::agent_response,
                                           with_id(R"({"version":2,"decision":"allow","correlation_id":"@",)"
                                                   R"("request_body_mutation":{"data":"A?==","chunk_index":0}})",
                                                   heard.id));
                    },
                    post("conform"));
                need_some(proxy, FrameType::request_body_chunk);
                expect_failure(answer);
              }},
    ProxyRule{"needs-more.holds", "5", "What needs_more withholds does not go on.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const std::string body = long_body();
                Held chunks{proxy, {FrameType::request_body_chunk}};
                const auto call = proxy.send_to_agent(post(body));
                chunks.await(1);
                chunks.answer(0, wire::AgentResponse{.decision = wire::Allow{}, .needs_more = true});
                chunks.await(2);
                proxy.go_on_for(a_while);
                const std::size_t early = bytes_forwarded(proxy);
                expect(early == 0, "{} bytes of the body do", early);
                chunks.release();
                expect_allowed(finish(proxy, *call));
              }},
    ProxyRule{"needs-more.released", "5", "What needs_more has withheld goes on with a later allow.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const std::string body = long_body();
                const auto answer = answered(
                    proxy, FrameType::request_body_chunk,
                    [](Served& connection, const Heard& heard) {
                      base::Arena arena;
                      const bool is_last = heard.as<wire::RequestBodyChunk>(arena).is_last;
                      connection.answer(heard, wire::AgentResponse{.decision = wire::Allow{}, .needs_more = !is_last});
                    },
                    post(body));
                need_some(proxy, FrameType::request_body_chunk);
                expect_allowed(answer);
                expect(proxy.forwarded().body == body, "upstream gets {} bytes of {}, or others",
                       proxy.forwarded().body.size(), body.size());
              }},
    ProxyRule{"bodies.until-blocked", "4", "Behind a chunk that is blocked no other comes.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer =
                    answered(proxy, FrameType::request_body_chunk, {.decision = block()}, post(long_body()));
                need_some(proxy, FrameType::request_body_chunk);
                await_complete(proxy);
                const auto count = proxy.of(FrameType::request_body_chunk).size();
                expect(count == 1, "{} come", count - 1);
                expect_status(answer, blocked);
              }},
    ProxyRule{"invalid.name", "5", "An operation on a name that is none is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_invalid(proxy, "x conform", "yes"); }},
    ProxyRule{"invalid.nul", "5", "A value with a NUL is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_invalid(proxy, "x-conform", std::string_view{"a\0b", 3}); }},
    ProxyRule{"invalid.fields", "5", "An answer that makes more than 256 fields is a failure.", Scope::everywhere,
              [](Proxy& proxy) { expect_too_much(proxy, most_fields + 1, "x"); }},
    ProxyRule{"invalid.field-bytes", "5", "An answer that makes more than 64 KiB of fields is a failure.",
              Scope::everywhere, [](Proxy& proxy) { expect_too_much(proxy, 3, std::string(most_bytes / 2, 'x')); }},
};

}  // namespace

ProxyRules forwarding_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
