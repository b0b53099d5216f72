#include "picket/agent/handler_factory.hpp"

#include "picket/session/agent_info.hpp"

namespace picket::agent {

session::AgentInfo HandlerFactory::declaration(const Info& info) const {
  using wire::EventKind;
  session::AgentInfo declared{.agent_id = info.id,
                              .name = info.name,
                              .version = info.version,
                              .events = events_,
                              .features = {},
                              .limits = info.limits,
                              .health = {}};
  declared.features = {
      .streaming_body = declared.wants(EventKind::request_body_chunk) || declared.wants(EventKind::response_body_chunk),
      .websocket = declared.wants(EventKind::websocket_frame),
      .guardrails = declared.wants(EventKind::guardrail_inspect),
      .config_push = declared.wants(EventKind::configure),
      .concurrent_requests = info.limits.max_concurrency,
      .cancellation = true};
  return declared;
}

}  // namespace picket::agent
