#include <array>
#include <vector>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr int flood = 2000;
constexpr int unread = 100;  // answers that the kernel holds

void expect_each_answered(Talk& talk, int count) {
  std::multiset<std::string> ids;
  for (int i = 0; i < count; ++i) {
    const std::string_view id = talk.mint();
    ids.emplace(id);
    talk.say(Talk::head(id));
  }
  (void)talk.answers_to(std::move(ids));
}

/// How many connections a rule uses up: those of an agent that dials come back after a second or more.
int several(const Agent& agent, int count) { return agent.dials_us() ? 10 : count; }

constexpr std::array rules{
    AgentRule{"connections.several", "1", "Several connections are served at once.", Scope::everywhere,
              [](Agent& agent) {
                std::vector<Talk> talks;
                for (int i = 0; i < 8; ++i) talks.push_back(agent.open());
                std::vector<std::string> ids;
                for (Talk& talk : talks) talk.say(Talk::head(ids.emplace_back(talk.mint())));
                for (std::size_t i = talks.size(); i-- > 0;) (void)talks[i].answer_to(ids[i], "request_headers");
              }},
    AgentRule{"connections.closed", "1", "A connection that its proxy closes ends, and no other.", Scope::everywhere,
              [](Agent& agent) {
                Talk other = agent.open();
                {
                  Talk talk = agent.open();
                  talk.expect_alive();
                }
                other.expect_alive();
              }},
    AgentRule{"connections.reset", "1", "A connection that is cut off with events in flight ends, and no other.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                for (int i = 0; i < 10; ++i) talk.say(Talk::head(talk.mint()));
                talk.peer().reset();
                other.expect_alive();
                agent.expect_alive("a connection that was cut off");
              }},
    AgentRule{"connections.half-a-frame", "2", "A connection that ends within a frame ends, and no other.",
              Scope::sockets,
              [](Agent& agent) {
                Talk other = agent.open();
                {
                  Talk talk = agent.open();
                  talk.peer().write(std::string_view{"\0\0\1\0\x10{\"metadata\"", 16});
                }
                other.expect_alive();
                agent.expect_alive("half a frame");
              }},
    AgentRule{"connections.half-closed", "1", "A proxy that ends its side with an event in flight hurts nobody else.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                talk.peer().end_writing();
                // It may have answered before it saw the end, or not.
                if (const auto answer = talk.answer_or_end("answer, or the end"))
                  expect(answer->id() == id, "its answer names \"{}\"", answer->id());
                other.expect_alive();
              }},
    AgentRule{"connections.half-closed-ends", "1", "A connection whose proxy has ended its side is closed.",
              Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.expect_alive();
                talk.peer().end_writing();
                (void)talk.peer().hear_end("the proxy has ended its side");
              }},
    AgentRule{"connections.nothing-said", "1", "Connections that say nothing hold up no other.", Scope::everywhere,
              [](Agent& agent) {
                std::vector<Peer> silent;
                for (int i = 0; i < several(agent, 20); ++i) silent.push_back(agent.connect());
                agent.expect_alive("connections that say nothing");
              }},
    AgentRule{"connections.come-and-go", "1", "Connections that come and go hold up no other.", Scope::everywhere,
              [](Agent& agent) {
                Talk other = agent.open();
                for (int i = 0; i < several(agent, 100); ++i) (void)agent.connect();
                other.expect_alive();
                agent.expect_alive("connections that came and went");
              }},
    AgentRule{"flood.events", "1", "Of 2000 events at once each is answered once.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                expect_each_answered(talk, flood);
                expect(talk.settle().empty(), "more answers than events came");
              }},
    AgentRule{"flood.cancels", "6", "2000 cancels of what there is not hold up nothing.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < flood; ++i)
                  talk.say(wire::Cancel{.correlation_id = "conform-nothing",
                                        .reason = wire::CancelReason::manual,
                                        .timestamp_ms = 1,
                                        .blocking_agent_id = {},
                                        .manual_reason = {}});
                talk.expect_alive();
              }},
    AgentRule{"flood.pings", "6", "2000 pings are answered, and the event behind them.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < flood; ++i) talk.say(wire::Ping{.sequence = 5, .timestamp_ms = 5});
                int pongs = 0;
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                while (true) {
                  const Frame frame = talk.peer().hear("answer behind 2000 pings");
                  pongs += frame.type == FrameType::pong ? 1 : 0;
                  if (frame.type == FrameType::agent_response) break;
                }
                while (pongs < flood)
                  if (talk.peer().hear("pong").type == FrameType::pong) ++pongs;
              }},
    AgentRule{"slow.reader", "1", "A proxy that reads late loses no answer, and holds up no other.", Scope::everywhere,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                std::multiset<std::string> ids;
                for (int i = 0; i < unread; ++i) {
                  const std::string_view id = talk.mint();
                  ids.emplace(id);
                  talk.say(Talk::head(id));
                }
                other.expect_alive();
                (void)talk.answers_to(std::move(ids));
              }},
    AgentRule{"slow.writer", "2", "A proxy that stops within a frame holds up no other.", Scope::sockets,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                talk.peer().write(std::string_view{"\0\1\0\0\x10{", 6});
                other.expect_alive();
                agent.expect_alive("half a frame that is not continued");
              }},
    AgentRule{"slow.promise", "2", "A length of 16 MiB that is promised and not sent holds up no other.",
              Scope::sockets,
              [](Agent& agent) {
                std::vector<Talk> talks;
                for (int i = 0; i < 20; ++i) {
                  talks.push_back(agent.open());
                  talks.back().peer().write(std::string_view{"\x01\0\0\0\x10", 5});
                }
                agent.expect_alive("20 promises of 16 MiB");
              }},
    AgentRule{"ids.reused", "1", "An id may be used again once its exchange is complete.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                for (int i = 0; i < 3; ++i) {
                  (void)talk.ask(Talk::head(id));
                  (void)talk.ask(Talk::complete(id));
                }
              }},
    AgentRule{"exchanges.left-open", "1", "Exchanges that are never completed hold up nothing.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < 500; ++i) (void)talk.ask(Talk::head(talk.mint()));
                talk.expect_alive();
              }},
};

}  // namespace

AgentRules hostile_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
