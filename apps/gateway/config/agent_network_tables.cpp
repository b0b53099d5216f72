#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/agent_tables.hpp"
#include "picket/base/host_name.hpp"
#include "picket/pool/reverse/rules.hpp"

/// How an agent is reached, and in which dialect.
namespace picket::apps::gateway::config::tables {
namespace {

void set_socket(Reader& reader, const Setting& setting, std::optional<std::string> path, AgentTransport transport,
                AgentDraft& out) {
  path = reader.as_socket_path(setting, std::move(path));
  if (!path) return;
  out.agent.transport = transport;
  out.agent.path = std::move(*path);
}

void read_socket(Reader& reader, const Setting& setting, AgentTransport transport, AgentDraft& out) {
  set_socket(reader, setting, reader.path(setting), transport, out);
}

void set_address(Reader& reader, const Setting& setting, std::string text, AgentTransport transport, AgentDraft& out) {
  const auto address = parse_address(text, Hosts::names_too);
  if (!address && !base::is_service_name(text))
    return reader.report(setting.value->at, address.error().message, address.error().hint);
  if (address && base::is_service_name(address->host))
    return reader.report(setting.value->at,
                         fmt::format("the records of the service \"{}\" say the port", address->host),
                         fmt::format("write \"{}\"", address->host));
  out.agent.transport = transport;
  out.agent.is_named = !parse_address(text, Hosts::numbers);
  out.agent.address = std::move(text);
}

struct GrpcScheme {
  std::string_view text;
  AgentTransport transport;
};
/// As existing files spell it, and as command lines do.
constexpr std::array grpc_schemes{
    GrpcScheme{"unix:", AgentTransport::grpc_unix}, GrpcScheme{"grpc+unix:", AgentTransport::grpc_unix},
    GrpcScheme{"https://", AgentTransport::grpcs},  GrpcScheme{"grpcs:", AgentTransport::grpcs},
    GrpcScheme{"http://", AgentTransport::grpc},    GrpcScheme{"grpc:", AgentTransport::grpc}};

constexpr std::string_view agents_own = "write the name in the agent's certificate, without port";
constexpr Key<AgentTls> tls_keys[] = {
    {{"ca-cert"}, ValueRule<AgentTls>{read_file<&AgentTls::ca_file>}},
    {{"client-cert"}, ValueRule<AgentTls>{read_file<&AgentTls::certificate_file>}},
    {{"client-key"}, ValueRule<AgentTls>{read_file<&AgentTls::key_file>}},
    {{"sni"}, ValueRule<AgentTls>{read_server_name<AgentTls, agents_own>}},
};

constexpr Word dialects[] = {{"v1", static_cast<int>(session::Dialect::v1)},
                             {"site", static_cast<int>(session::Dialect::site)}};

}  // namespace

void read_binary_uds(Reader& reader, const Setting& setting, AgentDraft& out) {
  read_socket(reader, setting, AgentTransport::binary_uds, out);
}

void read_unix_socket(Reader& reader, const Setting& setting, AgentDraft& out) {
  read_socket(reader, setting, AgentTransport::unix_socket, out);
}

void read_tcp(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (auto text = reader.text(setting)) set_address(reader, setting, std::move(*text), AgentTransport::tcp, out);
}

void read_grpc(Reader& reader, const Setting& setting, AgentDraft& out) {
  const auto text = reader.text(setting);
  if (!text) return;
  const auto* const scheme =
      std::ranges::find_if(grpc_schemes, [&](const GrpcScheme& one) { return text->starts_with(one.text); });
  if (scheme == grpc_schemes.end())
    return reader.report(setting.value->at, fmt::format("\"{}\" does not say how the agent is reached", *text),
                         "write \"https://HOST:PORT\", \"http://HOST:PORT\" or \"unix:/run/agent.sock\"");
  std::string address = text->substr(scheme->text.size());
  if (scheme->transport == AgentTransport::grpc_unix)
    return set_socket(reader, setting, reader.path_of(setting, address), scheme->transport, out);
  set_address(reader, setting, std::move(address), scheme->transport, out);
  if (out.agent.transport == AgentTransport::grpcs && !out.agent.tls) out.agent.tls.emplace();
}

/// Ids under which the agent dials; without any its own, which is known later.
void read_reverse(Reader& reader, const kdl::Node& node, AgentDraft& out) {
  out.agent.transport = AgentTransport::reverse;
  if (node.arguments.empty()) {
    reader.check(node, {});
    return;
  }
  for (const kdl::Name& ids : reader.texts(node)) {
    const auto problem = pool::reverse::pattern_problem(ids.text);
    if (problem) reader.report(ids.at, *problem, "write an agent's id, or its beginning and a *: \"edge-*\"");
    out.reverse.push_back(ids);
  }
}

void read_agent_tls(Reader& reader, const Block& block, AgentDraft& out) {
  AgentTls& tls = out.agent.tls.emplace();
  const std::size_t problems = reader.problems();
  reader.block(block, agent_tls(), tls);
  if (problems == reader.problems() && tls.certificate_file.empty() != tls.key_file.empty())
    reader.report(block.at, "a client certificate and its key go together", "write both client-cert and client-key");
}

/// Says of each key whether it fits the others.
void check_network(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  const kdl::Node* const tcp = child_of(node, "tcp");
  const kdl::Node* const grpc = child_of(node, "grpc");
  const kdl::Node* const tls = child_of(node, "tls");
  const AgentTransport transport = draft.agent.transport;
  const bool is_local = tcp == nullptr && (grpc == nullptr || transport == AgentTransport::grpc_unix);
  for (const kdl::Node* key : {tls, child_of(node, "insecure")})
    if (key != nullptr && is_local)
      reader.report(key->name.at, fmt::format("\"{}\" has no effect here", key->name.text),
                    "it goes with tcp \"HOST:PORT\" and grpc \"https://HOST:PORT\"; remove it");
  // Of an address that could not be read something else is said.
  if (is_local || (tcp == nullptr && transport != AgentTransport::grpc && transport != AgentTransport::grpcs)) return;
  if (transport == AgentTransport::grpc && tls != nullptr)
    return reader.report(tls->name.at, "tls { } contradicts http://", "write https://, or remove tls { }");
  const bool is_secured = tls != nullptr || transport == AgentTransport::grpcs;
  if (is_secured && draft.agent.insecure)
    reader.report(child_of(node, "insecure")->name.at,
                  fmt::format("\"insecure\" contradicts {}", tls != nullptr ? "tls { }" : "https://"), "keep one");
  if (!is_secured && !draft.agent.insecure && reader.complete())
    reader.report((tcp != nullptr ? tcp : grpc)->name.at,
                  "this agent would be spoken to in clear: who is on the way reads all and can answer",
                  tcp != nullptr ? "add tls { ca-cert \"ca.pem\" }, or insecure #true if that is meant"
                                 : "write https://, or add insecure #true if that is meant");
}

/// They name the version as well, of which there is one here.
void read_protocol_version(Reader& reader, const Setting& setting, AgentDraft&) {
  if (reader.number(setting, 1, 2, "").value_or(2) == 1)
    reader.report(setting.value->at, "version 1 of the protocol is a dialect here",
                  "write dialect \"v1\" in its place");
}

void read_dialect(Reader& reader, const Setting& setting, AgentDraft& out) {
  if (const auto dialect = reader.choice(setting, dialects))
    out.agent.dialect = static_cast<session::Dialect>(*dialect);
}

/// Dialects are of sockets that the gateway dials; and one of them has no word for a configuration.
void check_dialect(Reader& reader, const kdl::Node& node, const AgentDraft& draft) {
  const kdl::Node* const key = child_of(node, "dialect");
  if (key == nullptr || !draft.agent.dialect) return;
  const bool is_dialled = draft.agent.transport != AgentTransport::reverse;
  if (child_of(node, "grpc") != nullptr || !is_dialled)
    return reader.report(key->name.at, "\"dialect\" has no effect here",
                         "dialects are spoken on sockets that the gateway dials: unix-socket, tcp; remove it");
  const kdl::Node* const config = child_of(node, "config");
  if (config != nullptr && draft.agent.dialect == session::Dialect::site)
    reader.report(config->name.at, "the dialect \"site\" has no way to give an agent its configuration",
                  "remove config { }, and configure the agent by its own means");
}

Keys<AgentTls> agent_tls() { return tls_keys; }

}  // namespace picket::apps::gateway::config::tables
