#include <array>
#include <limits>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::EventKind;
using wire::FrameType;

Frame pong_of(Talk& talk) {
  while (true) {
    Frame frame = talk.peer().hear("pong");
    if (frame.type == FrameType::pong) return frame;
  }
}

void expect_pong(Talk& talk, const Frame& frame, const wire::Ping& ping) {
  const bool is_grpc = talk.format().encoding == wire::Encoding::protobuf;
  base::Arena arena;
  const auto pong = wire::decode<wire::Pong>(is_grpc ? talk.format() : wire::Format{}, frame.payload(), arena);
  expect(pong.has_value(), "its pong: {}", pong ? "" : pong.error().detail());
  expect(pong->sequence == ping.sequence, "sequence is {} instead of {}", pong->sequence, ping.sequence);
  expect(pong->timestamp_ms == ping.timestamp_ms, "timestamp_ms is {} instead of {}", pong->timestamp_ms,
         ping.timestamp_ms);
}

void expect_echoed(Agent& agent, const wire::Ping& ping) {
  Talk talk = agent.open();
  talk.say(ping);
  expect_pong(talk, pong_of(talk), ping);
}

wire::Cancel cancel(std::string_view id, wire::CancelReason reason = wire::CancelReason::client_disconnect) {
  return {.correlation_id = id, .reason = reason, .timestamp_ms = 1, .blocking_agent_id = {}, .manual_reason = {}};
}

/// At most one answer to an exchange that was cancelled, which may have been on its way, and the rest goes on.
void expect_at_most_once(Talk& talk, std::string_view id) {
  std::size_t answers = 0;
  for (const Answer& answer : talk.settle()) {
    expect(answer.id() == id, "an answer names \"{}\"", answer.id());
    ++answers;
  }
  expect(answers <= 1, "{} answers came to one event", answers);
  talk.expect_alive();
}

wire::Configure configuration(Agent& agent, base::Arena& arena, std::string_view id) {
  const auto config = wire::parse_json(agent.options().config.value_or("{}"), arena);
  if (!config) throw Skipped{config.error().message()};
  return {.config = *config, .config_version = "2", .correlation_id = id};
}

constexpr std::array rules{
    AgentRule{"ping.answered", "6", "A ping is answered with a pong.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                (void)talk.settle();
              }},
    AgentRule{"ping.echoed", "6", "The pong repeats the ping's sequence and timestamp.", Scope::everywhere,
              [](Agent& agent) { expect_echoed(agent, {.sequence = 7, .timestamp_ms = 1'700'000'000'000}); }},
    AgentRule{"ping.largest", "6", "The numbers of a ping may have 64 bits.", Scope::everywhere,
              [](Agent& agent) {
                constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
                expect_echoed(agent, {.sequence = most, .timestamp_ms = most});
              }},
    AgentRule{"ping.order", "6", "Pings are answered in their order, each once.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (std::uint64_t i = 1; i <= 100; ++i) talk.say(wire::Ping{.sequence = i, .timestamp_ms = i});
                for (std::uint64_t i = 1; i <= 100; ++i)
                  expect_pong(talk, pong_of(talk), {.sequence = i, .timestamp_ms = i});
              }},
    AgentRule{"ping.json", "7", "Pongs stay JSON where MessagePack was agreed.", Scope::msgpack,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.say(wire::Ping{.sequence = 3, .timestamp_ms = 4});
                const Document pong{pong_of(talk)};
                expect(pong.find("sequence") != nullptr, "it has no sequence");
              }},
    AgentRule{"ping.among-events", "6", "A ping between events is answered, and they are.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string first{talk.mint()};
                const std::string second{talk.mint()};
                talk.say(Talk::head(first));
                talk.say(wire::Ping{.sequence = 1, .timestamp_ms = 1});
                talk.say(Talk::head(second));
                std::multiset<std::string> open{first, second};
                bool ponged = false;
                while (!ponged || !open.empty()) {
                  const Frame frame = talk.peer().hear(ponged ? "answers to both events" : "pong between two events");
                  ponged = ponged || frame.type == FrameType::pong;
                  if (frame.type == FrameType::agent_response) open.erase(open.begin());
                }
              }},
    AgentRule{"pong.unasked", "6", "A pong that answers nothing is taken.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.say(wire::Pong{.sequence = 99, .timestamp_ms = 1});
                talk.expect_alive();
              }},
    AgentRule{"cancel.in-flight", "6", "A cancel ends its event: one answer at most, and others go on.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                talk.say(cancel(id));
                expect_at_most_once(talk, id);
              }},
    AgentRule{"cancel.unknown", "6", "A cancel of what there is not is taken.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.say(cancel(talk.mint()));
                talk.expect_alive();
              }},
    AgentRule{"cancel.answered", "6", "A cancel of what was answered is taken.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                (void)talk.ask(Talk::head(id));
                talk.say(cancel(id));
                talk.expect_alive();
              }},
    AgentRule{"cancel.twice", "6", "A second cancel of one exchange is taken.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                talk.say(cancel(id));
                talk.say(cancel(id));
                expect_at_most_once(talk, id);
              }},
    AgentRule{"cancel.reasons", "6", "Each reason of a cancel is taken.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int reason = 0; reason <= static_cast<int>(wire::CancelReason::manual); ++reason) {
                  const std::string_view id = talk.mint();
                  (void)talk.ask(Talk::head(id));
                  talk.say(cancel(id, static_cast<wire::CancelReason>(reason)));
                }
                talk.expect_alive();
              }},
    AgentRule{"cancel.others", "6", "A cancel of one exchange leaves the others' events their answers.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string kept{talk.mint()};
                const std::string dropped{talk.mint()};
                talk.say(Talk::head(dropped));
                talk.say(Talk::head(kept));
                talk.say(cancel(dropped));
                while (true)
                  if (const Answer answer = talk.answer("answer to the exchange that goes on"); answer.id() == kept)
                    return;
              }},
    AgentRule{"cancel.then-complete", "1", "request_complete follows a cancel, and is answered as any.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                talk.say(cancel(id));
                const auto late = talk.settle();
                (void)talk.ask(Talk::complete(id));
                talk.expect_alive();
              }},
    AgentRule{"cancel.all", "6", "Cancels of all exchanges leave a connection that can be used.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < 20; ++i) talk.say(Talk::head(talk.mint()));
                for (int i = 0; i < 20; ++i)
                  talk.say(cancel(fmt::format("conform-cancel.all-{:04}", i), wire::CancelReason::proxy_shutdown));
                expect(talk.settle().size() <= 20, "more answers than events came");
                talk.expect_alive();
              }},
    AgentRule{"configure.answered", "4", "configure is answered, by its correlation id.", Scope::sockets,
              [](Agent& agent) {
                base::Arena arena;
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                (void)talk.ask(configuration(agent, arena, id));
              }},
    AgentRule{"configure.again", "4", "configure may come again, and is answered again.", Scope::sockets,
              [](Agent& agent) {
                base::Arena arena;
                Talk talk = agent.open();
                for (int i = 0; i < 3; ++i) {
                  const std::string_view id = talk.mint();
                  (void)talk.ask(configuration(agent, arena, id));
                }
              }},
    AgentRule{"configure.meanwhile", "4", "An exchange outlives a new configuration.", Scope::sockets,
              [](Agent& agent) {
                base::Arena arena;
                Talk talk = agent.open();
                const std::string exchange{talk.mint()};
                const std::string id{talk.mint()};
                talk.say(Talk::head(exchange));
                talk.say(configuration(agent, arena, id));
                (void)talk.answers_to({exchange, id});
              }},
    AgentRule{"control.decodable", "6", "What an agent says unasked (health, metrics, flow control) can be read.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.expect_alive();
                (void)talk.settle();
                need(!talk.unasked().empty(), "the agent says nothing unasked");
              }},
};

}  // namespace

AgentRules control_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
