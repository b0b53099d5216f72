// Picket's agent for tools/interop: logs each event that its handler was handed as a line of JSON,
// `{"event": KIND, "message": …}`, and decides by the rules of interop/rust/src/stand_in.rs.
//
//   picket_interop_agent LOG --listen ADDRESS | --dial ADDRESS …   as every agent takes them

#include <cstdio>
#include <fstream>
#include <memory>
#include <span>

#include <fmt/format.h>

#include "picket/agent/serve.hpp"
#include "picket/wire/codec.hpp"

namespace picket::interop {
namespace {

using agent::Context;
using agent::Decision;
using agent::Reply;

/// The decision that a request's header `x-decide` names.
Decision decide(std::string_view wish) {
  if (wish == "block") return Decision::block(403).body("no").header("x-reason", "test");
  if (wish == "redirect") return Decision::redirect("https://example.com/login");
  if (wish == "challenge") return Decision::challenge("captcha", {{"site", "example"}});
  if (wish == "ops")
    return Decision::allow()
        .set_request_header("x-set", "1")
        .add_request_header("x-add", "2")
        .remove_request_header("x-remove")
        .set_response_header("x-answer", "3");
  if (wish == "audit")
    return Decision::allow().tag("tag").rule("942100").confidence(0.5F).reason("reason").note("note", "kept");
  if (wish == "route") return Decision::allow().route("pool", "blue");
  if (wish == "more") return Decision::allow().needs_more();
  return Decision::allow();
}

/// A chunk that begins with "replace" or "drop" is replaced or dropped.
Decision mutate(base::ByteView data) {
  using namespace std::string_literals;
  const std::string_view text = base::as_text(data);
  if (text.starts_with("replace")) return Decision::allow().replace_body("\0replaced"s);
  if (text.starts_with("drop")) return Decision::allow().replace_body("");
  return Decision::allow();
}

class Logging final : public agent::Handler {
 public:
  explicit Logging(std::ofstream& log) : log_(log) {}

  agent::Info info() const override { return {.id = "picket", .name = "picket_interop_agent", .version = "1.0"}; }

  Reply on_request_headers(const agent::RequestHeaders& event, Context&) override {
    note("request_headers", event);
    return decide(event.headers.find("x-decide").value_or(""));
  }
  Reply on_request_body(const agent::RequestBodyChunk& event, Context&) override {
    note("request_body_chunk", event);
    return mutate(event.data);
  }
  Reply on_response_headers(const agent::ResponseHeaders& event, Context&) override {
    note("response_headers", event);
    return Decision::allow();
  }
  Reply on_response_body(const agent::ResponseBodyChunk& event, Context&) override {
    note("response_body_chunk", event);
    return mutate(event.data);
  }
  Reply on_websocket_frame(const agent::WebSocketFrame& event, Context&) override {
    note("websocket_frame", event);
    if (base::as_text(event.data) == "drop") return Decision::drop_frame();
    if (base::as_text(event.data) == "close") return Decision::close_websocket(1008, "policy");
    return Decision::allow();
  }
  Reply on_guardrail(const agent::GuardrailInspect& event, Context&) override {
    note("guardrail_inspect", event);
    return Decision::allow();
  }
  void on_complete(const agent::RequestComplete& event, Context&) override { note("request_complete", event); }
  agent::Acceptance on_configure(const wire::Value& config, Context&) override {
    line("configure", fmt::format("{{\"config\":{}}}", wire::to_json(config)));
    if (config.find("refuse") != nullptr) return base::fail(base::ErrorKind::invalid_message, "asked to refuse");
    return {};
  }

 private:
  template <class Event>
  void note(std::string_view kind, const Event& event) {
    line(kind, wire::to_json(event));
  }
  void line(std::string_view kind, const std::string& message) {
    log_ << fmt::format("{{\"event\":\"{}\",\"message\":{}}}\n", kind, message) << std::flush;
  }

  std::ofstream& log_;
};

}  // namespace
}  // namespace picket::interop

int main(int argc, char** argv) {
  const std::span arguments{argv, static_cast<std::size_t>(argc)};
  if (argc < 2) {
    fmt::print(stderr, "usage: picket_interop_agent LOG --listen ADDRESS | --dial ADDRESS …\n");
    return 2;
  }
  std::ofstream log{arguments[1]};
  arguments[1] = arguments[0];
  // One thread: the handler's log is not shared.
  return picket::agent::serve(argc - 1, argv + 1, [&log] { return std::make_unique<picket::interop::Logging>(log); });
}
