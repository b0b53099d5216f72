#include "apps/cli/conform/agents/grpc_call.hpp"

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform::agents {

std::string status_of(GrpcPipe& call, base::Duration patience) {
  const base::TimePoint deadline = base::Clock::now() + patience;
  while (call.hear_bytes(deadline)) {
  }
  expect(call.has_ended(), "the call does not end");
  return call.field("grpc-status");
}

std::unique_ptr<GrpcPipe> say_once(Agent& agent, std::string_view path, std::string_view payload) {
  auto call = agent.call(path);
  (void)call->write(grpc_message(payload), base::Clock::now() + agent.options().patience).has_value();
  call->end_writing();
  return call;
}

Called outcome_of(GrpcPipe& call, base::Duration patience) {
  Called called{.answer = call.hear_bytes(base::Clock::now() + patience), .status = {}};
  called.status = status_of(call, patience);
  need(called.status != unimplemented, "the agent does not serve it");
  return called;
}

}  // namespace picket::apps::cli::conform::agents
