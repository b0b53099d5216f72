#include <array>
#include <chrono>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;
using wire::Value;

constexpr auto answer_type = static_cast<std::uint8_t>(FrameType::handshake_response);
constexpr std::chrono::milliseconds a_moment{200};
// An agent that comes back after a second comes once or twice in that time.
constexpr std::chrono::seconds watched{1};
constexpr std::size_t most_in_watched = 3;

const Value* member(const Registered& agent, std::string_view name) { return agent.registration.find(name); }

std::string_view text_at(const Registered& agent, std::string_view name) {
  const Value* const found = member(agent, name);
  expect(found != nullptr, "there is no {}", name);
  const auto* const text = found->get<std::string_view>();
  expect(text != nullptr, "{} is no text", name);
  return *text;
}

/// Where it is said at all, a list of texts.
void expect_texts(Agent& agent, std::string_view name) {
  const Registered registered = agent.registered();
  const Value* const found = member(registered, name);
  need(found != nullptr, "the agent does not say");
  const auto* const list = found->get<Value::List>();
  expect(list != nullptr, "it is no list");
  for (const Value& item : *list) expect(item.get<std::string_view>() != nullptr, "it holds what is no text");
}

bool knows_our_keys(const Registered& agent) {
  return member(agent, "supported_encodings") != nullptr || member(agent, "extensions") != nullptr;
}

void expect_served(Peer& peer) {
  peer.say(wire::Format{}, wire::Ping{.sequence = 1, .timestamp_ms = 1});
  while (peer.hear("pong").type != FrameType::pong) {
  }
}

/// The agent is as good as any after such an answer.
void expect_taken(Agent& agent, const Welcome& welcome) {
  Registered registered = agent.registered();
  registered.peer.say_frame(answer_type, agent.welcome_text(welcome));
  expect_served(registered.peer);
}

/// What is no answer that an agent can stay with ends the connection, and an event behind it is not answered.
void expect_left(Agent& agent, std::uint8_t type, std::string_view payload, std::string_view what) {
  Registered registered = agent.registered();
  registered.peer.say_frame(type, payload);
  registered.peer.say_frame(static_cast<std::uint8_t>(FrameType::request_headers),
                            payload_of({}, Talk::head("conform-registration")));
  for (const Frame& frame : registered.peer.hear_end(what))
    expect(frame.type != FrameType::agent_response, "it answers events after {}", what);
}

void await_count(Agent& agent, std::size_t count, std::string_view otherwise) {
  const base::TimePoint deadline = base::Clock::now() + agent.options().return_patience;
  while (agent.reach().count() < count) {
    expect(base::Clock::now() < deadline, "{}: {} connections are there, not {}", otherwise, agent.reach().count(),
           count);
    agent.reach().tend();
  }
}

constexpr std::array rules{
    AgentRule{"registration.comes", "8", "An agent that dials says first who it is, in a JSON object.",
              Scope::registration,
              [](Agent& agent) {
                const Registered registered = agent.registered();
                expect(registered.registration.value.get<Value::Object>() != nullptr, "it is no object");
              }},
    AgentRule{"registration.version", "8", "protocol_version of a registration is 2.", Scope::registration,
              [](Agent& agent) {
                const Registered registered = agent.registered();
                const Value* const found = member(registered, "protocol_version");
                const auto* const version = found == nullptr ? nullptr : found->get<std::int64_t>();
                expect(version != nullptr && *version == 2, "it is another, or none");
              }},
    AgentRule{"registration.agent-id", "8", "agent_id of a registration is a text that is not empty.",
              Scope::registration,
              [](Agent& agent) { expect(!text_at(agent.registered(), "agent_id").empty(), "it is empty"); }},
    AgentRule{"registration.constant", "8", "Each connection of one agent registers under the same id.",
              Scope::registration,
              [](Agent& agent) {
                const Registered first = agent.registered();
                const Registered second = agent.registered();
                expect(text_at(first, "agent_id") == text_at(second, "agent_id"), "two connections say two");
              }},
    AgentRule{"registration.token", "8", "auth_token is the secret that the agent was given.", Scope::registration,
              [](Agent& agent) {
                const auto& token = agent.options().token;
                need(token.has_value(), "it was not said which: --token-file");
                expect(text_at(agent.registered(), "auth_token") == *token, "it is another");
              }},
    AgentRule{"registration.encodings", "8", "supported_encodings, where they are said, are a list of texts.",
              Scope::registration, [](Agent& agent) { expect_texts(agent, "supported_encodings"); }},
    AgentRule{"registration.extensions", "8", "extensions, where they are said, are a list of texts.",
              Scope::registration, [](Agent& agent) { expect_texts(agent, "extensions"); }},
    AgentRule{"registration.waits", "8", "Nothing follows a registration before it is answered.", Scope::registration,
              [](Agent& agent) {
                Registered registered = agent.registered();
                const Heard heard = registered.peer.hear_within(a_moment);
                if (const auto* const frame = std::get_if<Frame>(&heard))
                  throw Violation{fmt::format("{} does", name(frame->type))};
                expect(std::holds_alternative<Silence>(heard), "it closes the connection");
              }},
    AgentRule{"registration.plain", "8", "An answer that names nothing but success and the proxy is taken.",
              Scope::registration, [](Agent& agent) { expect_taken(agent, {.wanted = ""}); }},
    AgentRule{"registration.unknown-keys", "8", "Keys of the answer that it does not know are ignored.",
              Scope::registration, [](Agent& agent) { expect_taken(agent, {.more = R"(,"later":[{"a":null}])"}); }},
    AgentRule{"registration.white-space", "8", "The answer may have white space wherever JSON has it.",
              Scope::registration,
              [](Agent& agent) { expect_taken(agent, {.more = "\n\t , \"x\" : [ 1 , 2 ] \r\n"}); }},
    AgentRule{"registration.events", "8", "The kinds of events that the answer announces may be unknown ones.",
              Scope::registration,
              [](Agent& agent) {
                Registered registered = agent.registered();
                need(knows_our_keys(registered), "the agent does not ask for them");
                registered.peer.say_frame(answer_type, agent.welcome_text({.more = R"(,"events":[1,2,99,-5])"}));
                expect_served(registered.peer);
              }},
    AgentRule{"registration.slow", "2", "An answer that comes byte by byte is taken.", Scope::registration,
              [](Agent& agent) {
                Registered registered = agent.registered();
                registered.peer.write_slowly(socket_frame(answer_type, agent.welcome_text(Welcome{})));
                expect_served(registered.peer);
              }},
    AgentRule{"registration.with-event", "8", "What follows the answer at once is not lost.", Scope::registration,
              [](Agent& agent) {
                Registered registered = agent.registered();
                const std::string ping =
                    socket_frame(static_cast<std::uint8_t>(FrameType::ping), R"({"sequence":1,"timestamp_ms":1})");
                registered.peer.write(socket_frame(answer_type, agent.welcome_text(Welcome{})) + ping);
                while (registered.peer.hear("pong").type != FrameType::pong) {
                }
              }},
    AgentRule{"registration.refusal", "8", "An agent that is refused closes the connection.", Scope::registration,
              [](Agent& agent) {
                const std::string refusal = agent.welcome_text({.success = "false", .error = R"("conform says no")"});
                expect_left(agent, answer_type, refusal, "a refusal");
              }},
    AgentRule{"registration.no-json", "8", "An answer that is no JSON ends the connection.", Scope::registration,
              [](Agent& agent) { expect_left(agent, answer_type, R"({"success":)", "half an answer"); }},
    AgentRule{"registration.no-object", "8", "An answer that is no object ends the connection.", Scope::registration,
              [](Agent& agent) { expect_left(agent, answer_type, "[true]", "an answer that is a list"); }},
    AgentRule{"registration.empty", "8", "An answer without a payload ends the connection.", Scope::registration,
              [](Agent& agent) { expect_left(agent, answer_type, "", "an empty answer"); }},
    AgentRule{"registration.event-first", "8", "An event before the answer is not answered, and ends the connection.",
              Scope::registration,
              [](Agent& agent) {
                const std::string event = payload_of({}, Talk::head("conform-registration.event-first"));
                expect_left(agent, static_cast<std::uint8_t>(FrameType::request_headers), event, "an event first");
              }},
    AgentRule{
        "registration.encoding", "8", "An encoding that was not offered ends the connection.", Scope::registration,
        [](Agent& agent) {
          need(knows_our_keys(agent.registered()), "the agent offers none");
          expect_left(agent, answer_type, agent.welcome_text({.more = R"(,"encoding":"cbor")"}), "the encoding cbor");
        }},
    AgentRule{"registration.wanted", "8", "As many connections are made as the answer says are wanted.",
              Scope::registration,
              [](Agent& agent) {
                need(knows_our_keys(agent.registered()), "the agent is not told");
                (void)agent.open();
                await_count(agent, connections_wanted, "the agent was told how many");
              }},
    AgentRule{"registration.comes-back", "8", "A connection that has ended is made again.", Scope::registration,
              [](Agent& agent) {
                agent.open().expect_alive();
                const std::size_t before = std::max<std::size_t>(agent.reach().count(), 1);
                for (int i = 0; i < 3; ++i) agent.open().expect_alive();
                await_count(agent, before, "connections were closed");
              }},
    AgentRule{"registration.pause", "8", "An agent that is refused comes back after a pause, not at once.",
              Scope::registration,
              [](Agent& agent) {
                const std::size_t at_once = std::max<std::size_t>(agent.reach().count(), 1);
                const std::string refusal = agent.welcome_text({.success = "false", .error = R"("conform says no")"});
                const base::TimePoint end = base::Clock::now() + watched;
                std::size_t refused = 0;
                while (base::Clock::now() < end) {
                  agent.reach().tend();
                  for (; agent.reach().has_new(); ++refused) agent.registered().peer.say_frame(answer_type, refusal);
                }
                expect(refused <= most_in_watched * at_once, "it came {} times within a second", refused);
              }},
};

}  // namespace

AgentRules registration_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
