#include <array>

#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/proxies/scenes.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

using wire::FrameType;

std::string frame_of(const Served& connection, const Heard& heard, const wire::Decision& decision) {
  const wire::AgentResponse response{.decision = decision, .correlation_id = heard.id};
  return connection.bytes_of(response);
}

/// Bytes in place of an answer end the connection, and the client gets an answer at once.
void expect_unbelieved(Proxy& proxy, FrameType type, std::string_view payload) {
  expect_failure(answered(proxy, [&](Served& connection, const Heard&) { connection.say_frame(type, payload); }));
}

constexpr std::array rules{
    ProxyRule{"answers.split", "2", "An answer that comes byte by byte is one.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         for (const char byte : frame_of(connection, heard, block(451)))
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
                                         connection.write(pong + frame_of(connection, heard, block(451)) + pong);
                                       }),
                              451);
              }},
    ProxyRule{"answers.unknown-id", "5", "An answer to an exchange that there is not is dropped.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         connection.say(wire::AgentResponse{.decision = block(418),
                                                                            .correlation_id = "conform-nobody"});
                                         connection.answer(heard, block(451));
                                       }),
                              451);
              }},
    ProxyRule{"answers.unnamed", "5", "An answer that names no exchange is not believed.", Scope::everywhere,
              [](Proxy& proxy) {
                const auto answer = answered(proxy, [](Served& connection, const Heard& heard) {
                  connection.say(wire::AgentResponse{.decision = block(418), .correlation_id = {}});
                  connection.answer(heard, block(451));
                });
                expect(answer.status != 418, "the client gets what it says");
              }},
    ProxyRule{"answers.second", "5", "A second answer to one event changes nothing.", Scope::everywhere,
              [](Proxy& proxy) {
                expect_status(answered(proxy,
                                       [](Served& connection, const Heard& heard) {
                                         connection.answer(heard, block(451));
                                         connection.answer(heard, block(418));
                                       }),
                              451);
                expect_status(answered(proxy, [](Served& connection,
                                                 const Heard& heard) { connection.answer(heard, block(452)); }),
                              452);
              }},
    ProxyRule{"answers.unasked", "5", "Answers to nothing leave the connection as it is.", Scope::everywhere,
              [](Proxy& proxy) {
                Served& connection = proxy.open();
                for (int i = 0; i < 10; ++i)
                  connection.say(wire::AgentResponse{.decision = block(418), .correlation_id = "conform-nobody"});
                proxy.expect_served(connection);
              }},
    ProxyRule{"answers.of-others", "5", "Of two exchanges each gets its own verdict, in whatever order they come.",
              Scope::everywhere,
              [](Proxy& proxy) {
                Held heads{proxy, {FrameType::request_headers}};
                const auto first = proxy.send_to_agent(get("/conform/1"));
                const auto second = proxy.send_to_agent(get("/conform/2"));
                heads.answer(1, block(452));
                heads.answer(0, block(451));
                expect_status(finish(proxy, *first), 451);
                expect_status(finish(proxy, *second), 452);
              }},
    ProxyRule{"answers.to-complete", "1", "An answer to request_complete is taken, and none is waited for.",
              Scope::everywhere,
              [](Proxy& proxy) {
                for (int i = 0; i < 3; ++i)
                  expect_status(answered(proxy, [](Served& connection,
                                                   const Heard& heard) { connection.answer(heard, block(451)); }),
                                451);
                proxy.await("request_complete", [&] { return proxy.of(FrameType::request_complete).size() >= 3; });
                proxy.expect_served(proxy.open());
              }},
    ProxyRule{"malformed.json", "10", "An answer that cannot be read is a failure, not an allow.", Scope::once,
              [](Proxy& proxy) { expect_unbelieved(proxy, FrameType::agent_response, R"({"version":2,"decision")"); }},
    ProxyRule{"malformed.no-decision", "5", "An answer without a decision is a failure, not an allow.", Scope::once,
              [](Proxy& proxy) { expect_unbelieved(proxy, FrameType::agent_response, R"({"version":2})"); }},
    ProxyRule{"malformed.noise", "10", "Noise in place of an answer is a failure, not an allow.", Scope::everywhere,
              [](Proxy& proxy) { expect_unbelieved(proxy, FrameType::agent_response, "\xc1\xff\xfe noise"); }},
    ProxyRule{"malformed.nesting", "10", "An answer of 128 levels of nesting is a failure.", Scope::once,
              [](Proxy& proxy) {
                constexpr std::size_t depth = base::limits::max_nesting;
                expect_unbelieved(proxy, FrameType::agent_response,
                                  fmt::format(R"({{"new":{}{},"version":2,"decision":"allow"}})",
                                              std::string(depth, '['), std::string(depth, ']')));
              }},
    ProxyRule{"malformed.elements", "10", "An answer of more than 1 048 576 elements is a failure.", Scope::once,
              [](Proxy& proxy) {
                std::string zeros = "0";
                for (int i = 0; i < (1 << 20); ++i) zeros += ",0";
                expect_unbelieved(proxy, FrameType::agent_response,
                                  fmt::format(R"({{"new":[{}],"version":2,"decision":"allow"}})", zeros));
              }},
    ProxyRule{"malformed.closes", "2", "An answer that cannot be read ends the connection.", Scope::once,
              [](Proxy& proxy) {
                Served& connection = proxy.open();
                connection.say_frame(FrameType::agent_response, R"({"version":2,"decision")");
                proxy.expect_closed(connection, "half an answer");
              }},
    ProxyRule{"connections.lost", "1", "A connection that ends with an event in flight is a failure at once.",
              Scope::everywhere,
              [](Proxy& proxy) {
                expect_failure(answered(proxy, [](Served& connection, const Heard&) { connection.end(); }));
              }},
};

}  // namespace

ProxyRules hostile_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::proxies
