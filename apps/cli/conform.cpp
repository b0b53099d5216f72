#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <regex>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/commands.hpp"
#include "apps/cli/conform/agents/rules.hpp"
#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/run.hpp"
#include "apps/cli/reception.hpp"
#include "picket/transport/dns/look_up.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::cli {
namespace {

using conform::Report;
using conform::Verdict;
using wire::Encoding;

struct ConformOptions {
  std::string subject;
  AgentAddress agent;
  std::vector<std::string> agents;
  std::string listen;
  std::string dial;
  std::string upstream;
  std::string token_file;
  std::vector<std::string> encodings;
  std::vector<std::string> headers;
  std::string only;
  std::string junit;
  bool list = false;
  conform::Options test;
};

int usage(std::string_view what) {
  fmt::print(stderr, "picket conform: {}\n", what);
  return exit_usage;
}

base::Result<std::regex> expression(const std::string& text) {
  try {
    return std::regex{text};
  } catch (const std::regex_error& error) {
    return base::fail(base::ErrorKind::invalid_message, fmt::format("--only {}: {}", text, error.what()));
  }
}

/// Whether any rule is asked for.
template <class Subject>
bool finds_any(std::span<const conform::Rules<Subject>> themes, const std::regex& only) {
  return std::ranges::any_of(themes, [&](const conform::Rules<Subject>& rules) {
    return std::ranges::any_of(
        rules, [&](const auto& rule) { return std::regex_search(rule.id.begin(), rule.id.end(), only); });
  });
}

template <class Subject>
int list(std::span<const conform::Rules<Subject>> themes, const std::regex& only) {
  for (const auto& rules : themes)
    for (const auto& rule : rules)
      if (std::regex_search(rule.id.begin(), rule.id.end(), only))
        fmt::print("{:32} §{:<3} {}\n", rule.id, rule.section, rule.sentence);
  return exit_done;
}

/// What is spoken on sockets, of that which is asked for.
std::vector<Encoding> wanted_encodings(const ConformOptions& options) {
  std::vector<Encoding> wanted;
  for (const Encoding encoding : {Encoding::json, Encoding::msgpack})
    if (options.encodings.empty() ||
        std::ranges::find(options.encodings, conform::name_of(encoding)) != options.encodings.end())
      wanted.push_back(encoding);
  return wanted;
}

std::vector<Encoding> encodings_at(const transport::Endpoint& endpoint, const ConformOptions& options) {
  if (endpoint.carrier() == transport::Carrier::grpc) return {Encoding::protobuf};
  return wanted_encodings(options);
}

/// The secret is the file's first line.
base::Status read_token(ConformOptions& options) {
  if (options.token_file.empty()) return {};
  std::ifstream file{options.token_file};
  std::string token;
  if (!std::getline(file, token) || token.empty())
    return base::fail(base::ErrorKind::io,
                      fmt::format("--token-file {}: there is no secret in it", options.token_file));
  options.test.token = std::move(token);
  return {};
}

base::Status read_config(const ConformOptions& options) {
  base::Arena arena;
  if (!options.test.config) return {};
  if (const auto config = wire::parse_json(*options.test.config, arena); !config)
    return base::fail(base::ErrorKind::invalid_message,
                      fmt::format("--config {}: {}", *options.test.config, config.error().detail()));
  return {};
}

base::Status add_headers(ConformOptions& options) {
  for (const std::string& header : options.headers) {
    const std::size_t colon = header.find(':');
    if (colon == std::string::npos || colon == 0)
      return base::fail(base::ErrorKind::invalid_message, fmt::format("--header {}: expected NAME:VALUE", header));
    const std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
    options.test.headers.emplace_back(header.substr(0, colon), header.substr(value));
  }
  return {};
}

transport::ClearText clear_text(const ConformOptions& options) {
  return options.agent.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
}

/// Where a peer is; of a name at the first of its addresses.
base::Result<transport::Destination> find_peer(transport::Worker& worker, const std::string& address,
                                               transport::Carriers carriers, const ConformOptions& options) {
  auto endpoint = transport::Endpoint::parse(address, clear_text(options), transport::Hosts::names_too, carriers);
  if (!endpoint) return std::move(endpoint.error());
  auto named = transport::Destination::make(std::move(*endpoint), options.agent.tls);
  if (!named || !named->endpoint().is_name()) return named;
  std::optional<transport::dns::Findings> findings;
  const transport::dns::LookUp look_up{worker, transport::dns::Options{}, named->endpoint(),
                                       [&](transport::dns::Findings found) { findings.emplace(std::move(found)); }};
  while (!findings) worker.turn(base::TimePoint::max());
  if (findings->places.empty()) return std::move(*findings->problem);
  return named->at(findings->places.front().address);
}

void test_agent(std::unique_ptr<conform::agents::Reach> reach, conform::Dialler dialler,
                const transport::Endpoint& endpoint, const ConformOptions& options, const std::regex& only,
                Report& report) {
  conform::agents::Agent agent{std::move(reach), dialler, endpoint.carrier(), options.test};
  const auto themes = conform::agents::agent_rules();
  for (const Encoding encoding : encodings_at(endpoint, options))
    conform::test_all<conform::agents::Agent>(agent, themes, only, {.dialler = dialler, .encoding = encoding}, report);
}

base::Status test_agent_at(transport::Worker& worker, const std::string& address, const ConformOptions& options,
                           const std::regex& only, Report& report) {
  auto destination = find_peer(worker, address, transport::Carriers::all, options);
  if (!destination) return std::move(destination.error());
  const transport::Endpoint endpoint = destination->endpoint();
  auto reach = std::make_unique<conform::agents::Dialling>(worker, std::move(*destination), options.test);
  test_agent(std::move(reach), conform::Dialler::proxy, endpoint, options, only, report);
  return {};
}

base::Result<std::optional<transport::Endpoint>> http_endpoint(const std::string& address) {
  if (address.empty()) return std::optional<transport::Endpoint>{};
  auto endpoint = transport::Endpoint::parse("tcp:" + address, transport::ClearText::allowed);
  if (!endpoint) return endpoint.error();
  return std::optional{std::move(*endpoint)};
}

struct Listening {
  transport::Listener listener;
  std::shared_ptr<const transport::tls::Context> tls;
  transport::Carrier carrier;
};

/// Where a peer dials.
base::Result<Listening> listen(transport::Worker& worker, transport::Carriers carriers, const ConformOptions& options) {
  const auto endpoint =
      transport::Endpoint::parse(options.listen, clear_text(options), transport::Hosts::numbers, carriers);
  if (!endpoint) return endpoint.error();
  auto tls = listening_context(*endpoint, options.agent.tls);
  if (!tls) return std::move(tls.error());
  auto listener = transport::Listener::open(worker, *endpoint, {});
  if (!listener) return std::move(listener.error());
  return Listening{.listener = std::move(*listener), .tls = std::move(*tls), .carrier = endpoint->carrier()};
}

base::Result<std::unique_ptr<conform::proxies::Meeting>> meet_proxy(transport::Worker& worker,
                                                                    const ConformOptions& options) {
  using Meeting = std::unique_ptr<conform::proxies::Meeting>;
  if (options.dial.empty()) {
    auto listening = listen(worker, transport::Carriers::all, options);
    if (!listening) return std::move(listening.error());
    auto accepting = std::make_unique<conform::proxies::Accepting>(worker, std::move(listening->listener),
                                                                   std::move(listening->tls));
    if (listening->carrier == transport::Carrier::grpc)
      return Meeting{std::make_unique<conform::proxies::GrpcListening>(std::move(accepting))};
    return Meeting{std::make_unique<conform::proxies::Listening>(std::move(accepting))};
  }
  auto destination = find_peer(worker, options.dial, transport::Carriers::frames, options);
  if (!destination) return std::move(destination.error());
  return Meeting{std::make_unique<conform::proxies::Joining>(worker, std::move(*destination), options.test.patience)};
}

/// The upstream that the tool plays; null where it does not.
base::Result<std::unique_ptr<conform::proxies::Origin>> open_origin(transport::Worker& worker,
                                                                    const ConformOptions& options) {
  using Origin = std::unique_ptr<conform::proxies::Origin>;
  if (options.upstream.empty()) return Origin{};
  const auto endpoint = transport::Endpoint::parse("tcp:" + options.upstream, transport::ClearText::allowed);
  if (!endpoint) return endpoint.error();
  auto listener = transport::Listener::open(worker, *endpoint, {});
  if (!listener) return std::move(listener.error());
  return std::make_unique<conform::proxies::Origin>(
      std::make_unique<conform::proxies::Accepting>(worker, std::move(*listener), nullptr));
}

base::Status test_proxy(transport::Worker& worker, const ConformOptions& options, const std::regex& only,
                        Report& report) {
  const auto http = http_endpoint(options.test.http);
  if (!http) return http.error();
  auto origin = open_origin(worker, options);
  if (!origin) return std::move(origin.error());
  auto meeting = meet_proxy(worker, options);
  if (!meeting) return std::move(meeting.error());
  const conform::Dialler dialler = (*meeting)->dialler();
  const bool is_grpc = (*meeting)->carrier() == transport::Carrier::grpc;
  conform::proxies::Proxy proxy{worker, std::move(*meeting), *http, std::move(*origin), options.test};
  const auto themes = conform::proxies::proxy_rules();
  const std::vector<Encoding> encodings = is_grpc ? std::vector{Encoding::protobuf} : wanted_encodings(options);
  for (const Encoding encoding : encodings)
    conform::test_all<conform::proxies::Proxy>(proxy, themes, only, {.dialler = dialler, .encoding = encoding}, report);
  return {};
}

base::Status test_agents(transport::Worker& worker, const ConformOptions& options, const std::regex& only,
                         Report& report) {
  for (const std::string& address : options.agents) PICKET_TRY(test_agent_at(worker, address, options, only, report));
  if (options.listen.empty()) return {};
  auto listening = listen(worker, transport::Carriers::frames, options);
  if (!listening) return std::move(listening.error());
  const transport::Endpoint endpoint = listening->listener.endpoint();
  auto reach = std::make_unique<conform::agents::Registrations>(worker, std::move(listening->listener),
                                                                std::move(listening->tls), options.test);
  test_agent(std::move(reach), conform::Dialler::agent, endpoint, options, only, report);
  return {};
}

/// A test of nothing would be green for whoever has misspelt what to test.
bool has_tested(const Report& report) {
  return report.count(Verdict::passed) + report.count(Verdict::failed) + report.count(Verdict::skipped) != 0;
}

int finish(const Report& report, const ConformOptions& options) {
  if (!has_tested(report))
    return usage(fmt::format("--only {}: none of its rules is of such a connection", options.only));
  report.print_sum();
  if (!options.junit.empty()) {
    if (const auto written = report.write_junit(options.junit); !written) return usage(written.error().detail());
  }
  return report.count(Verdict::failed) == 0 ? exit_done : exit_different;
}

/// What is wrong with the addresses, for people; empty: nothing.
std::string_view place_problem(const ConformOptions& options, bool is_agent) {
  if (is_agent && !options.listen.empty() && !options.agents.empty())
    return "an agent that is dialled has --agent, one that dials has --listen: say one of them";
  if (is_agent && !options.dial.empty()) return "--dial is for proxies; an agent that is dialled has --agent";
  if (is_agent && options.agents.empty() && options.listen.empty())
    return "--agent is required, where the agent is, or --listen, where it dials";
  if (!is_agent && options.listen.empty() == options.dial.empty())
    return "--listen is required, where the proxy finds its agent, or --dial, where agents register with it";
  if (!options.dial.empty() && options.test.agent_id.empty()) return "--dial needs --agent-id, which the proxy expects";
  return {};
}

int conform_to_rules(ConformOptions options) {
  const auto only = expression(options.only);
  if (!only) return usage(only.error().detail());
  const bool is_agent = options.subject == "agent";
  const bool has_rules = is_agent ? finds_any<conform::agents::Agent>(conform::agents::agent_rules(), *only)
                                  : finds_any<conform::proxies::Proxy>(conform::proxies::proxy_rules(), *only);
  if (!has_rules) return usage(fmt::format("--only {}: no rule has such an id; --list has them all", options.only));
  if (const auto config = read_config(options); !config) return usage(config.error().detail());
  if (options.list)
    return is_agent ? list<conform::agents::Agent>(conform::agents::agent_rules(), *only)
                    : list<conform::proxies::Proxy>(conform::proxies::proxy_rules(), *only);
  if (const auto problem = place_problem(options, is_agent); !problem.empty()) return usage(problem);
  if (const auto read = read_token(options); !read) return usage(read.error().detail());
  if (const auto added = add_headers(options); !added) return usage(added.error().detail());
  transport::Worker worker{{.busy_polling = false}};
  Report report{options.subject, isatty(STDOUT_FILENO) != 0};
  try {
    const auto tested =
        is_agent ? test_agents(worker, options, *only, report) : test_proxy(worker, options, *only, report);
    if (!tested) return usage(tested.error().detail());
  } catch (const conform::Unreachable& gone) {
    report.print_sum();
    fmt::print(stderr, "picket conform: {}\n", gone.what());
    return exit_failed;
  }
  return finish(report, options);
}

}  // namespace

void add_conform(CLI::App& app, int& exit_code) {
  auto* const command =
      app.add_subcommand("conform", "Test whether an agent, or a proxy, keeps the rules of the protocol");
  auto options = std::make_shared<ConformOptions>();
  command->add_option("SUBJECT", options->subject, "What is tested: agent or proxy")
      ->required()
      ->check(CLI::IsMember({"agent", "proxy"}));
  command->add_option("--agent", options->agents, "Where the agent is, as picket call has it; may be repeated")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--listen", options->listen,
          "Where the proxy finds its agent: unix:PATH, tls:IP:PORT, grpc+unix:PATH, grpcs:IP:PORT; with --insecure "
          "tcp:IP:PORT, grpc:IP:PORT; or where an agent that dials finds its proxy: not on gRPC")
      ->type_name("ADDRESS");
  command->add_option("--dial", options->dial, "Where agents register with the proxy, in place of --listen")
      ->type_name("ADDRESS");
  command->add_option("--agent-id", options->test.agent_id, "Id to register under with --dial")->type_name("ID");
  command
      ->add_option("--token-file", options->token_file,
                   "File with the secret that is registered with, or that an agent has to register with")
      ->type_name("FILE");
  command->add_option("--http", options->test.http, "Where the proxy takes requests; without it, it is sent none")
      ->type_name("IP:PORT");
  command
      ->add_option("--upstream", options->upstream,
                   "Where the proxy's upstream is, which the tool plays; without it nobody sees what goes on")
      ->type_name("IP:PORT");
  add_clear_text_options(*command, options->agent);
  command->add_option("--encoding", options->encodings, "Of sockets, only this: json or msgpack; default: both")
      ->type_name("ENCODING")
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"json", "msgpack"}));
  command->add_option("--config", options->test.config, "Configuration that the agent needs, as JSON")
      ->type_name("JSON");
  command->add_option("-H,--header", options->headers, "Field that makes the agent block or change something")
      ->type_name("NAME:VALUE")
      ->allow_extra_args(false);
  command->add_flag("--undeclared", options->test.undeclared, "Send the kinds of events that it does not declare, too");
  command->add_flag("--slow", options->test.slow, "Test what takes long, too");
  auto timeout = std::make_shared<std::optional<std::chrono::milliseconds>>();
  command
      ->add_option("--timeout-ms", *timeout,
                   "For each connection and each answer; default: 5000, and 75000 for agents that dial to come back")
      ->type_name("N");
  command->add_option("--only", options->only, "Only rules whose id this regular expression finds")->type_name("REGEX");
  command->add_flag("--list", options->list, "Print the rules, test nothing");
  command->add_option("--junit", options->junit, "Write the outcome as JUnit XML, too")->type_name("FILE");
  command->footer(
      "Exit codes: 0 no rule is broken, 3 one is, 1 the peer cannot be reached, 2 wrong command line.\n"
      "Example: picket conform agent --agent unix:/run/picket/waf.sock --header 'x-evil: yes'\n"
      "Example: picket conform agent --listen unix:/tmp/proxy.sock\n"
      "Example: picket conform proxy --listen unix:/tmp/agent.sock --http 127.0.0.1:8080 --upstream 127.0.0.1:8081\n"
      "Example: picket conform proxy --dial unix:/run/picket/agents.sock --agent-id edge-1 --http 127.0.0.1:8080");
  command->callback([=, &exit_code] {
    if (*timeout) options->test.patience = options->test.return_patience = **timeout;
    exit_code = conform_to_rules(*options);
  });
}

}  // namespace picket::apps::cli
