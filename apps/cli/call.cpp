#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/commands.hpp"
#include "apps/cli/reception.hpp"
#include "apps/cli/recording/recorder.hpp"
#include "apps/gateway/config/network.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/session/body_event.hpp"
#include "picket/transport/task.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli {
namespace {

using std::chrono::milliseconds;

struct CallOptions {
  AgentAddress agent;
  std::string method;
  std::vector<std::string> headers;
  std::string data;
  bool has_data = false;
  std::string uri;
  std::string client_ip = "127.0.0.1";
  std::string encoding = "msgpack";
  std::string dialect;
  std::optional<std::string> config;
  AgentTimeout timeout;
  bool json = false;
  std::string record;
  bool with_secrets = false;
};

/// What one event brought.
struct Phase {
  std::string name;
  std::chrono::nanoseconds duration{};
  pool::Answer response;
};

struct Outcome {
  base::Status connected;
  std::chrono::nanoseconds connect_duration{};
  std::string agent_name;
  std::vector<Phase> phases;
};

base::Result<std::string> read_body(const CallOptions& options) {
  if (!options.data.starts_with('@')) return options.data;
  if (options.data == "@-") return std::string{std::istreambuf_iterator<char>{std::cin}, {}};
  std::ifstream file{options.data.substr(1), std::ios::binary};
  if (!file) return base::fail(base::ErrorKind::io, fmt::format("cannot read '{}'", options.data.substr(1)));
  return std::string{std::istreambuf_iterator<char>{file}, {}};
}

/// "Name: value" lines as header fields that borrow them.
base::Result<std::vector<wire::Header>> parse_headers(const std::vector<std::string>& lines) {
  std::vector<wire::Header> fields;
  for (const std::string& line : lines) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0)
      return base::fail(base::ErrorKind::invalid_message,
                        fmt::format("'{}' is no header; expected 'name: value'", line));
    std::string_view value{line};
    value.remove_prefix(colon + 1);
    value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
    fields.push_back({std::string_view{line}.substr(0, colon), value});
  }
  return fields;
}

bool goes_on(const pool::Answer& answer) { return answer && std::holds_alternative<wire::Allow>((*answer)->decision); }

/// One exchange as a proxy would have it.
class Caller {
 public:
  Caller(transport::Worker& worker, pool::AgentPool& pool, const CallOptions& options,
         std::vector<wire::Header> headers, std::string body)
      : worker_(worker), pool_(pool), options_(options), headers_(std::move(headers)), body_(std::move(body)) {}

  transport::Task<void> run(pool::Agent& agent, Outcome& outcome) {
    const base::Deadline deadline = base::Deadline::after(worker_.now(), options_.timeout.to_connect(options_.agent));
    const base::TimePoint begin = base::Clock::now();
    auto connected = co_await pool_.ready(agent, deadline);
    outcome.connected = std::move(connected);
    outcome.connect_duration = base::Clock::now() - begin;
    if (outcome.connected) co_await exchange(agent, outcome);
    done_ = true;
  }
  [[nodiscard]] bool done() const noexcept { return done_; }

 private:
  transport::Task<void> exchange(pool::Agent& agent, Outcome& outcome) {
    id_ = worker_.ids().mint();
    exchange_.emplace(pool_.begin(agent, id_));
    wire::RequestHeaders request{.metadata = {.request_id = id_.text(),
                                              .client_ip = options_.client_ip,
                                              .protocol = "HTTP/1.1",
                                              .timestamp = "1970-01-01T00:00:00Z"},
                                 .method = options_.method,
                                 .uri = options_.uri,
                                 .headers = std::span{std::as_const(headers_)}};
    base::TimePoint begin = base::Clock::now();
    auto response = co_await exchange_->request_headers(request);
    outcome.phases.push_back({"request_headers", base::Clock::now() - begin, response});
    if (const auto* const info = exchange_->agent_info()) {
      outcome.agent_name = fmt::format("{} {}", info->name, info->version);
      // Agents of the reference declare heads whatever they handle.
      const bool wants_body = !info->extended || info->wants(wire::EventKind::request_body_chunk);
      const std::uint64_t preferred =
          session::judges_events_alone(*info) ? UINT64_MAX : info->limits.preferred_chunk_size;
      const auto chunk_size = std::clamp<std::uint64_t>(preferred, 1024, session::largest_body_event(*info));
      if (goes_on(response) && options_.has_data && wants_body) co_await send_body(chunk_size, outcome);
    }
    exchange_->complete({});
  }

  transport::Task<void> send_body(std::size_t chunk_size, Outcome& outcome) {
    const base::ByteView all = base::as_bytes(body_);
    const base::TimePoint begin = base::Clock::now();
    std::size_t at = 0;
    std::uint32_t index = 0;
    do {
      const base::ByteView data = all.subspan(at, std::min(chunk_size, all.size() - at));
      at += data.size();
      wire::RequestBodyChunk chunk{.data = data,
                                   .is_last = at == all.size(),
                                   .total_size = all.size(),
                                   .chunk_index = index++,
                                   .bytes_received = at};
      auto response = co_await exchange_->request_body(chunk);
      if (at < all.size() && goes_on(response)) continue;
      outcome.phases.push_back({"request_body", base::Clock::now() - begin, response});
      co_return;
    } while (at < all.size());
  }

  transport::Worker& worker_;
  pool::AgentPool& pool_;
  const CallOptions& options_;
  std::vector<wire::Header> headers_;
  std::string body_;
  base::MintedId id_;
  std::optional<pool::Exchange> exchange_;
  bool done_ = false;
};

std::string json_text(std::string_view text) { return wire::to_json(wire::Value{text}); }

std::string joined(wire::TextList texts) {
  std::string line;
  for (const auto text : texts) line += fmt::format("{}{}", line.empty() ? "" : ", ", text);
  return line;
}

std::string describe(const wire::Decision& decision) {
  if (const auto* const block = std::get_if<wire::Block>(&decision))
    return fmt::format("block {}{}", block->status, block->body ? " " + json_text(*block->body) : "");
  if (const auto* const redirect = std::get_if<wire::Redirect>(&decision))
    return fmt::format("redirect {} to {}", redirect->status, redirect->url);
  if (const auto* const challenge = std::get_if<wire::Challenge>(&decision))
    return fmt::format("challenge {}", challenge->challenge_type);
  return "allow";
}

double milliseconds_of(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void print_text(const Outcome& outcome) {
  const bool colour = ::isatty(STDOUT_FILENO) == 1;
  const auto paint = [&](std::string_view text, bool good) {
    return colour ? fmt::format("\x1b[{}m{}\x1b[0m", good ? 32 : 31, text) : std::string{text};
  };
  const Phase& last = outcome.phases.back();
  fmt::print("agent     {}\n", outcome.agent_name);
  fmt::print("decision  {}\n", last.response ? paint(describe((*last.response)->decision), goes_on(last.response))
                                             : paint("none: " + last.response.error().message(), false));
  fmt::print("phase     {}\n", last.name);
  if (last.response) {
    const wire::AgentResponse& response = **last.response;
    const auto& audit = response.audit;
    if (!audit.rule_ids.empty()) fmt::print("rules     {}\n", joined(audit.rule_ids));
    if (!audit.tags.empty()) fmt::print("tags      {}\n", joined(audit.tags));
    if (!audit.reason_codes.empty()) fmt::print("reasons   {}\n", joined(audit.reason_codes));
    for (const auto& [ops, where] :
         {std::pair{response.request_headers, "request"}, std::pair{response.response_headers, "response"}})
      for (const auto& op : ops) {
        constexpr std::array<std::string_view, 3> verbs{"set", "add", "remove"};
        fmt::print("{:<9} {} {}{}{}\n", where, verbs[static_cast<std::size_t>(op.kind)], op.name,
                   op.value.empty() ? "" : ": ", op.value);
      }
  }
  fmt::print("time      connect {:.2f} ms", milliseconds_of(outcome.connect_duration));
  for (const auto& phase : outcome.phases) fmt::print(", {} {:.2f} ms", phase.name, milliseconds_of(phase.duration));
  fmt::print("\n");
}

void print_json(const Outcome& outcome) {
  std::string phases;
  for (const auto& phase : outcome.phases) {
    const auto result = phase.response ? "\"response\":" + wire::to_json(**phase.response)
                                       : fmt::format("\"error\":{}", json_text(phase.response.error().message()));
    phases += fmt::format("{}{{\"phase\":\"{}\",\"duration_us\":{:.1f},{}}}", phases.empty() ? "" : ",", phase.name,
                          milliseconds_of(phase.duration) * 1000, result);
  }
  fmt::print("{{\"agent\":{},\"connect_us\":{:.1f},\"phases\":[{}]}}\n", json_text(outcome.agent_name),
             milliseconds_of(outcome.connect_duration) * 1000, phases);
}

/// What the tap has written; nothing where nobody listens.
base::Status finish(Recorder* recorder) { return recorder != nullptr ? recorder->finish() : base::Status{}; }

int report(const CallOptions& options, const Outcome& outcome) {
  if (!outcome.connected) {
    fmt::print(stderr, "picket call: {}\n", outcome.connected.error().detail());
    return exit_failed;
  }
  options.json ? print_json(outcome) : print_text(outcome);
  const auto& last = outcome.phases.back().response;
  return !last ? exit_failed : goes_on(last) ? exit_done : exit_not_allowed;
}

pool::AgentSpec spec_of(const CallOptions& options) {
  pool::AgentSpec spec{.id = "agent",
                       .encodings = {wire::Encoding::msgpack, wire::Encoding::json},
                       .events = {wire::EventKind::request_headers},
                       .config_json = options.config};
  set_place(spec, options.agent);
  if (options.encoding == "json") spec.encodings = {wire::Encoding::json};
  if (!options.dialect.empty()) spec.dialect = options.dialect == "v1" ? session::Dialect::v1 : session::Dialect::site;
  if (options.has_data) spec.events.push_back(wire::EventKind::request_body_chunk);
  return spec;
}

int call(const CallOptions& options) {
  auto headers = parse_headers(options.headers);
  auto body = read_body(options);
  for (const auto* const error : {headers ? nullptr : &headers.error(), body ? nullptr : &body.error()})
    if (error != nullptr) {
      fmt::print(stderr, "picket call: {}\n", error->detail());
      return exit_usage;
    }

  std::unique_ptr<Recorder> recorder;
  if (!options.record.empty()) {
    auto opened = Recorder::open(options.record, options.with_secrets);
    if (!opened) {
      fmt::print(stderr, "picket call: {}\n", opened.error().detail());
      return exit_usage;
    }
    recorder = std::move(*opened);
  }
  transport::Worker worker;
  pool::Config config;
  config.connections_per_agent = 1;
  config.request_timeout = options.timeout.of_answers;
  config.connect_timeout = options.timeout.of_answers;
  config.reconnect_interval = milliseconds{100};
  std::optional<pool::AgentPool> pool{std::in_place, worker, config};
  pool::AgentSpec spec = spec_of(options);
  spec.tap = recorder.get();
  auto agent = pool->add_agent(spec);
  if (!agent) {
    fmt::print(stderr, "picket call: {}\n", agent.error().detail());
    return exit_usage;
  }
  std::optional<Reception> reception{std::in_place, worker, *pool};
  if (!options.agent.listen.empty()) {
    if (const auto listens = reception->open(options.agent, spec, 1); !listens) {
      fmt::print(stderr, "picket call: {}\n", listens.error().detail());
      return exit_usage;
    }
  }

  Outcome outcome;
  std::optional<Caller> caller{std::in_place, worker, *pool, options, std::move(*headers), std::move(*body)};
  transport::spawn(caller->run(agent->get(), outcome));
  while (!caller->done()) worker.turn(base::TimePoint::max());
  worker.turn(base::Clock::now());  // the farewell goes out
  const int exit_code = report(options, outcome);
  caller.reset();  // with it the answers go
  reception.reset();
  pool.reset();
  if (auto status = finish(recorder.get()); !status) {
    fmt::print(stderr, "picket call: {}: {}\n", options.record, status.error().detail());
    return exit_failed;
  }
  return exit_code;
}

}  // namespace

void add_call(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("call", "Ask an agent about one request, as a proxy would");
  auto options = std::make_shared<CallOptions>();
  add_agent_options(*command, options->agent);
  command->add_option("-X,--request", options->method, "Method; default GET, or POST with -d")->type_name("METHOD");
  command->add_option("-H,--header", options->headers, "A header; may be repeated")
      ->type_name("'NAME: VALUE'")
      ->allow_extra_args(false);
  auto* const data = command->add_option("-d,--data", options->data, "Body: a text, @FILE, or @- for standard input")
                         ->type_name("BODY");
  command->add_option("--client-ip", options->client_ip, "The client's address, as the agent is told it")
      ->type_name("ADDRESS")
      ->check([](const std::string& text) {
        return gateway::config::IpAddress::parse(text) ? std::string{} : "is no IP address";
      })
      ->capture_default_str();
  command->add_option("--encoding", options->encoding, "Preferred encoding")
      ->check(CLI::IsMember({"json", "msgpack"}))
      ->capture_default_str();
  command
      ->add_option("--dialect", options->dialect,
                   "What the agent speaks in place of the protocol; site is recognised without it")
      ->check(CLI::IsMember({"v1", "site"}));
  command->add_option("--config", options->config, "Configuration to deliver first, as JSON")->type_name("JSON");
  add_timeout_option(*command, options->timeout);
  command->add_flag("--json", options->json, "Print one JSON object");
  auto* const record =
      command->add_option("--record", options->record, "Write all that is said to a file, for picket replay")
          ->type_name("FILE")
          ->excludes("--listen");  // a recording begins with the handshake of a proxy that dials
  command
      ->add_flag("--with-secrets", options->with_secrets, "Mask nothing in it: configuration, Authorization, cookies")
      ->needs(record);
  command->add_option("URI", options->uri, "Request target, e.g. /login?user=1")->required();
  command->footer(
      "Exit codes: 0 allowed, 3 not allowed, 1 no answer, 2 wrong command line.\n"
      "Example: picket call --agent unix:/run/picket/waf.sock \"/?q=' or 1=1--\"\n"
      "Example: picket call --listen unix:/tmp/proxy.sock /");
  command->callback([=, &exit_code] {
    options->has_data = data->count() != 0;
    if (options->method.empty()) options->method = options->has_data ? "POST" : "GET";
    exit_code = call(*options);
  });
}

}  // namespace picket::apps::cli
