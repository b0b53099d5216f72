#include <array>

#include "apps/cli/conform/proxies/rules.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

constexpr int server_error = 500;

wire::Block blocked(std::uint16_t status) { return {.status = status, .body = {}, .headers = {}}; }

using Answer = std::function<void(Served&, const Heard&)>;

/// What a client gets where the agent answers request_headers so.
HttpAnswer answered(Proxy& proxy, const Answer& answer) {
  proxy.answering = [&](Served& connection, const Heard& heard) {
    if (heard.frame.type == FrameType::request_headers) return answer(connection, heard);
    proxy.answer_plainly(connection, heard);
  };
  return proxy.ask();
}

void expect_status(const HttpAnswer& answer, int status) {
  expect(answer.status == status, "the client gets {} instead of {}", answer.status, status);
}

std::string frame_of(const Served& connection, const Heard& heard, const wire::Decision& decision) {
  const wire::AgentResponse response{.decision = decision, .correlation_id = heard.id};
  return connection.bytes_of(response);
}

/// Bytes in place of an answer end the connection, and the client gets an answer at once.
void expect_failure(Proxy& proxy, FrameType type, std::string_view payload) {
  const auto answer = answered(proxy, [&](Served& connection, const Heard&) { connection.say_frame(type, payload); });
  expect(answer.status >= server_error, "the client gets {}", answer.status);
}

constexpr std::array rules{
    ProxyRule{"answers.split", "2", "An answer that comes byte by byte is one.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         for (const char byte : frame_of(connection, heard, blocked(451)))
                                           connection.write({&byte, 1});
                                       }),
                              451);
              }},
    ProxyRule{"answers.joined", "2", "An answer among other frames in one piece is taken.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         const std::string pong =
                                             connection.bytes_of(wire::Pong{.sequence = 5, .timestamp_ms = 5});
                                         connection.write(pong + frame_of(connection, heard, blocked(451)) + pong);
                                       }),
                              451);
              }},
    ProxyRule{"answers.unknown-id", "5", "An answer to an exchange that there is not is dropped.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         connection.say(wire::AgentResponse{.decision = blocked(418),
                                                                            .correlation_id = "conform-nobody"});
                                         connection.answer(heard, blocked(451));
                                       }),
                              451);
              }},
    ProxyRule{"answers.unnamed", "5", "An answer that names no exchange is not believed.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, [](Served& connection, const Heard& heard) {
                  connection.say(wire::AgentResponse{.decision = blocked(418), .correlation_id = {}});
                  connection.answer(heard, blocked(451));
                });
                expect(answer.status != 418, "the client gets what it says");
              }},
    ProxyRule{"answers.second", "5", "A second answer to one event changes nothing.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         connection.answer(heard, blocked(451));
                                         connection.answer(heard, blocked(418));
                                       }),
                              451);
                expect_status(answered(proxy, [](Served& connection,
                                                 const Heard& heard) { connection.answer(heard, blocked(452)); }),
                              452);
              }},
    ProxyRule{"answers.unasked", "5", "Answers to nothing leave the connection as it is.", Scope::everywhere,
              [](Proxy& proxy) {
                Served& connection = proxy.open();
                for (int i = 0; i < 10; ++i)
                  connection.say(wire::AgentResponse{.decision = blocked(418), .correlation_id = "conform-nobody"});
                proxy.expect_served(connection);
              }},
    ProxyRule{"answers.of-others", "5", "Of two exchanges each gets its own verdict, in whatever order they come.",
              Scope::everywhere,
              [](Proxy& proxy) {
                std::vector<std::pair<Served*, Heard>> held;
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  if (heard.frame.type != FrameType::request_headers) return proxy.answer_plainly(connection, heard);
                  held.emplace_back(&connection, heard);
                };
                const auto first = proxy.send_to_agent({.target = "/conform/1", .fields = {}, .body = {}});
                const auto second = proxy.send_to_agent({.target = "/conform/2", .fields = {}, .body = {}});
                held[1].first->answer(held[1].second, blocked(452));
                held[0].first->answer(held[0].second, blocked(451));
                proxy.await("both answers", [&] { return first->poll() && second->poll(); });
                expect_status(first->answer(), 451);
                expect_status(second->answer(), 452);
              }},
    ProxyRule{"answers.to-complete", "1", "An answer to request_complete is taken, and none is waited for.",
              Scope::everywhere,
              [](Proxy& proxy) {
                for (int i = 0; i < 3; ++i)
                  expect_status(answered(proxy, [](Served& connection,
                                                   const Heard& heard) { connection.answer(heard, blocked(451)); }),
                                451);
                proxy.await("request_complete", [&] { return proxy.of(FrameType::request_complete).size() >= 3; });
                proxy.expect_served(proxy.open());
              }},
    ProxyRule{"malformed.json", "10", "An answer that cannot be read is a failure, not an allow.", Scope::once,
              [](Proxy& proxy) { expect_failure(proxy, FrameType::agent_response, R"({"version":2,"decision")"); }},
    ProxyRule{"malformed.no-decision", "5", "An answer without a decision is a failure, not an allow.", Scope::once,
              [](Proxy& proxy) { expect_failure(proxy, FrameType::agent_response, R"({"version":2})"); }},
    ProxyRule{"malformed.noise", "10", "Noise in place of an answer is a failure, not an allow.", Scope::everywhere,
              [](Proxy& proxy) { expect_failure(proxy, FrameType::agent_response, "\xc1\xff\xfe noise"); }},
    ProxyRule{"malformed.nesting", "10", "An answer of 128 levels of nesting is a failure.", Scope::once,
              [](Proxy& proxy) {
                constexpr std::size_t depth = base::limits::max_nesting;
                expect_failure(proxy, FrameType::agent_response,
                               fmt::format(R"({{"new":{}{},"version":2,"decision":"allow"}})", std::string(depth, '['),
                                           std::string(depth, ']')));
              }},
    ProxyRule{"connections.lost", "1", "A connection that ends with an event in flight is a failure at once.",
              Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, [](Served& connection, const Heard&) { connection.end(); });
                expect(answer.status >= server_error, "the client gets {}", answer.status);
              }},
    ProxyRule{"health.draining", "12", "An agent that drains gets no new exchange on that connection.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Served& leaving = proxy.open();
                leaving.say(wire::HealthStatus{
                    .agent_id = "a", .state = wire::HealthState::draining, .eta_ms = 1000, .timestamp_ms = 1});
                proxy.expect_served(leaving);
                bool came = false;
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  came = came || (&connection == &leaving && heard.frame.type == FrameType::request_headers);
                  proxy.answer_plainly(connection, heard);
                };
                const auto call = proxy.send({});
                proxy.await("answer to the client", [&] { return call->poll(); });
                expect(!came, "one came");
              }},
    ProxyRule{"flow.pause", "12", "An agent that pauses gets no new exchange on that connection until it resumes.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Served& paused = proxy.open();
                paused.say(wire::FlowControl{.action = wire::FlowAction::pause, .timestamp_ms = 1});
                proxy.expect_served(paused);
                bool came = false;
                proxy.answering = [&](Served& connection, const Heard& heard) {
                  came = came || (&connection == &paused && heard.frame.type == FrameType::request_headers);
                  proxy.answer_plainly(connection, heard);
                };
                const auto call = proxy.send({});
                proxy.go_on_for(std::chrono::milliseconds{100});
                expect(!came, "one came");
                paused.say(wire::FlowControl{.action = wire::FlowAction::resume, .timestamp_ms = 1});
                proxy.await("answer to the client", [&] { return call->poll(); });
              }},
};

}  // namespace

ProxyRules hostile_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
