#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>
#include <regex>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/commands.hpp"
#include "apps/cli/conform/agents/rules.hpp"
#include "apps/cli/conform/proxies/rules.hpp"
#include "apps/cli/conform/run.hpp"
#include "picket/transport/dns/look_up.hpp"

namespace picket::apps::cli {
namespace {

using conform::Report;
using conform::Verdict;
using wire::Encoding;

struct ConformOptions {
  std::string subject;
  AgentAddress agent;
  std::vector<std::string> addresses;
  std::string listen;
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

template <class Subject>
int list(std::span<const conform::Rules<Subject>> themes, const std::regex& only) {
  for (const auto& rules : themes)
    for (const auto& rule : rules)
      if (std::regex_search(rule.id.begin(), rule.id.end(), only))
        fmt::print("{:32} §{:<3} {}\n", rule.id, rule.section, rule.sentence);
  return exit_done;
}

/// What is spoken at an endpoint, of that which is asked for.
std::vector<Encoding> encodings_at(const transport::Endpoint& endpoint, const ConformOptions& options) {
  if (endpoint.carrier() == transport::Carrier::grpc) return {Encoding::protobuf};
  std::vector<Encoding> wanted;
  for (const Encoding encoding : {Encoding::json, Encoding::msgpack})
    if (options.encodings.empty() ||
        std::ranges::find(options.encodings, conform::name_of(encoding)) != options.encodings.end())
      wanted.push_back(encoding);
  return wanted;
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

/// Where an agent is; of a name at the first of its addresses.
base::Result<transport::Destination> find_agent(transport::Worker& worker, const std::string& address,
                                                const AgentAddress& spoken) {
  const auto clear_text = spoken.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  auto endpoint = transport::Endpoint::parse(address, clear_text, transport::Hosts::names_too);
  if (!endpoint) return std::move(endpoint.error());
  auto named = transport::Destination::make(std::move(*endpoint), spoken.tls);
  if (!named || !named->endpoint().is_name()) return named;
  std::optional<transport::dns::Findings> findings;
  const transport::dns::LookUp look_up{worker, transport::dns::Options{}, named->endpoint(),
                                       [&](transport::dns::Findings found) { findings.emplace(std::move(found)); }};
  while (!findings) worker.turn(base::TimePoint::max());
  if (findings->places.empty()) return std::move(*findings->problem);
  return named->at(findings->places.front().address);
}

base::Status test_agent(transport::Worker& worker, const std::string& address, const ConformOptions& options,
                        const std::regex& only, Report& report) {
  auto destination = find_agent(worker, address, options.agent);
  if (!destination) return std::move(destination.error());
  const transport::Endpoint endpoint = destination->endpoint();
  conform::agents::Agent agent{worker, std::move(*destination), options.test};
  const auto themes = conform::agents::agent_rules();
  for (const Encoding encoding : encodings_at(endpoint, options))
    conform::test_all<conform::agents::Agent>(agent, themes, only, encoding, report);
  return {};
}

base::Result<std::optional<transport::Endpoint>> http_endpoint(const std::string& address) {
  if (address.empty()) return std::optional<transport::Endpoint>{};
  auto endpoint = transport::Endpoint::parse("tcp:" + address, transport::ClearText::allowed);
  if (!endpoint) return endpoint.error();
  return std::optional{std::move(*endpoint)};
}

/// What a proxy is shown that dials; null where it does so in clear.
base::Result<std::shared_ptr<const transport::tls::Context>> listening_context(
    const transport::Endpoint& endpoint, const transport::tls::ClientOptions& files) {
  if (!endpoint.is_tls()) return std::shared_ptr<const transport::tls::Context>{};
  transport::tls::ServerOptions tls;
  tls.certificate_file = files.certificate_file;
  tls.key_file = files.key_file;
  tls.client_ca_file = files.ca_file;
  if (!files.ca_file.empty()) tls.client_certificate = transport::tls::ClientCertificate::required;
  return transport::tls::Context::server(tls);
}

base::Status test_proxy(transport::Worker& worker, const ConformOptions& options, const std::regex& only,
                        Report& report) {
  const auto clear_text = options.agent.insecure ? transport::ClearText::allowed : transport::ClearText::refused;
  const auto endpoint = transport::Endpoint::parse(options.listen, clear_text);
  if (!endpoint) return endpoint.error();
  if (endpoint->carrier() == transport::Carrier::grpc)
    return base::fail(base::ErrorKind::connection_failed,
                      fmt::format("--listen {}: proxies are tested at unix:PATH or tls:IP:PORT, or with --insecure at "
                                  "tcp:IP:PORT",
                                  options.listen));
  const auto tls = listening_context(*endpoint, options.agent.tls);
  if (!tls) return tls.error();
  const auto http = http_endpoint(options.test.http);
  if (!http) return http.error();
  auto listener = transport::Listener::open(worker, *endpoint, {});
  if (!listener) return listener.error();
  conform::proxies::Proxy proxy{worker, std::move(*listener), *tls, *http, options.test};
  const auto themes = conform::proxies::proxy_rules();
  for (const Encoding encoding : encodings_at(*endpoint, options))
    conform::test_all<conform::proxies::Proxy>(proxy, themes, only, encoding, report);
  return {};
}

base::Status test_agents(transport::Worker& worker, const ConformOptions& options, const std::regex& only,
                         Report& report) {
  for (const std::string& address : options.addresses) PICKET_TRY(test_agent(worker, address, options, only, report));
  return {};
}

int finish(const Report& report, const ConformOptions& options) {
  report.print_sum();
  if (!options.junit.empty()) {
    if (const auto written = report.write_junit(options.junit); !written) return usage(written.error().detail());
  }
  return report.count(Verdict::failed) == 0 ? exit_done : exit_different;
}

int conform_to_rules(ConformOptions options) {
  const auto only = expression(options.only);
  if (!only) return usage(only.error().detail());
  const bool is_agent = options.subject == "agent";
  if (options.list)
    return is_agent ? list<conform::agents::Agent>(conform::agents::agent_rules(), *only)
                    : list<conform::proxies::Proxy>(conform::proxies::proxy_rules(), *only);
  if (is_agent && options.addresses.empty()) return usage("--address is required: where the agent is");
  if (!is_agent && options.listen.empty()) return usage("--listen is required: where the proxy finds its agent");
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
  command->add_option("--address", options->addresses, "Where the agent is, as picket call has it; may be repeated")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  command
      ->add_option("--listen", options->listen,
                   "Where the proxy finds its agent: unix:PATH, tls:IP:PORT; with --insecure tcp:IP:PORT")
      ->type_name("ADDRESS");
  command->add_option("--http", options->test.http, "Where the proxy takes requests; without it, it is sent none")
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
  auto timeout = std::make_shared<std::chrono::milliseconds>(5000);
  command->add_option("--timeout-ms", *timeout, "For each connection and each answer")
      ->type_name("N")
      ->default_str("5000");
  command->add_option("--only", options->only, "Only rules whose id this regular expression finds")->type_name("REGEX");
  command->add_flag("--list", options->list, "Print the rules, test nothing");
  command->add_option("--junit", options->junit, "Write the outcome as JUnit XML, too")->type_name("FILE");
  command->footer(
      "Exit codes: 0 no rule is broken, 3 one is, 1 the peer cannot be reached, 2 wrong command line.\n"
      "Example: picket conform agent --address unix:/run/picket/waf.sock --header 'x-evil: yes'\n"
      "Example: picket conform proxy --listen unix:/tmp/agent.sock --http 127.0.0.1:8080");
  command->callback([=, &exit_code] {
    options->test.patience = *timeout;
    exit_code = conform_to_rules(*options);
  });
}

}  // namespace picket::apps::cli
