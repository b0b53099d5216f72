#include <array>

#include "apps/cli/conform/agents/grpc_call.hpp"
#include "apps/cli/conform/agents/rules.hpp"
#include "apps/cli/conform/grpc_pipe.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr std::string_view health_check = "/grpc.health.v1.Health/Check";
void expect_answered(Talk& talk, std::string_view id, std::string_view bytes, std::size_t piece) {
  talk.peer().write_slowly(bytes, piece);
  (void)talk.answer_to(id, "request_headers");
}

constexpr std::array rules{
    AgentRule{"grpc.head", "9", "ProcessStream answers with HTTP status 200 and content-type application/grpc.",
              Scope::grpc,
              [](Agent& agent) {
                const auto call = agent.call(transport::process_stream);
                const base::TimePoint deadline = base::Clock::now() + agent.options().patience;
                (void)call->write(grpc_message(envelope(agent.grpc_hello())), deadline).has_value();
                expect(call->hear_bytes(deadline).has_value(), "nothing is answered to the handshake");
                expect(call->field(":status") == "200", "status is {}", call->field(":status"));
                expect(call->field("content-type").starts_with("application/grpc"), "content-type is {}",
                       call->field("content-type"));
              }},
    AgentRule{"grpc.unknown-method", "9", "A method that there is not is UNIMPLEMENTED.", Scope::grpc,
              [](Agent& agent) {
                const auto call = agent.call("/zentinel.agent.v2.AgentServiceV2/Nothing");
                call->end_writing();
                const std::string status = status_of(*call, agent.options().patience);
                expect(status == unimplemented, "grpc-status is {}", status);
              }},
    AgentRule{"grpc.half-close", "9", "A proxy that ends its side gets a status.", Scope::grpc,
              [](Agent& agent) {
                const auto call = agent.call(transport::process_stream);
                const base::TimePoint deadline = base::Clock::now() + agent.options().patience;
                (void)call->write(grpc_message(envelope(agent.grpc_hello())), deadline).has_value();
                (void)call->hear_bytes(deadline).has_value();
                call->end_writing();
                expect(!status_of(*call, agent.options().patience).empty(), "the call ends without grpc-status");
              }},
    AgentRule{"grpc.event-first", "9", "An event before the handshake is not answered, and ends the call.", Scope::grpc,
              [](Agent& agent) {
                Peer peer = agent.connect();
                peer.write(grpc_message(envelope(Talk::head("conform-grpc"))));
                for (const Frame& frame : peer.hear_end("an event first"))
                  expect(frame.type != FrameType::agent_response, "it is answered");
              }},
    AgentRule{"grpc.byte-by-byte", "9", "A message that comes byte by byte is one.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                expect_answered(talk, id, grpc_message(envelope(Talk::head(id))), 1);
              }},
    AgentRule{"grpc.joined", "9", "Messages that come together are each answered.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.ask_together(20, [](std::string_view id) { return grpc_message(envelope(Talk::head(id))); });
              }},
    AgentRule{"grpc.empty-message", "9", "An envelope that holds nothing is not answered.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.peer().write(grpc_message(""));
                talk.say(wire::Ping{.sequence = 1, .timestamp_ms = 1});
                while (const auto frame = talk.peer().hear_or_end("pong, or the end")) {
                  expect(frame->type != FrameType::agent_response, "it is answered");
                  if (frame->type == FrameType::pong) return;
                }
              }},
    AgentRule{"grpc.unknown-field", "9", "Fields that it does not know are skipped.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                // Field 100, three bytes, behind the message.
                talk.peer().write(grpc_message(envelope(Talk::head(id)) + "\xa2\x06\x03new"));
                (void)talk.answer_to(id, "request_headers");
              }},
    AgentRule{"grpc.noise", "9", "Bytes that are no message are not answered, and end the call.", Scope::grpc,
              [](Agent& agent) {
                Talk other = agent.open();
                Talk talk = agent.open();
                talk.peer().write(grpc_message("\xff\xff\xff\xff noise"));
                talk.expect_refused("noise");
                other.expect_alive();
              }},
    AgentRule{"grpc.cut", "10", "An event that is cut off is not answered, and ends the call.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                std::string event = envelope(Talk::head(talk.mint()));
                event.resize(event.size() / 2);
                talk.peer().write(grpc_message(event));
                talk.expect_refused("half an event");
              }},
    AgentRule{"grpc.configure", "9", "A Ping behind a configuration is answered once that is accepted.", Scope::grpc,
              [](Agent& agent) {
                base::Arena arena;
                const auto config = wire::parse_json(agent.options().config.value_or("{}"), arena);
                if (!config) throw Skipped{config.error().message()};
                Talk talk = agent.open();
                talk.say(
                    wire::Configure{.config = *config, .config_version = {}, .correlation_id = {}, .is_initial = true});
                expect(talk.settle().empty(), "a response answers it");
              }},
    AgentRule{"grpc.health", "9", "grpc.health.v1.Health/Check says SERVING.", Scope::grpc,
              [](Agent& agent) {
                const auto call = agent.call(health_check);
                const base::TimePoint deadline = base::Clock::now() + agent.options().patience;
                (void)call->write(grpc_message(""), deadline).has_value();
                call->end_writing();
                const auto answer = call->hear_bytes(deadline);
                const std::string status = status_of(*call, agent.options().patience);
                need(status != unimplemented, "the agent has no health service");
                expect(answer == std::string_view{"\x08\x01"}, "it does not");
              }},
};

}  // namespace

AgentRules grpc_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
