// Picket's pool for tools/interop: plays the exchanges of interop/cases.json to an agent that it dials, or that dials
// it under the id "agent", and prints what it answered, one line of JSON per exchange:
// `{"exchange": NAME, "id": ID, "answers": [RESPONSE or {"error": TEXT}, …]}`.

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "picket/pool/agent_pool.hpp"
#include "picket/pool/reverse/listener.hpp"
#include "picket/transport/task.hpp"
#include "picket/wire/codec.hpp"

namespace picket::interop {
namespace {

constexpr std::string_view agent_id = "agent";

struct Options {
  std::string agent;
  std::string listen;
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
                               base::Duration patience, std::optional<base::Status>& outcome) {
  const base::Deadline deadline = base::Deadline::after(pool.worker().now(), patience);
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

pool::AgentSpec spec_of(const Options& options) {
  pool::AgentSpec spec{.id = std::string{agent_id},
                       .endpoint = options.agent,
                       .insecure = options.agent.starts_with("grpc:"),
                       .encodings = {options.encoding == "json" ? wire::Encoding::json : wire::Encoding::msgpack},
                       .events = {wire::EventKind::request_headers, wire::EventKind::request_body_chunk,
                                  wire::EventKind::response_headers, wire::EventKind::response_body_chunk,
                                  wire::EventKind::websocket_frame, wire::EventKind::guardrail_inspect},
                       .config_json = options.config,
                       // The crate serves no guardrails, says so, and leaves such a question without an answer.
                       .declared_events_only = true};
  if (!options.listen.empty()) spec.reverse = {std::string{agent_id}};
  return spec;
}

/// Where the agent dials; open as long as it lives.
class Reception {
 public:
  Reception(transport::Worker& worker, pool::AgentPool& pool)
      : registry_(worker, 1, [&pool](pool::reverse::Connection connection) {
          pool.add_reverse_connection(std::move(connection));
        }) {}
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;
  ~Reception() {
    if (!listener_) return;
    listener_->close();
    while (!listener_->is_over()) registry_.worker().turn(base::Clock::now() + std::chrono::milliseconds{1});
  }

  base::Status open(const std::string& address) {
    auto endpoint = transport::Endpoint::parse(address, transport::ClearText::refused);
    if (!endpoint) return std::move(endpoint.error());
    PICKET_TRY(registry_.use({.claims = {{std::string{agent_id}, {std::string{agent_id}}}}}));
    auto listener = pool::reverse::Listener::open(registry_, {.endpoint = std::move(*endpoint)});
    if (!listener) return std::move(listener.error());
    listener_ = std::move(*listener);
    listener_->start();
    return {};
  }

 private:
  pool::reverse::Registry registry_;
  std::shared_ptr<pool::reverse::Listener> listener_;
};

int fail(const base::Error& error) {
  fmt::print(stderr, "{}\n", error.message());
  return 2;
}

int play(const Options& options, const wire::Value& cases) {
  transport::Worker worker;
  pool::AgentPool pool{worker, {.connections_per_agent = 1, .request_timeout = std::chrono::seconds{5}}};
  Reception reception{worker, pool};
  const auto agent = pool.add_agent(spec_of(options));
  if (!agent) return fail(agent.error());
  if (!options.listen.empty())
    if (const auto listens = reception.open(options.listen); !listens) return fail(listens.error());
  // An agent that dials comes back after a second or two.
  const std::chrono::seconds patience{options.listen.empty() ? 5 : 20};
  std::optional<base::Status> outcome;
  transport::spawn(play_all(pool, agent->get(), cases, patience, outcome));
  while (!outcome) worker.turn(base::TimePoint::max());
  worker.turn(base::Clock::now());  // the last farewell goes out
  if (!*outcome) fmt::print(stderr, "{}\n", outcome->error().message());
  return *outcome ? 0 : 1;
}

int run(const Options& options) {
  std::ifstream file{options.cases};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  base::Arena arena;
  const auto cases = wire::parse_json(text, arena);
  return cases ? play(options, *cases) : fail(cases.error());
}

}  // namespace
}  // namespace picket::interop

int main(int argc, char** argv) {
  picket::interop::Options options;
  CLI::App app{"Plays interop/cases.json to an agent through Picket's pool"};
  CLI::Option_group* const place = app.add_option_group("place");
  place->add_option("--agent", options.agent, "unix:PATH or grpc:IP:PORT");
  place->add_option("--listen", options.listen, "unix:PATH, where the agent dials");
  place->require_option(1);
  app.add_option("--cases", options.cases)->required();
  app.add_option("--encoding", options.encoding)->check(CLI::IsMember({"json", "msgpack"}));
  app.add_option("--config", options.config);
  CLI11_PARSE(app, argc, argv);
  return picket::interop::run(options);
}
