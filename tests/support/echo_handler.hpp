#pragma once

#include <string>

#include "picket/agent/handler.hpp"

namespace picket::tests {

/// Says in each answer what was asked, so that whoever asked can tell his answer from another's.
class EchoHandler : public agent::Handler {
 public:
  [[nodiscard]] session::AgentInfo info() const override {
    session::AgentInfo info{.agent_id = "echo", .name = "echo", .version = "1"};
    info.events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk,
                   wire::EventKind::request_complete};
    return info;
  }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context&) override {
    return agent::Decision::allow().tag(std::string{event.uri});
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context&) override {
    return agent::Decision::allow().tag(std::string{base::as_text(event.data)});
  }
};

}  // namespace picket::tests
