#include <array>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::EventKind;
using wire::FrameType;
using wire::Value;

/// Nothing more is answered than what was asked.
void expect_settled(Talk& talk) {
  const auto surplus = talk.settle();
  expect(surplus.empty(), "{} more answers came; the first names \"{}\"", surplus.size(),
         surplus.empty() ? "" : surplus.front().id());
}

wire::ResponseHeaders response_head(std::string_view id) {
  static constexpr std::array<base::Header, 2> fields{base::Header{"content-type", "text/plain"},
                                                      base::Header{"set-cookie", "a=1"}};
  return {.correlation_id = id, .status = 200, .headers = std::span<const base::Header>{fields}};
}

wire::ResponseBodyChunk response_chunk(std::string_view id, std::uint32_t index, std::string_view data, bool is_last) {
  return {.correlation_id = id,
          .data = base::as_bytes(data),
          .is_last = is_last,
          .total_size = {},
          .chunk_index = index,
          .bytes_sent = (index + 1) * data.size()};
}

wire::WebSocketFrame frame(std::string_view id, std::uint64_t index, bool from_client) {
  return {.correlation_id = id,
          .opcode = wire::WebSocketOpcode::text,
          .data = base::as_bytes("hello"),
          .client_to_server = from_client,
          .frame_index = index,
          .fin = true,
          .route_id = {},
          .client_ip = "192.0.2.1"};
}

constexpr std::array<wire::TextPair, 1> content_index{wire::TextPair{"index", "0"}};

wire::GuardrailInspect content(std::string_view id) {
  return {.correlation_id = id,
          .inspection_type = wire::InspectionType::prompt_injection,
          .content = "What is the capital of France?",
          .model = {},
          .categories = {},
          .route_id = {},
          .metadata = content_index};
}

Talk open_replying(Agent& agent) { return agent.open_with({wire::extension_event_reply}); }

void expect_reply_to(const Answer& answer, const wire::ReplyTo& wanted) {
  expect(answer.response.reply_to.has_value(), "an answer has no reply_to");
  const wire::ReplyTo& got = *answer.response.reply_to;
  expect(got.type == wanted.type, "reply_to names {} instead of {}", name(got.type), name(wanted.type));
  expect(got.index == wanted.index, "reply_to names number {} instead of {}",
         got.index ? std::to_string(*got.index) : "none", wanted.index ? std::to_string(*wanted.index) : "none");
  expect(got.client_to_server == wanted.client_to_server, "reply_to names another direction");
}

constexpr std::array rules{
    AgentRule{"answers.request-headers", "1", "request_headers is answered, by its correlation id.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::request_headers);
                (void)talk.ask(Talk::head(talk.mint()));
              }},
    AgentRule{"answers.request-body", "1", "request_body_chunk is answered, by its correlation id.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::request_body_chunk);
                (void)talk.ask(Talk::chunk(talk.begin_exchange(), 0, "a=1", true));
              }},
    AgentRule{"answers.response-headers", "1", "response_headers is answered, by its correlation id.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::response_headers);
                (void)talk.ask(response_head(talk.begin_exchange()));
              }},
    AgentRule{"answers.response-body", "1", "response_body_chunk is answered, by its correlation id.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::response_body_chunk);
                (void)talk.ask(response_chunk(talk.begin_exchange(), 0, "hello", true));
              }},
    AgentRule{"answers.websocket", "1", "websocket_frame is answered, by its correlation id.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::websocket_frame);
                (void)talk.ask(frame(talk.begin_exchange(), 0, true));
              }},
    AgentRule{"answers.guardrail", "1", "guardrail_inspect is answered, by its correlation id.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.need_kind(EventKind::guardrail_inspect);
                (void)talk.ask(content(talk.begin_exchange()));
              }},
    AgentRule{"answers.complete", "1", "request_complete is answered where nothing else was agreed.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.begin_exchange();
                (void)talk.ask(Talk::complete(id));
              }},
    AgentRule{"answers.complete-one-way", "3", "With one-way-complete request_complete is not answered.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open_with({wire::extension_one_way_complete});
                talk.say(Talk::complete(talk.begin_exchange()));
                expect_settled(talk);
              }},
    AgentRule{"answers.complete-unknown", "1", "request_complete of an exchange it never saw is answered as any.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                (void)talk.ask(Talk::complete(talk.mint()));
                talk.expect_alive();
              }},
    AgentRule{"answers.once", "1", "Each event has one answer and no second.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < 5; ++i) (void)talk.ask(Talk::head(talk.mint()));
                expect_settled(talk);
              }},
    AgentRule{"answers.unasked", "1", "Nothing is answered that was not asked.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                expect_settled(talk);
              }},
    AgentRule{"answers.named-in-audit", "5",
              "audit.custom.correlation_id names the exchange, for proxies that look there.", Scope::once,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                const Document said{talk.ask(Talk::head(id)).frame};
                const Value* const named = said.find("audit.custom.correlation_id");
                const auto* const text = named == nullptr ? nullptr : named->get<std::string_view>();
                expect(text != nullptr, "it is absent, or no text");
                expect(*text == id, "it is \"{}\"", *text);
              }},
    AgentRule{"answers.names-agree", "5", "A correlation_id at the top is that of audit.custom.", Scope::once,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                talk.say(Talk::head(id));
                const Document said{talk.answer().frame};
                const Value* const top = said.find("correlation_id");
                need(top != nullptr, "its answers have none");
                const auto* const text = top->get<std::string_view>();
                expect(text != nullptr && *text == id, "it is another");
              }},
    AgentRule{"answers.version", "5", "version of an answer is 2.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                const Answer answer = talk.ask(Talk::head(talk.mint()));
                expect(answer.response.version == 2, "it is {}", answer.response.version);
              }},
    AgentRule{"answers.object", "5", "An answer in JSON is an object with version and decision.", Scope::once,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.say(Talk::head(talk.mint()));
                while (true) {
                  Frame frame = talk.peer().hear("answer");
                  if (frame.type != FrameType::agent_response) continue;
                  const Document said{std::move(frame)};
                  expect(said.find("version") != nullptr, "there is no version");
                  return expect(said.find("decision") != nullptr, "there is no decision");
                }
              }},
    AgentRule{"answers.ten-elements", "7", "An answer in MessagePack is a map, or an array of exactly 10 elements.",
              Scope::msgpack,
              [](Agent& agent) {
                constexpr unsigned char array_of_ten = 0x9a;
                constexpr unsigned char map16 = 0xde;
                Talk talk = agent.open();
                const Answer answer = talk.ask(Talk::head(talk.mint()));
                const auto first = static_cast<unsigned char>(answer.frame.payload().front());
                expect(first == array_of_ten || first == map16 || (first & 0xf0) == 0x80,
                       "it begins with byte 0x{:02x}", first);
              }},
    AgentRule{"answers.no-reply-to", "3", "Without event-reply an answer has no reply_to.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                const Answer answer = talk.ask(Talk::head(talk.mint()));
                expect(!answer.response.reply_to, "it has one");
              }},
    AgentRule{"reply-to.head", "3", "With event-reply an answer to request_headers says so.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::request_headers);
                const Answer answer = talk.ask(Talk::head(talk.mint()));
                expect_reply_to(answer, {.type = FrameType::request_headers, .client_to_server = {}, .index = {}});
              }},
    AgentRule{"reply-to.body", "3", "With event-reply an answer to a chunk names its chunk_index.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::request_body_chunk);
                const std::string_view id = talk.begin_exchange();
                const wire::ReplyTo first{.type = FrameType::request_body_chunk, .client_to_server = {}, .index = 0};
                const Answer answer = talk.ask(Talk::chunk(id, 0, "abc", false));
                expect_reply_to(answer, first);
                if (!answer.allows()) return;
                const wire::ReplyTo second{.type = FrameType::request_body_chunk, .client_to_server = {}, .index = 1};
                expect_reply_to(talk.ask(Talk::chunk(id, 1, "def", true)), second);
              }},
    AgentRule{"reply-to.response", "3", "With event-reply an answer to response_headers says so.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::response_headers);
                const Answer answer = talk.ask(response_head(talk.begin_exchange()));
                expect_reply_to(answer, {.type = FrameType::response_headers, .client_to_server = {}, .index = {}});
              }},
    AgentRule{"reply-to.websocket", "3", "With event-reply an answer to a frame names its number and direction.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::websocket_frame);
                const std::string_view id = talk.begin_exchange();
                for (const bool from_client : {true, false})
                  expect_reply_to(talk.ask(frame(id, 0, from_client)),
                                  {.type = FrameType::websocket_frame, .client_to_server = from_client, .index = 0});
              }},
    AgentRule{"reply-to.guardrail", "3", "With event-reply an answer to guardrail_inspect names metadata.index.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::guardrail_inspect);
                const Answer answer = talk.ask(content(talk.begin_exchange()));
                expect_reply_to(answer, {.type = FrameType::guardrail_inspect, .client_to_server = {}, .index = 0});
              }},
    AgentRule{"reply-to.in-flight", "3", "With event-reply events of one exchange may wait together.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = open_replying(agent);
                talk.need_kind(EventKind::request_headers);
                talk.need_kind(EventKind::request_body_chunk);
                const std::string id{talk.mint()};
                talk.say(Talk::head(id));
                talk.say(Talk::chunk(id, 0, "a=1", true));
                const auto answers = talk.answers_to({id, id});
                expect(answers[0].response.reply_to && answers[1].response.reply_to, "an answer has no reply_to");
                expect(*answers[0].response.reply_to != *answers[1].response.reply_to, "both answers name one event");
              }},
    AgentRule{"interleaving.exchanges", "1", "Events of many exchanges wait together; each gets its own answer.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                std::multiset<std::string> ids;
                for (int i = 0; i < 50; ++i) {
                  const std::string_view id = talk.mint();
                  ids.emplace(id);
                  talk.say(Talk::head(id));
                }
                (void)talk.answers_to(std::move(ids));
                expect_settled(talk);
              }},
    AgentRule{"interleaving.connections", "1", "One id on two connections is two exchanges.", Scope::everywhere,
              [](Agent& agent) {
                Talk first = agent.open();
                Talk second = agent.open();
                const std::string_view id = first.mint();
                first.say(Talk::head(id));
                second.say(Talk::head(id));
                (void)first.answer_to(id, "request_headers on the first");
                (void)second.answer_to(id, "request_headers on the second");
              }},
    AgentRule{"ids.exact", "4", "A correlation id comes back as it was, byte for byte.", Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (const std::string_view id :
                     {R"(a "quoted" \ id/1)", "Grüße-日本語", "tab\tand\nline", "UPPER.lower", "0"})
                  (void)talk.ask(Talk::head(id));
              }},
    AgentRule{"ids.similar", "4", "Ids that differ in their last byte, or in case, are not confused.",
              Scope::everywhere,
              [](Agent& agent) {
                Talk talk = agent.open();
                std::multiset<std::string> ids{"conform-ids-a", "conform-ids-b", "conform-ids-A", "conform-ids-",
                                               "conform-ids"};
                for (const std::string& id : ids) talk.say(Talk::head(id));
                (void)talk.answers_to(ids);
              }},
};

}  // namespace

AgentRules answer_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
