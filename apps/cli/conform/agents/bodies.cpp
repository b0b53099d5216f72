#include <array>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::EventKind;
using wire::FrameType;

Talk open_for_bodies(Agent& agent, std::initializer_list<wire::Text> extensions = {}) {
  Talk talk = agent.open_with(extensions);
  talk.need_kind(EventKind::request_body_chunk);
  return talk;
}

std::string every_byte() {
  std::string bytes(256, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
  return bytes;
}

/// A body as proxies send it: to its end, or to the first answer that is not allow.
std::vector<Answer> send_body(Talk& talk, const std::vector<std::string>& chunks) {
  const std::string_view id = talk.begin_exchange();
  std::vector<Answer> answers;
  for (std::uint32_t i = 0; i < chunks.size(); ++i) {
    answers.push_back(talk.ask(Talk::chunk(id, i, chunks[i], i + 1 == chunks.size())));
    if (!answers.back().allows()) break;
  }
  return answers;
}

bool changes_body(const std::optional<wire::BodyMutation>& mutation) { return mutation && mutation->data; }

constexpr std::array rules{
    AgentRule{"bodies.chunks", "4", "Each chunk of a body is answered.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                (void)send_body(talk, {"first", "second", "third"});
              }},
    AgentRule{"bodies.empty-last", "4", "A last chunk may be empty.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                (void)send_body(talk, {"all of it", ""});
              }},
    AgentRule{"bodies.empty", "4", "A body may be empty.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                (void)send_body(talk, {""});
              }},
    AgentRule{"bodies.binary", "4", "A body is bytes: each value is answered.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                (void)send_body(talk, {every_byte()});
              }},
    AgentRule{"bodies.base64", "4", "Base64 is read with no padding, one and two bytes of it.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                (void)send_body(talk, {"abc", "ab", "a", "\xfb\xff\xfe"});
              }},
    AgentRule{"bodies.raw-bytes", "3", "With raw-bytes a body comes as bin, and is answered.", Scope::msgpack,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent, {wire::extension_raw_bytes});
                (void)send_body(talk, {every_byte(), std::string(1000, 'r')});
              }},
    AgentRule{"bodies.preferred-size", "3", "A chunk of its preferred_chunk_size is answered.", Scope::everywhere,
              [](Agent& agent) {
                constexpr std::uint64_t most = 8UL * 1024 * 1024;
                Talk talk = open_for_bodies(agent);
                const auto size = talk.hello().capabilities.limits.preferred_chunk_size;
                need(size <= most, "that is {} bytes", size);
                (void)send_body(talk, {std::string(static_cast<std::size_t>(size), 'p')});
              }},
    AgentRule{"bodies.total-size", "4", "total_size may be said.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                wire::RequestBodyChunk chunk = Talk::chunk(talk.begin_exchange(), 0, "abc", true);
                chunk.total_size = 3;
                (void)talk.ask(chunk);
              }},
    AgentRule{"bodies.needs-more-at-end", "5", "needs_more is false in the answer to a last chunk.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                const auto answers = send_body(talk, {"first", "last"});
                need(answers.size() == 2, "the agent ends the exchange at the first chunk");
                expect(!answers.back().response.needs_more, "it is true, and nothing follows");
              }},
    AgentRule{"bodies.mutation-of-heads", "5", "An answer to a head changes no body.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const Answer answer = talk.ask(Talk::head(talk.mint()));
                expect(!changes_body(answer.response.request_body_mutation), "it changes the request's");
                expect(!changes_body(answer.response.response_body_mutation), "it changes the response's");
              }},
    AgentRule{"bodies.mutation-direction", "5", "An answer to a request's chunk changes no response.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                for (const Answer& answer : send_body(talk, {"first", "last"}))
                  expect(!changes_body(answer.response.response_body_mutation), "it does");
              }},
    AgentRule{"bodies.mutation-index", "5", "A mutation names the chunk that is answered, or an earlier one.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                const auto answers = send_body(talk, {"first", "second", "last"});
                for (std::size_t i = 0; i < answers.size(); ++i) {
                  const auto& mutation = answers[i].response.request_body_mutation;
                  expect(!changes_body(mutation) || mutation->chunk_index <= i,
                         "the answer to chunk {} changes chunk {}", i, mutation ? mutation->chunk_index : 0);
                }
              }},
    AgentRule{"bodies.interleaved", "1", "Bodies of several exchanges may come in turns.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_for_bodies(agent);
                const std::string first{talk.begin_exchange()};
                const std::string second{talk.begin_exchange()};
                talk.say(Talk::chunk(first, 0, "one", true));
                talk.say(Talk::chunk(second, 0, "two", true));
                (void)talk.answers_to({first, second});
              }},
    AgentRule{
        "bodies.bad-base64", "5", "Data that is no base64 is not answered, and closes the connection.", Scope::once,
        [](Agent& agent) {
          Talk talk = open_for_bodies(agent);
          const std::string_view id = talk.begin_exchange();
          talk.peer().say_frame(static_cast<std::uint8_t>(FrameType::request_body_chunk),
                                fmt::format(R"({{"correlation_id":"{}","data":"%%%%","is_last":true,"total_size":null,)"
                                            R"("chunk_index":0,"bytes_received":3}})",
                                            id));
          talk.expect_refused("data that is no base64");
        }},
};

}  // namespace

AgentRules body_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
