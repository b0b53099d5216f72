#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// What agents see, change and stop of an upstream's answer. All of them need the upstream that the tool plays.
namespace picket::apps::cli::conform::proxies {
namespace {

using base::HeaderOp;
using wire::FrameType;

/// The head of an answer that was asked about. Lifetime: the arena's and the proxy's.
wire::ResponseHeaders head_of(Proxy& proxy, base::Arena& arena) {
  (void)proxy.origin();
  (void)proxy.ask();
  return all_of<wire::ResponseHeaders>(proxy, arena).front();
}

/// The chunks of a long answer.
std::vector<wire::ResponseBodyChunk> chunks_of(Proxy& proxy, base::Arena& arena) {
  proxy.origin().answer_with({.body = long_body()});
  (void)proxy.ask();
  return all_of<wire::ResponseBodyChunk>(proxy, arena);
}

/// What the client gets where the head of the answer is answered with that.
HttpMessage changed(Proxy& proxy, const HeaderOp& operation) {
  (void)proxy.origin();
  const std::array operations{operation};
  auto answer =
      answered(proxy, FrameType::response_headers, {.decision = wire::Allow{}, .response_headers = operations});
  need_some(proxy, FrameType::response_headers);
  return answer;
}

/// The client gets a block in place of what it stops.
void expect_stopped(Proxy& proxy, FrameType type) {
  (void)proxy.origin();
  const auto answer = answered(proxy, type, {.decision = block()});
  need_some(proxy, type);
  expect(answer.body.find("conform") == std::string::npos, "it does");
}

/// Where an event stands in its exchange (protocol.md §1).
int rank(FrameType type) {
  constexpr std::array order{FrameType::request_headers, FrameType::request_body_chunk, FrameType::response_headers,
                             FrameType::response_body_chunk, FrameType::request_complete};
  const auto* const found = std::ranges::find(order, type);
  return found == order.end() ? -1 : static_cast<int>(found - order.begin());
}

constexpr std::array rules{
    ProxyRule{"events.order", "1", "The events of an exchange come in their order.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                (void)proxy.ask(post("conform"));
                await_complete(proxy);
                need_some(proxy, FrameType::response_headers);
                int last = 0;
                for (const Heard& heard : proxy.heard()) {
                  const int place = rank(heard.frame.type);
                  if (place < 0) continue;
                  expect(place >= last, "{} comes too late", name(heard.frame.type));
                  last = place;
                }
              }},
    ProxyRule{"responses.status", "4", "status of response_headers is the upstream's.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.origin().answer_with({.head = "HTTP/1.1 404 Not Found\r\n"});
                (void)proxy.ask();
                base::Arena arena;
                const auto status = all_of<wire::ResponseHeaders>(proxy, arena).front().status;
                expect(status == 404, "it is {}", status);
              }},
    ProxyRule{"responses.fields", "4", "response_headers has the upstream's fields.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                bool found = false;
                for (const auto& [name, value] : head_of(proxy, arena).headers)
                  found = found || (name == "x-origin" && value == "conform");
                expect(found, "x-origin is not there");
              }},
    ProxyRule{"responses.exchange", "1", "The answer's events have the id of its request.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto head = head_of(proxy, arena);
                expect(head.correlation_id == proxy.first(FrameType::request_headers).id, "they have another");
              }},
    ProxyRule{"responses.whole", "4", "The chunks of an answer's body are its bytes.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::string shown;
                for (const auto& chunk : chunks_of(proxy, arena)) shown.append(base::as_text(chunk.data));
                expect(shown == long_body(), "{} bytes are shown of {}, or others", shown.size(), long_body().size());
              }},
    ProxyRule{"responses.indices", "4", "chunk_index of an answer's body counts from 0.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto chunks = chunks_of(proxy, arena);
                for (std::size_t i = 0; i < chunks.size(); ++i)
                  expect(chunks[i].chunk_index == i, "chunk {} says {}", i, chunks[i].chunk_index);
              }},
    ProxyRule{"responses.last", "4", "is_last is true of the last chunk of an answer, and of no other.",
              Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                const auto chunks = chunks_of(proxy, arena);
                for (std::size_t i = 0; i < chunks.size(); ++i)
                  expect(chunks[i].is_last == (i + 1 == chunks.size()), "chunk {} of {} says {}", i, chunks.size(),
                         chunks[i].is_last);
              }},
    ProxyRule{"responses.sent", "4", "bytes_sent counts what was shown, this chunk included.", Scope::everywhere,
              [](Proxy& proxy) {
                base::Arena arena;
                std::uint64_t shown = 0;
                for (const auto& chunk : chunks_of(proxy, arena)) {
                  shown += chunk.data.size();
                  expect(chunk.bytes_sent == shown, "{} after {} bytes", chunk.bytes_sent, shown);
                }
              }},
    ProxyRule{"responses.set", "5", "set replaces a field of the answer.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = changed(proxy, {.kind = HeaderOp::Kind::set, .name = "x-origin", .value = "agent"});
                expect(answer.values("x-origin") == "agent", "the client gets \"{}\"", answer.values("x-origin"));
              }},
    ProxyRule{"responses.add", "5", "add appends a value to those of the answer.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = changed(proxy, {.kind = HeaderOp::Kind::add, .name = "x-origin", .value = "agent"});
                expect(answer.values("x-origin") == "conform, agent", "the client gets \"{}\"",
                       answer.values("x-origin"));
              }},
    ProxyRule{"responses.remove", "5", "remove takes a field from the answer, and no other.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = changed(proxy, {.kind = HeaderOp::Kind::remove, .name = "x-origin", .value = {}});
                expect(answer.field("x-origin").empty(), "it is still there");
                expect(answer.field("x-origin-too") == "conform", "it takes x-origin-too");
              }},
    ProxyRule{"responses.early", "5", "response_headers beside an allow of the request change the upstream's answer.",
              Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const std::array operations{
                    HeaderOp{.kind = HeaderOp::Kind::set, .name = "x-origin", .value = "agent"}};
                const auto answer = answered(proxy, {.decision = wire::Allow{}, .response_headers = operations});
                expect(answer.values("x-origin") == "agent", "the client gets \"{}\"", answer.values("x-origin"));
              }},
    ProxyRule{"responses.framing", "5", "An operation on connection is a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_failure(changed(proxy, {.kind = HeaderOp::Kind::set, .name = "connection", .value = "x"}));
              }},
    ProxyRule{"responses.nothing-more", "5", "needs_more on the head of an answer without a body is a failure.",
              Scope::everywhere,
              [](Proxy& proxy) {
                proxy.origin().answer_with({.head = "HTTP/1.1 204 No Content\r\n", .body = {}});
                const auto answer = answered(proxy, FrameType::response_headers, {.needs_more = true});
                need_some(proxy, FrameType::response_headers);
                expect_failure(answer);
              }},
    ProxyRule{"responses.block", "5", "An answer whose head is blocked does not reach the client.", Scope::everywhere,
              [](Proxy& proxy) { expect_stopped(proxy, FrameType::response_headers); }},
    ProxyRule{"responses.block-body", "5", "A chunk of an answer that is blocked does not reach the client.",
              Scope::everywhere, [](Proxy& proxy) { expect_stopped(proxy, FrameType::response_body_chunk); }},
    ProxyRule{"responses.mutation", "5", "A mutation of an answer's chunk is what the client gets.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                const wire::BodyMutation mutation{.data = base::as_bytes("agent"), .chunk_index = 0};
                const auto answer = answered(proxy, FrameType::response_body_chunk,
                                             {.decision = wire::Allow{}, .response_body_mutation = mutation});
                need_some(proxy, FrameType::response_body_chunk);
                expect(answer.body == "agent", "it gets \"{}\"", answer.body);
              }},
    ProxyRule{"responses.waits", "1", "An answer waits for the verdict on its head.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                Held heads{proxy, {FrameType::response_headers}};
                const auto call = proxy.send_to_agent({});
                heads.await(1);
                proxy.go_on_for(a_while);
                (void)call->poll();
                expect(call->answer().status == 0, "the client has it before");
                heads.release();
                expect_allowed(finish(proxy, *call));
              }},
};

}  // namespace

ProxyRules response_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
