#include <array>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;
using wire::Value;

constexpr auto handshake_type = static_cast<std::uint8_t>(FrameType::handshake_request);

std::string_view text_at(const Document& answer, std::string_view path) {
  const Value* const found = answer.find(path);
  const auto* const text = found == nullptr ? nullptr : found->get<std::string_view>();
  return text == nullptr ? std::string_view{} : *text;
}

std::int64_t number_at(const Document& answer, std::string_view path) {
  const Value* const found = answer.find(path);
  const auto* const number = found == nullptr ? nullptr : found->get<std::int64_t>();
  expect(number != nullptr, "{} is no integer", path);
  return *number;
}

bool succeeds(const Document& answer) {
  const Value* const found = answer.find("success");
  const bool* const success = found == nullptr ? nullptr : found->get<bool>();
  expect(success != nullptr, "success is no boolean");
  return *success;
}

std::string_view encoding_of(const Document& answer) {
  return answer.find("encoding") == nullptr ? "json" : text_at(answer, "encoding");
}

/// A refusal: what is answered to versions that no agent speaks.
Document refused(Agent& agent) {
  Document answer = agent.shake_hands({.versions = "[77]"});
  need(!succeeds(answer), "the agent does not refuse");
  return answer;
}

void expect_taken(Agent& agent, const Hello& hello, std::string_view what) {
  expect(succeeds(agent.shake_hands(hello)), "it refuses a handshake with {}", what);
}

/// What is no handshake must not open the connection: nothing is answered by a success, or as an event.
void expect_not_opened(Agent& agent, std::uint8_t type, std::string_view payload, std::string_view what) {
  Peer peer = agent.connect();
  peer.say_frame(type, payload);
  for (const Frame& frame : peer.hear_end(what)) {
    expect(frame.type == FrameType::handshake_response, "it answers {} with {}", what, name(frame.type));
    expect(!succeeds(Document{frame}), "it takes {} for a handshake", what);
  }
}

void expect_none_taken(const Talk& talk) {
  for (const wire::Text extension : talk.hello().extensions) throw Violation{fmt::format("it takes {}", extension)};
}

constexpr std::array rules{
    AgentRule{"handshake.answered", "3", "A handshake request is answered.", Scope::dialled,
              [](Agent& agent) { (void)agent.open(); }},
    AgentRule{"handshake.first", "3", "The answer to it is the first that the agent says.", Scope::handshake,
              [](Agent& agent) {
                Peer peer = agent.connect();
                peer.write(agent.handshake_frame());
                const Frame first = peer.hear("answer to the handshake");
                expect(first.type == FrameType::handshake_response, "it says {} first", name(first.type));
              }},
    AgentRule{"handshake.json", "3", "The answer is a JSON object, whatever encodings are offered.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.encodings = R"("supported_encodings":["msgpack","json"],)"});
                expect(answer.value.get<Value::Object>() != nullptr, "it is no object");
              }},
    AgentRule{"handshake.version", "3", "protocol_version of the answer is 2.", Scope::handshake,
              [](Agent& agent) {
                const auto version = number_at(agent.shake_hands(), "protocol_version");
                expect(version == 2, "it is {}", version);
              }},
    AgentRule{"handshake.success", "3", "success is true where version 2 is offered.", Scope::handshake,
              [](Agent& agent) { expect(succeeds(agent.shake_hands()), "it is false"); }},
    AgentRule{"handshake.no-error", "3", "error is absent or null where the handshake succeeds.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands();
                const Value* const error = answer.find("error");
                expect(error == nullptr || error->is_null(), "it says \"{}\"", text_at(answer, "error"));
              }},
    AgentRule{"handshake.version-among-others", "3", "Version 2 is found among others that are offered.",
              Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.versions = "[3,2,1]"});
                expect(succeeds(answer), "it refuses");
                expect(number_at(answer, "protocol_version") == 2, "it chooses another");
              }},
    AgentRule{"handshake.no-common-version", "3", "Versions of which it speaks none are refused.", Scope::handshake,
              [](Agent& agent) { expect(!succeeds(agent.shake_hands({.versions = "[77]"})), "it takes version 77"); }},
    AgentRule{"handshake.no-version-at-all", "3", "An empty list of versions is refused.", Scope::handshake,
              [](Agent& agent) { expect(!succeeds(agent.shake_hands({.versions = "[]"})), "it takes it"); }},
    AgentRule{
        "refusal.says-why", "3", "A refusal says why in error.", Scope::handshake,
        [](Agent& agent) { expect(!text_at(refused(agent), "error").empty(), "error is absent, empty or no text"); }},
    AgentRule{"refusal.decodable", "3", "A refusal carries capabilities, without which some proxies cannot read it.",
              Scope::handshake,
              [](Agent& agent) {
                const auto answer = refused(agent);
                for (const auto* const path :
                     {"capabilities.agent_id", "capabilities.supported_events",
                      "capabilities.features.concurrent_requests", "capabilities.limits.max_body_size"})
                  expect(answer.find(path) != nullptr, "there is no {}", path);
              }},
    AgentRule{"refusal.version", "3", "protocol_version of a refusal is none that was not offered.", Scope::handshake,
              [](Agent& agent) {
                const auto version = number_at(refused(agent), "protocol_version");
                expect(version == 0, "it is {}", version);
              }},
    AgentRule{"refusal.closes", "3", "A connection that was refused is closed.", Scope::handshake,
              [](Agent& agent) {
                Peer peer = agent.connect();
                peer.say_frame(handshake_type, agent.text({.versions = "[77]"}));
                (void)peer.hear_end("the refusal");
              }},
    AgentRule{"encoding.default", "3", "Without supported_encodings JSON is spoken.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.encodings = ""});
                expect(encoding_of(answer) == "json", "it chooses {}", encoding_of(answer));
              }},
    AgentRule{"encoding.empty", "3", "With an empty list of encodings JSON is spoken.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.encodings = R"("supported_encodings":[],)"});
                expect(encoding_of(answer) == "json", "it chooses {}", encoding_of(answer));
              }},
    AgentRule{"encoding.offered", "3", "No encoding is chosen that was not offered.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.encodings = R"("supported_encodings":["json"],)"});
                expect(encoding_of(answer) == "json", "it chooses {}", encoding_of(answer));
              }},
    AgentRule{"encoding.known", "3", "encoding is \"json\" or \"msgpack\", or absent; never null.", Scope::handshake,
              [](Agent& agent) {
                const auto answer = agent.shake_hands({.encodings = R"("supported_encodings":["msgpack","json"],)"});
                const auto encoding = encoding_of(answer);
                expect(encoding == "json" || encoding == "msgpack", "it is {}",
                       encoding.empty() ? "no text" : encoding);
              }},
    AgentRule{"extensions.none-offered", "3", "No extension is taken where none is offered.", Scope::handshake,
              [](Agent& agent) {
                const Talk talk = agent.open();
                expect_none_taken(talk);
              }},
    AgentRule{"extensions.offered", "3", "Only extensions are taken that were offered.", Scope::handshake,
              [](Agent& agent) {
                const Talk talk = agent.open({wire::extension_event_reply});
                for (const wire::Text extension : talk.hello().extensions)
                  expect(extension == wire::extension_event_reply, "it takes {}, too", extension);
              }},
    AgentRule{"extensions.unknown", "3", "An extension that it does not know is not taken.", Scope::handshake,
              [](Agent& agent) {
                const Talk talk = agent.open({"picket-conform-unknown"});
                expect_none_taken(talk);
              }},
    AgentRule{
        "handshake.unknown-keys", "3", "Keys of the request that it does not know are ignored.", Scope::handshake,
        [](Agent& agent) { expect_taken(agent, {.more = R"("picket_conform":{"a":[1,null]},)"}, "an unknown key"); }},
    AgentRule{"handshake.events", "3", "The kinds of events that the proxy announces may be unknown ones.",
              Scope::handshake,
              [](Agent& agent) {
                expect_taken(agent, {.more = R"("extensions":["event-reply"],"events":[1,2,99,-5],)"},
                             "unknown kinds of events");
              }},
    AgentRule{"handshake.white-space", "3", "The request may have white space wherever JSON has it.", Scope::handshake,
              [](Agent& agent) { expect_taken(agent, {.more = "\n\t \"x\" : [ 1 , 2 ] ,\r\n"}, "white space"); }},
    AgentRule{"handshake.slow", "2", "A handshake that comes byte by byte is taken.", Scope::handshake,
              [](Agent& agent) {
                Peer peer = agent.connect();
                peer.write_slowly(agent.handshake_frame());
                expect(succeeds(Document{peer.hear("answer to the handshake")}), "it refuses");
              }},
    AgentRule{"handshake.with-event", "3", "What follows the handshake at once is not lost.", Scope::handshake,
              [](Agent& agent) {
                Peer peer = agent.connect();
                const std::string ping =
                    socket_frame(static_cast<std::uint8_t>(FrameType::ping), R"({"sequence":1,"timestamp_ms":1})");
                peer.write(agent.handshake_frame() + ping);
                (void)peer.hear("answer to the handshake");
                const Frame pong = peer.hear("pong");
                expect(pong.type == FrameType::pong, "it says {}", name(pong.type));
              }},
    AgentRule{"handshake.event-first", "3", "An event before the handshake is not answered, and closes the connection.",
              Scope::handshake,
              [](Agent& agent) {
                expect_not_opened(agent, static_cast<std::uint8_t>(FrameType::request_headers),
                                  payload_of({}, Talk::head("conform-handshake.event-first")), "an event first");
              }},
    AgentRule{"handshake.answer-first", "3", "A handshake's answer in place of a request closes the connection.",
              Scope::handshake,
              [](Agent& agent) {
                expect_not_opened(agent, static_cast<std::uint8_t>(FrameType::handshake_response),
                                  payload_of({},
                                             wire::HandshakeResponse{
                                                 .protocol_version = 2, .success = true, .error = {}, .encoding = {}}),
                                  "a handshake's answer first");
              }},
    AgentRule{"handshake.no-json", "3", "A handshake that is no JSON closes the connection.", Scope::handshake,
              [](Agent& agent) {
                expect_not_opened(agent, handshake_type, R"({"supported_versions":[2)", "half a handshake");
              }},
    AgentRule{"handshake.no-object", "3", "A handshake that is no object closes the connection.", Scope::handshake,
              [](Agent& agent) { expect_not_opened(agent, handshake_type, "[[[2]]]", "a handshake that is a list"); }},
    AgentRule{"handshake.empty", "3", "A handshake without a payload closes the connection.", Scope::handshake,
              [](Agent& agent) { expect_not_opened(agent, handshake_type, "", "an empty handshake"); }},
    AgentRule{"handshake.twice", "3", "A second handshake does not change what was agreed.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.peer().say_frame(handshake_type, agent.text({.versions = "[77]"}));
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                while (const auto frame = talk.peer().hear_or_end("an answer, or the end")) {
                  if (frame->type == FrameType::handshake_response) {
                    expect(!succeeds(Document{*frame}), "it agrees to something else");
                  } else if (frame->type == FrameType::agent_response) {
                    base::Arena arena;
                    expect(wire::decode<wire::AgentResponse>(talk.format(), frame->payload(), arena).has_value(),
                           "it answers in another encoding");
                    return;
                  }
                }
              }},
    AgentRule{"handshake.in-time", "3", "Who says nothing is not waited for without end.", Scope::handshake,
              [](Agent& agent) {
                need(agent.options().slow, "it takes half a minute: --slow");
                Peer peer = agent.connect();
                peer.be_patient(std::chrono::seconds{60});
                (void)peer.hear_end("it connected");
              }},
};

}  // namespace

AgentRules handshake_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
