#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

/// Whose verdict an answer is: what comes late, twice, from elsewhere, or names something else.
namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr std::uint16_t of_others = 418;  // what nobody may get
constexpr std::array<base::HeaderOp, 1> addition{
    base::HeaderOp{.kind = base::HeaderOp::Kind::add, .name = "x-conform", .value = "added"}};

/// An answer to an exchange that is over does not decide the one that waits.
void expect_own_verdict(Proxy& proxy, Held& heads, std::size_t over) {
  const auto next = proxy.send_to_agent(get("/conform/next"));
  heads.answer(over, block(of_others));
  heads.answer(heads.size() - 1, block());
  expect_status(finish(proxy, *next), blocked);
}

/// A head and what follows it wait at the agent, both.
std::unique_ptr<HttpCall> send_together(Proxy& proxy, Held& held, const HttpRequest& request, std::size_t count) {
  constexpr std::chrono::seconds to_follow{2};
  auto call = proxy.send_to_agent(request);
  const base::TimePoint end = base::Clock::now() + to_follow;
  while (held.size() < count && base::Clock::now() < end) proxy.go_on_for(std::chrono::milliseconds{5});
  need(held.size() >= count, "the proxy asks about one event after the other");
  return call;
}

constexpr wire::BodyMutation replaced(std::uint32_t index, std::string_view data) {
  return {.data = base::as_bytes(data), .chunk_index = index};
}

std::uint32_t index_of(const Heard& chunk) {
  base::Arena arena;
  return chunk.as<wire::RequestBodyChunk>(arena).chunk_index;
}

/// Every id of some requests, in their order. Throws Skipped where the agent is asked about none.
std::vector<std::string> some_ids(Proxy& proxy) {
  for (int i = 0; i < 5; ++i) (void)proxy.ask();
  need_some(proxy, FrameType::request_headers);
  std::vector<std::string> ids;
  for (const Heard* const heard : proxy.of(FrameType::request_headers)) ids.push_back(heard->id);
  return ids;
}

/// How many characters of two texts of one length differ.
std::size_t distance(std::string_view a, std::string_view b) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) count += a[i] != b[i] ? 1U : 0U;
  return a.size() == b.size() ? count : std::max(a.size(), b.size());
}

constexpr std::array rules{
    ProxyRule{"ids.size", "10", "An id has 1 to 256 bytes.", Scope::everywhere,
              [](Proxy& proxy) {
                for (const std::string& id : some_ids(proxy))
                  expect(!id.empty() && id.size() <= 256, "one has {}", id.size());
              }},
    ProxyRule{"ids.not-counted", "1", "An id cannot be guessed from the one before.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto ids = some_ids(proxy);
                need(ids.size() > 1, "the agent is asked about one request");
                for (std::size_t i = 1; i < ids.size(); ++i)
                  expect(distance(ids[i - 1], ids[i]) > 4, "{} follows {}", ids[i], ids[i - 1]);
              }},
    ProxyRule{"answers.late", "6", "An answer that comes after the deadline decides nothing.", Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto late = proxy.send_to_agent({});
                expect_failure(finish(proxy, *late));
                expect_own_verdict(proxy, heads, 0);
              }},
    ProxyRule{"answers.over", "5", "A second answer, after the exchange has ended, decides no other.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto first = proxy.send_to_agent({});
                heads.answer(0, block());
                (void)finish(proxy, *first);
                await_complete(proxy);
                expect_own_verdict(proxy, heads, 0);
              }},
    ProxyRule{"answers.crossing", "6", "An answer that crosses a cancel is dropped, and the connection goes on.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                call->leave();
                proxy.await("cancel", [&] { return !proxy.of(FrameType::cancel).empty(); });
                heads.answer(0, block(of_others));
                proxy.expect_served(heads.connection(0));
              }},
    ProxyRule{"answers.elsewhere", "5", "An answer on another connection than the event's decides nothing.",
              Scope::registration,
              [](Proxy& proxy) {
                Served& first = proxy.open();
                Served& second = joined(proxy, proxy.registration());
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                Served& other = &heads.connection(0) == &first ? second : first;
                other.say(wire::AgentResponse{.decision = block(of_others), .correlation_id = heads.event(0).id});
                proxy.go_on_for(a_while);
                heads.answer(0, block());
                expect_status(finish(proxy, *call), blocked);
              }},
    ProxyRule{"answers.id-at-top", "5", "An answer whose id stands at the top alone is taken.", Scope::once,
              [](Proxy& proxy) {
                expect_status(
                    answered_with(proxy, R"({"version":2,"decision":{"block":{"status":451}},"correlation_id":"@"})"),
                    blocked);
              }},
    ProxyRule{
        "answers.id-in-audit", "5", "An answer whose id stands in audit.custom alone is taken.", Scope::once,
        [](Proxy& proxy) {
          expect_status(
              answered_with(
                  proxy,
                  R"({"version":2,"decision":{"block":{"status":451}},"audit":{"custom":{"correlation_id":"@"}}})"),
              blocked);
        }},
    ProxyRule{
        "answers.two-ids", "5", "An answer that names two exchanges is a failure.", Scope::once,
        [](Proxy& proxy) {
          expect_failure(answered_with(
              proxy,
              R"({"version":2,"decision":"allow","correlation_id":"@","audit":{"custom":{"correlation_id":"x"}}})"));
        }},
    ProxyRule{"answers.cut", "2", "Half an answer and the end of the connection are a failure.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_failure(answered(proxy, [](Served& connection, const Heard& heard) {
                  const std::string whole =
                      connection.bytes_of(wire::AgentResponse{.decision = wire::Allow{}, .correlation_id = heard.id});
                  connection.write(std::string_view{whole}.substr(0, whole.size() - 1));
                  connection.end();
                }));
              }},
    ProxyRule{"replies.by-event", "3", "With event-reply an answer is its event's, in whatever order they come.",
              Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                proxy.take("event-reply");
                Held held{proxy, {FrameType::request_headers, FrameType::request_body_chunk}};
                const auto call = send_together(proxy, held, post("conform"), 2);
                held.answer(1, {.request_body_mutation = replaced(index_of(held.event(1)), "changed")});
                held.answer(0, {.request_headers = addition});
                expect_allowed(finish(proxy, *call));
                expect(proxy.forwarded().body == "changed", "the body is \"{}\"", proxy.forwarded().body);
                expect(proxy.forwarded().field("x-conform") == "added", "the head is not changed");
              }},
    ProxyRule{"replies.by-index", "3", "With event-reply an answer is its chunk's, in whatever order they come.",
              Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.origin();
                proxy.take("event-reply");
                Held held{proxy, {FrameType::request_body_chunk}};
                const std::string body = long_body();
                const auto call = send_together(proxy, held, post(body), 2);
                for (const std::size_t i : {1U, 0U})
                  held.answer(i, {.request_body_mutation = replaced(index_of(held.event(i)), i == 0 ? "one" : "two")});
                held.release();
                expect_allowed(finish(proxy, *call));
                expect(proxy.forwarded().body.starts_with("onetwo"), "they stand in another order");
              }},
    ProxyRule{"replies.unknown", "3", "With event-reply an answer to no event in flight is dropped.", Scope::everywhere,
              [](Proxy& proxy) {
                proxy.take("event-reply");
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         connection.say(wire::AgentResponse{
                                             .decision = block(of_others),
                                             .correlation_id = heard.id,
                                             .reply_to = wire::ReplyTo{.type = FrameType::response_headers}});
                                         connection.answer(heard, block());
                                       }),
                              blocked);
              }},
    ProxyRule{"replies.missing", "3", "With event-reply an answer that names no event is a failure.", Scope::once,
              [](Proxy& proxy) {
                proxy.take("event-reply");
                expect_failure(answered_with(proxy, R"({"version":2,"decision":"allow","correlation_id":"@"})"));
              }},
    ProxyRule{
        "cancel.last", "6", "Behind a cancel nothing of the exchange comes but request_complete.", Scope::everywhere,
        [](Proxy& proxy) {
          Held heads{proxy, {FrameType::request_headers}};
          const auto call = proxy.send_to_agent(post("conform"));
          expect_failure(finish(proxy, *call));
          proxy.go_on_for(a_while);
          bool is_cancelled = false;
          for (const Heard& heard : proxy.heard()) {
            if (heard.id != heads.event(0).id) continue;
            expect(!is_cancelled || heard.frame.type == FrameType::request_complete, "{} does", name(heard.frame.type));
            is_cancelled = is_cancelled || heard.frame.type == FrameType::cancel;
          }
        }},
    ProxyRule{"cancel.completes", "6", "request_complete follows the cancel of an event that is late.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto call = proxy.send_to_agent({});
                proxy.await("cancel", [&] { return !proxy.of(FrameType::cancel).empty(); });
                await_complete(proxy);
                expect_failure(finish(proxy, *call));
              }},
    ProxyRule{"complete.sizes", "4", "request_body_size of request_complete is the body's size.", Scope::everywhere,
              [](Proxy& proxy) {
                (void)proxy.ask(post("conform"));
                await_complete(proxy);
                base::Arena arena;
                const auto complete = proxy.first(FrameType::request_complete).as<wire::RequestComplete>(arena);
                expect(complete.request_body_size == 7, "it is {}", complete.request_body_size);
              }},
    ProxyRule{"complete.undeclared", "1", "request_complete comes also to an agent that does not declare it.",
              Scope::everywhere,
              [](Proxy& proxy) {
                proxy.declared.events = {1, 2, 3, 4, 6, 7};
                proxy.take("config-reply");
                (void)proxy.ask();
                await_complete(proxy);
              }},
    ProxyRule{"complete.one-way", "3", "With one-way-complete no answer to request_complete is waited for.",
              Scope::everywhere,
              [](Proxy& proxy) {
                proxy.take("one-way-complete");
                Served& connection = proxy.open();
                for (int i = 0; i < 3; ++i) (void)proxy.ask(get("/conform"));
                proxy.await("request_complete", [&] { return proxy.of(FrameType::request_complete).size() >= 3; });
                proxy.expect_served(connection);
              }},
};

}  // namespace

ProxyRules verdict_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
