/// Both ends of the protocol on grpc++, as protoc makes them of spec/agent_v2.proto.
///
///   cpp_peer agent ADDRESS    blocks what has x-block: yes, and says what it hears, until SIGTERM
///   cpp_peer proxy ADDRESS    asks an agent in each way, and prints what it answers, one line each
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include <agent_v2.grpc.pb.h>
#include <grpcpp/grpcpp.h>

namespace {

using namespace zentinel::agent::v2;

// ---- an agent

void fill(HandshakeResponse& answer) {
  answer.set_protocol_version(2);
  answer.set_success(true);
  AgentCapabilities& agent = *answer.mutable_capabilities();
  agent.set_protocol_version(2);
  agent.set_agent_id("cpp");
  agent.set_name("cpp");
  agent.set_version("1");
  agent.add_supported_events(1);
  agent.mutable_features()->set_concurrent_requests(100);
  agent.mutable_limits()->set_max_body_size(1 << 20);
  agent.mutable_limits()->set_max_concurrency(100);
  agent.mutable_limits()->set_preferred_chunk_size(65536);
}

void judge(const RequestHeadersEvent& event, AgentResponse& response) {
  response.set_correlation_id(event.metadata().correlation_id());
  for (const auto& header : event.headers())
    if (header.name() == "x-block" && header.value() == "yes") response.mutable_block()->set_status(403);
  if (response.decision_case() == AgentResponse::DECISION_NOT_SET) response.mutable_allow();
}

/// Whether there is an answer to it.
bool answer(const ProxyToAgent& message, AgentToProxy& reply) {
  switch (message.message_case()) {
    case ProxyToAgent::kHandshake: fill(*reply.mutable_handshake()); return true;
    case ProxyToAgent::kRequestHeaders: judge(message.request_headers(), *reply.mutable_response()); return true;
    case ProxyToAgent::kRequestComplete:
      reply.mutable_response()->set_correlation_id(message.request_complete().correlation_id());
      reply.mutable_response()->mutable_allow();
      return true;
    case ProxyToAgent::kPing:
      reply.mutable_pong()->set_sequence(message.ping().sequence());
      reply.mutable_pong()->set_ping_timestamp_ms(message.ping().timestamp_ms());
      return true;
    default: return false;
  }
}

class Service final : public AgentServiceV2::Service {
  grpc::Status ProcessStream(grpc::ServerContext*,
                             grpc::ServerReaderWriter<AgentToProxy, ProxyToAgent>* stream) override {
    for (ProxyToAgent message; stream->Read(&message);) {
      std::printf("hears %d %s\n", static_cast<int>(message.message_case()), message.configure().config_json().c_str());
      std::fflush(stdout);
      AgentToProxy reply;
      if (answer(message, reply)) stream->Write(reply);
    }
    return grpc::Status::OK;
  }

  grpc::Status ProcessEvent(grpc::ServerContext*, const ProxyToAgent* event, AgentToProxy* reply) override {
    return answer(*event, *reply) ? grpc::Status::OK : grpc::Status{grpc::StatusCode::INVALID_ARGUMENT, "no event"};
  }

  grpc::Status ControlStream(grpc::ServerContext*,
                             grpc::ServerReaderWriter<ProxyControl, AgentControl>* stream) override {
    for (AgentControl said; stream->Read(&said);) {
      if (said.message_case() != AgentControl::kConfigUpdate) continue;
      ProxyControl reply;
      reply.mutable_config_response()->set_request_id(said.config_update().request_id());
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }
};

int serve(const std::string& address) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // by the threads to come as well
  Service service;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&service);
  const auto server = builder.BuildAndStart();
  std::puts("serves");
  std::fflush(stdout);
  int signal = 0;
  sigwait(&ends, &signal);
  server->Shutdown(std::chrono::system_clock::now());
  return 0;
}

// ---- a proxy

ProxyToAgent head(const std::string& name, bool is_blocked) {
  ProxyToAgent message;
  RequestHeadersEvent& event = *message.mutable_request_headers();
  event.mutable_metadata()->set_correlation_id(name);
  event.mutable_metadata()->set_request_id(name);
  event.mutable_metadata()->set_client_ip("192.0.2.1");
  event.mutable_metadata()->set_protocol("HTTP/1.1");
  event.mutable_metadata()->set_timestamp_ms(1);
  event.set_method("GET");
  event.set_uri("/");
  event.set_http_version("1.1");
  Header& field = *event.add_headers();
  field.set_name("x-block");
  field.set_value(is_blocked ? "yes" : "no");
  return message;
}

const char* decision(const AgentToProxy& message) {
  return message.response().has_block() ? "block" : message.response().has_allow() ? "allow" : "none";
}

void ask_on_a_stream(AgentServiceV2::Stub& agent) {
  grpc::ClientContext context;
  const auto stream = agent.ProcessStream(&context);
  ProxyToAgent hello;
  hello.mutable_handshake()->add_supported_versions(2);
  hello.mutable_handshake()->set_proxy_id("cpp");
  hello.mutable_handshake()->set_config_json("{}");
  stream->Write(hello);
  AgentToProxy said;
  stream->Read(&said);
  std::printf("handshake %d\n", said.handshake().success() ? 1 : 0);
  stream->Write(head("first", false));
  stream->Write(head("second", true));
  for (int i = 0; i < 2 && stream->Read(&said); ++i)
    std::printf("%s %s\n", said.response().correlation_id().c_str(), decision(said));
  stream->WritesDone();
  while (stream->Read(&said)) std::puts("more");
  std::printf("stream %d\n", stream->Finish().error_code());
}

void ask_one(AgentServiceV2::Stub& agent) {
  for (const bool is_blocked : {false, true}) {
    grpc::ClientContext context;
    AgentToProxy said;
    const auto status = agent.ProcessEvent(&context, head("one", is_blocked), &said);
    std::printf("event %d %s %s\n", status.error_code(), said.response().correlation_id().c_str(), decision(said));
  }
}

void hear_control(AgentServiceV2::Stub& agent) {
  grpc::ClientContext context;
  const auto stream = agent.ControlStream(&context);
  AgentControl said;
  said.mutable_health()->set_state(1);
  stream->Write(said);
  said.mutable_config_update()->set_request_id("mine");
  said.mutable_config_update()->mutable_request_reload();
  stream->Write(said);
  stream->WritesDone();
  for (ProxyControl heard; stream->Read(&heard);)
    std::printf("control %s %d\n", heard.config_response().request_id().c_str(),
                heard.config_response().accepted() ? 1 : 0);
  std::printf("stream %d\n", stream->Finish().error_code());
}

int ask(const std::string& address) {
  const auto agent = AgentServiceV2::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  ask_on_a_stream(*agent);
  ask_one(*agent);
  hear_control(*agent);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  return std::string_view{argv[1]} == "agent" ? serve(argv[2]) : ask(argv[2]);
}
