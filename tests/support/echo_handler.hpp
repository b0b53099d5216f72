#pragma once

#include <string>

#include "picket/agent/handler.hpp"

namespace picket::tests {

/// Says in each answer what was asked, so that whoever asked can tell his answer from another's.
template <class State = agent::NoState>
class EchoHandler : public agent::HandlerWith<State> {
 public:
  [[nodiscard]] agent::Info info() const override { return {.id = "echo", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event,
                                  typename agent::HandlerWith<State>::Context&) override {
    return agent::Decision::allow().tag(std::string{event.uri});
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event,
                               typename agent::HandlerWith<State>::Context&) override {
    return agent::Decision::allow().tag(std::string{base::as_text(event.data)});
  }
  void on_complete(const agent::RequestComplete&, typename agent::HandlerWith<State>::Context&) override {}
};

}  // namespace picket::tests
