// Picket's pool for tools/interop: plays the exchanges of interop/cases.json to an agent and prints what it answered,
// one line of JSON per exchange: `{"exchange": NAME, "id": ID, "answers": [RESPONSE or {"error": TEXT}, …]}`.

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "picket/pool/agent_pool.hpp"
#include "picket/transport/task.hpp"
#include "picket/wire/codec.hpp"

namespace picket::interop {
namespace {

struct Options {
  std::string agent;
  std::string cases;
  std::string encoding = "json";
  std::optional<std::string> config;
};

std::string json_text(std::string_view text) { return wire::to_json(wire::Value{text}); }

/// A case's message as the protocol writes it, with the exchange's id in place of "$id".
std::string payload_of(const wire::Value& event, std::string_view id) {
  std::string text = wire::to_json(*event.find("message"));
  for (std::size_t at = text.find("$id"); at != std::string::npos; at = text.find("$id", at)) text.replace(at, 3, id);
  text.reserve(text.size() + base::limits::tail_padding);
  return text;
}

std::string_view text_of(const wire::Value& value, std::string_view name) {
  return *value.find(name)->get<std::string_view>();
}

/// One exchange with the agent; `answers_` collects what came back.
class Player {
 public:
  Player(pool::AgentPool& pool, pool::Agent& agent, const base::CorrelationId& id)
      : exchange_(pool.begin(agent, id)), id_(id) {}

  transport::Task<void> play(const wire::Value& events) {
    for (const wire::Value& event : *events.get<wire::Value::List>()) {
      const std::string_view kind = text_of(event, "kind");
      const std::string payload = payload_of(event, id_.text());
      if (kind == "request_headers") co_await ask<wire::RequestHeaders>(payload);
      if (kind == "request_body_chunk") co_await ask<wire::RequestBodyChunk>(payload);
      if (kind == "response_headers") co_await ask<wire::ResponseHeaders>(payload);
      if (kind == "response_body_chunk") co_await ask<wire::ResponseBodyChunk>(payload);
      if (kind == "websocket_frame") co_await ask<wire::WebSocketFrame>(payload);
      if (kind == "guardrail_inspect") co_await ask<wire::GuardrailInspect>(payload);
      if (kind == "request_complete") complete(payload);
    }
  }
  [[nodiscard]] const std::string& answers() const noexcept { return answers_; }

 private:
  void add(const std::string& answer) { answers_ += (answers_.empty() ? "" : ",") + answer; }
  void add_error(const base::Error& error) { add(fmt::format("{{\"error\":{}}}", json_text(error.message()))); }

  template <class Event>
  transport::Task<void> ask(const std::string& payload) {
    base::Arena arena;
    auto event = wire::decode<Event>({}, payload, arena);
    if (!event) {
      add_error(event.error());
      co_return;
    }
    pool::Call call = exchange_.call(*event);
    const auto response = co_await call;
    response ? add(wire::to_json(**response)) : add_error(response.error());
  }
  void complete(const std::string& payload) {
    base::Arena arena;
    const auto summary = wire::decode<wire::RequestComplete>({}, payload, arena);
    if (!summary) return add_error(summary.error());
    exchange_.complete(*summary);
    add("null");  // nobody waits for the answer to this one
  }

  pool::Exchange exchange_;
  const base::CorrelationId& id_;
  std::string answers_;
};

transport::Task<void> play_all(pool::AgentPool& pool, pool::Agent& agent, const wire::Value& cases,
                               std::optional<base::Status>& outcome) {
  const base::Deadline deadline = base::Deadline::after(pool.worker().now(), std::chrono::seconds{5});
  auto ready = co_await pool.ready(agent, deadline);
  if (ready) {
    for (const wire::Value& exchange : *cases.get<wire::Value::List>()) {
      const base::MintedId id = pool.worker().ids().mint();
      Player player{pool, agent, id};
      co_await player.play(*exchange.find("events"));
      fmt::print("{{\"exchange\":{},\"id\":\"{}\",\"answers\":[{}]}}\n", json_text(text_of(exchange, "exchange")),
                 id.text(), player.answers());
    }
  }
  outcome = std::move(ready);
}

int run(const Options& options) {
  std::ifstream file{options.cases};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  base::Arena arena;
  const auto cases = wire::parse_json(text, arena);
  if (!cases) {
    fmt::print(stderr, "{}: {}\n", options.cases, cases.error().message());
    return 2;
  }
  transport::Worker worker;
  pool::AgentPool pool{worker, {.connections_per_agent = 1, .request_timeout = std::chrono::seconds{5}}};
  pool::AgentSpec spec{.id = "agent",
                       .endpoint = options.agent,
                       .encodings = {options.encoding == "json" ? wire::Encoding::json : wire::Encoding::msgpack},
                       .events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk,
                                  wire::EventKind::response_headers, wire::EventKind::response_body_chunk,
                                  wire::EventKind::websocket_frame, wire::EventKind::guardrail_inspect},
                       .config_json = options.config,
                       // The crate serves no guardrails, says so, and leaves such a question without an answer.
                       .declared_events_only = true};
  const auto agent = pool.add_agent(spec);
  if (!agent) {
    fmt::print(stderr, "{}\n", agent.error().message());
    return 2;
  }
  std::optional<base::Status> outcome;
  transport::spawn(play_all(pool, agent->get(), *cases, outcome));
  while (!outcome) worker.turn(base::TimePoint::max());
  worker.turn(base::Clock::now());  // the last farewell goes out
  if (!*outcome) fmt::print(stderr, "{}\n", outcome->error().message());
  return *outcome ? 0 : 1;
}

}  // namespace
}  // namespace picket::interop

int main(int argc, char** argv) {
  picket::interop::Options options;
  CLI::App app{"Plays interop/cases.json to an agent through Picket's pool"};
  app.add_option("--agent", options.agent)->required();
  app.add_option("--cases", options.cases)->required();
  app.add_option("--encoding", options.encoding)->check(CLI::IsMember({"json", "msgpack"}));
  app.add_option("--config", options.config);
  CLI11_PARSE(app, argc, argv);
  return picket::interop::run(options);
}
