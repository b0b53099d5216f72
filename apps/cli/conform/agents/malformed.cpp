#include <array>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr auto headers_type = static_cast<std::uint8_t>(FrameType::request_headers);
// Arrays within an event's object, which is a level itself.
constexpr std::size_t nesting_that_is_read = base::limits::max_nesting - 1;

/// A head in JSON in which one thing is another: `part` becomes `instead`.
std::string head_text(std::string_view id, std::string_view part, std::string_view instead) {
  std::string text = payload_of({}, Talk::head(id));
  const std::size_t at = text.find(part);
  if (at == std::string::npos) throw Skipped{fmt::format("no {} in a head of ours", part)};
  return text.replace(at, part.size(), instead);
}

void expect_refused(Agent& agent, std::uint8_t type, std::string_view payload, std::string_view what) {
  Talk talk = agent.open();
  talk.peer().say_frame(type, payload);
  talk.expect_refused(what);
}

void expect_refused(Agent& agent, std::string_view part, std::string_view instead, std::string_view what) {
  expect_refused(agent, headers_type, head_text("conform-malformed", part, instead), what);
}

std::string nested(std::string_view id, std::size_t depth) {
  return head_text(id, "{", fmt::format(R"({{"new":{}{},)", std::string(depth, '['), std::string(depth, ']')));
}

constexpr std::array rules{
    AgentRule{"malformed.cut", "10", "An event that is cut off is not answered, and closes the connection.",
              Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string payload = payload_of(talk.format(), Talk::head(talk.mint()));
                talk.peer().say_frame(headers_type, std::string_view{payload}.substr(0, payload.size() / 2));
                talk.expect_refused("half an event");
              }},
    AgentRule{"malformed.noise", "10", "Bytes that are no event are not answered, and close the connection.",
              Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.peer().say_frame(headers_type, "\xc1\xff\x00 noise");
                talk.expect_refused("noise");
              }},
    AgentRule{"malformed.missing", "4", "An event without a field that must be there is not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, R"("method":"GET",)", "", "a head without a method"); }},
    AgentRule{"malformed.no-metadata", "4", "A head without metadata is not answered.", Scope::once,
              [](Agent& agent) {
                expect_refused(agent, headers_type, R"({"correlation_id":"a","method":"GET","uri":"/","headers":{}})",
                               "a head without metadata");
              }},
    AgentRule{
        "malformed.type", "4", "A field of another type is not answered.", Scope::once,
        [](Agent& agent) { expect_refused(agent, R"("method":"GET")", R"("method":7)", "a method that is a number"); }},
    AgentRule{
        "malformed.null", "4", "null where a field must be is not answered.", Scope::once,
        [](Agent& agent) { expect_refused(agent, R"("uri":"/conform")", R"("uri":null)", "an URI that is null"); }},
    AgentRule{"malformed.range", "4", "A number that does not fit is not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, R"(:40000)", R"(:70000)", "port 70000"); }},
    AgentRule{"malformed.negative", "4", "A negative number where none can be is not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, R"(:40000)", R"(:-1)", "port -1"); }},
    AgentRule{"malformed.list", "4", "Values of a field that are no list are not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, R"(["*/*"])", R"(7)", "a field whose values are a number"); }},
    AgentRule{"malformed.trailing", "4", "What follows an event's JSON in its frame closes the connection.",
              Scope::once,
              [](Agent& agent) {
                expect_refused(agent, headers_type, payload_of({}, Talk::head("conform-malformed")) + " {}",
                               "two documents in a frame");
              }},
    AgentRule{"malformed.utf8", "4", "JSON that is no UTF-8 is not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, "/conform", "/\xff\xfe", "text that is no UTF-8"); }},
    AgentRule{"malformed.no-object", "4", "An event that is no object is not answered.", Scope::once,
              [](Agent& agent) { expect_refused(agent, headers_type, R"("GET /")", "an event that is a text"); }},
    AgentRule{"nesting.taken", "10", "127 levels of nesting are read.", Scope::once,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.peer().say_frame(headers_type, nested(id, nesting_that_is_read));
                (void)talk.answer_to(id, "an event of 127 levels");
              }},
    AgentRule{"nesting.refused", "10", "128 levels of nesting are refused.", Scope::once,
              [](Agent& agent) {
                expect_refused(agent, headers_type, nested("conform-nesting", nesting_that_is_read + 1),
                               "an event of 128 levels");
              }},
    AgentRule{"nesting.bomb", "10", "A million levels of nesting hurt nobody else.", Scope::once,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                talk.peer().say_frame(headers_type, nested("conform-nesting", 1'000'000));
                talk.expect_refused("an event of a million levels");
                agent.expect_alive("an event of a million levels");
                other.expect_alive();
              }},
    AgentRule{"malformed.others-live", "10", "An event that is not understood ends its connection, and no other.",
              Scope::sockets,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                talk.peer().say_frame(headers_type, "\xc1");
                talk.expect_refused("noise");
                agent.expect_alive("an event that is not understood");
                other.expect_alive();
              }},
};

}  // namespace

AgentRules malformed_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
