#include <array>
#include <utility>
#include <vector>

#include "apps/cli/conform/agents/grpc_call.hpp"
#include "apps/cli/conform/agents/rules.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/envelope.hpp"

/// Calls beside the conversation: ProcessEvent and ControlStream.
namespace picket::apps::cli::conform::agents {
namespace {

constexpr std::string_view control_stream = "/zentinel.agent.v2.AgentServiceV2/ControlStream";
constexpr std::string_view process_event = "/zentinel.agent.v2.AgentServiceV2/ProcessEvent";
constexpr std::string_view ok = "0";
constexpr wire::Format control_format{.encoding = wire::Encoding::protobuf, .stream = wire::Stream::control};
constexpr std::string_view noise = "\xff\xff\xff\xff noise";
constexpr std::string_view field_100 = "\xa2\x06\x03new";  // three bytes that no message has

/// A message of the agent's, with memory that decoders may read behind it.
struct Message {
  explicit Message(const std::string& bytes, wire::Envelope envelope)
      : padded(bytes + std::string(base::limits::tail_padding, '\0')) {
    const auto opened = wire::open_envelope(envelope, std::string_view{padded}.substr(0, bytes.size()));
    expect(opened.has_value(), "its answer is no message: {}", opened ? "" : opened.error().detail());
    frame.emplace(*opened);
  }
  std::string padded;
  std::optional<Frame> frame;
  base::Arena arena;
};

/// The exchange that an answer to an event names. Throws Violation where it is none.
std::string answered_id(const Called& called) {
  expect(called.answer.has_value(), "it ends with grpc-status {} and no answer", called.status);
  expect(called.status == ok, "it ends with grpc-status {}", called.status);
  Message answer{*called.answer, wire::Envelope::agent_to_proxy};
  expect(answer.frame->type == wire::FrameType::agent_response, "it answers with {}", name(answer.frame->type));
  const auto response =
      wire::decode<wire::AgentResponse>({.encoding = wire::Encoding::protobuf}, answer.frame->payload(), answer.arena);
  expect(response.has_value(), "its answer is none: {}", response ? "" : response.error().detail());
  return std::string{response->correlation_id};
}

Called ask(Agent& agent, std::string_view payload) {
  return outcome_of(*say_once(agent, process_event, payload), agent.options().patience);
}

void expect_refused(const Called& called, std::string_view what) {
  expect(!called.answer, "{} is answered", what);
  expect(called.status != ok && !called.status.empty(), "{} ends with grpc-status {}", what, called.status);
}

wire::HealthStatus healthy() { return {.agent_id = "conform", .state = wire::HealthState::healthy, .timestamp_ms = 1}; }

std::string control(const wire::HealthStatus& status) { return payload_of(control_format, status); }

/// How a ControlStream ends on which one message was said.
std::string status_after(Agent& agent, std::string_view payload) {
  return outcome_of(*say_once(agent, control_stream, payload), agent.options().patience).status;
}

constexpr std::array rules{
    AgentRule{"grpc.process-event", "9", "ProcessEvent answers one event, without a handshake.", Scope::grpc,
              [](Agent& agent) { (void)answered_id(ask(agent, envelope(Talk::head("conform-process-event")))); }},
    AgentRule{"grpc.process-event-id", "9", "The answer of ProcessEvent names the event's exchange.", Scope::grpc,
              [](Agent& agent) {
                const std::string id = answered_id(ask(agent, envelope(Talk::head("conform-process-event-id"))));
                expect(id == "conform-process-event-id", "it names \"{}\"", id);
              }},
    AgentRule{"grpc.process-event-beside", "9", "Calls of ProcessEvent at one time are each answered with their own.",
              Scope::grpc,
              [](Agent& agent) {
                constexpr int count = 8;
                std::vector<std::pair<std::string, std::unique_ptr<GrpcPipe>>> calls;
                for (int i = 0; i < count; ++i) {
                  std::string id = fmt::format("conform-process-event-beside-{}", i);
                  auto call = say_once(agent, process_event, envelope(Talk::head(id)));
                  calls.emplace_back(std::move(id), std::move(call));
                }
                while (!calls.empty()) {
                  const auto& [id, call] = calls.back();
                  const std::string answered = answered_id(outcome_of(*call, agent.options().patience));
                  expect(answered == id, "\"{}\" is answered with \"{}\"", id, answered);
                  calls.pop_back();
                }
              }},
    AgentRule{"grpc.process-event-unknown-field", "9", "ProcessEvent skips fields that it does not know.", Scope::grpc,
              [](Agent& agent) {
                (void)answered_id(ask(agent, envelope(Talk::head("conform-unknown-field")).append(field_100)));
              }},
    AgentRule{"grpc.process-event-empty", "9", "ProcessEvent refuses an envelope that holds nothing.", Scope::grpc,
              [](Agent& agent) { expect_refused(ask(agent, ""), "nothing"); }},
    AgentRule{"grpc.process-event-noise", "9", "ProcessEvent refuses bytes that are no message.", Scope::grpc,
              [](Agent& agent) { expect_refused(ask(agent, noise), "noise"); }},
    AgentRule{"grpc.process-event-cut", "10", "ProcessEvent refuses an event that is cut off.", Scope::grpc,
              [](Agent& agent) {
                const std::string event = envelope(Talk::head("conform-process-event-cut"));
                expect_refused(ask(agent, std::string_view{event}.substr(0, event.size() / 2)), "half an event");
              }},
    AgentRule{"grpc.process-event-others-live", "9", "A call of ProcessEvent that is refused disturbs no stream.",
              Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                (void)ask(agent, noise);
                talk.expect_alive();
              }},
    AgentRule{"grpc.control-stream", "9", "ControlStream is served.", Scope::grpc,
              [](Agent& agent) {
                const auto call = agent.call(control_stream);
                call->end_writing();
                const std::string status = status_of(*call, agent.options().patience);
                need(status != unimplemented, "the agent does not serve it");
                expect(status == ok, "it ends with grpc-status {}", status);
              }},
    AgentRule{"grpc.control-health", "9", "ControlStream takes a HealthStatus.", Scope::grpc,
              [](Agent& agent) {
                const std::string status = status_after(agent, control(healthy()));
                expect(status == ok, "it ends with grpc-status {}", status);
              }},
    AgentRule{"grpc.control-unknown-field", "9", "ControlStream skips fields that it does not know.", Scope::grpc,
              [](Agent& agent) {
                const std::string status = status_after(agent, control(healthy()).append(field_100));
                expect(status == ok, "it ends with grpc-status {}", status);
              }},
    AgentRule{"grpc.control-noise", "9", "ControlStream ends where bytes are no message.", Scope::grpc,
              [](Agent& agent) {
                const std::string status = status_after(agent, noise);
                expect(status != ok, "it ends with grpc-status {}", status);
              }},
    AgentRule{"grpc.control-config", "9", "ControlStream answers a ConfigUpdateRequest under its id.", Scope::grpc,
              [](Agent& agent) {
                const wire::ConfigUpdateRequest request{.update = wire::ConfigError{.error = "of a test"},
                                                        .request_id = "conform-config",
                                                        .timestamp_ms = 1};
                const Called called = outcome_of(*say_once(agent, control_stream, payload_of(control_format, request)),
                                                 agent.options().patience);
                need(called.answer.has_value(), "the agent says nothing of it");
                Message answer{*called.answer, wire::Envelope::proxy_control};
                need(answer.frame->type == wire::FrameType::config_update_response, "the agent says something else");
                const auto response =
                    wire::decode<wire::ConfigUpdateResponse>(control_format, answer.frame->payload(), answer.arena);
                expect(response.has_value(), "its answer is none");
                expect(response->request_id == "conform-config", "it names \"{}\"", response->request_id);
              }},
    AgentRule{"grpc.control-others-live", "9", "A ControlStream that is refused disturbs no other stream.", Scope::grpc,
              [](Agent& agent) {
                Talk talk = agent.open();
                (void)status_after(agent, noise);
                talk.expect_alive();
              }},
};

}  // namespace

AgentRules grpc_call_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
