#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of where agents dial.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

void read_reverse_path(Reader& reader, const Setting& setting, ReverseDraft& out) {
  if (auto path = reader.as_socket_path(setting, reader.path(setting))) out.listener.path = std::move(*path);
}

void read_tcp_address(Reader& reader, const Setting& setting, ReverseDraft& out) {
  auto address = reader.listen_address(setting);
  if (!address) return;
  out.listener.host = std::move(address->host);
  out.listener.port = address->port;
  out.address = setting.value->at;
}

constexpr Key<ReverseTls> reverse_tls_keys[] = {
    {{"cert-file", required, "cert-file \"gateway.pem\""}, ValueRule<ReverseTls>{read_file<&ReverseTls::cert_file>}},
    {{"key-file", required, "key-file \"gateway.key\""}, ValueRule<ReverseTls>{read_file<&ReverseTls::key_file>}},
    {{"ca-file"}, ValueRule<ReverseTls>{read_file<&ReverseTls::ca_file>}},
};

void read_tls(Reader& reader, const Block& block, ReverseDraft& out) {
  reader.block(block, reverse_tls(), out.listener.tls.emplace());
}

bool is_pattern(Reader& reader, const kdl::Name& ids) {
  const auto problem = pool::reverse::pattern_problem(ids.text);
  if (problem) reader.report(ids.at, *problem, "write an agent's id, or its beginning and a *: \"edge-*\"");
  return !problem;
}

void read_auth_token(Reader& reader, const kdl::Node& node, ReverseDraft& out) {
  const auto texts = reader.texts(node);
  if (node.broken || texts.size() != node.arguments.size() || texts.empty()) return;
  if (texts.size() != 2)
    return reader.report(node.name.at, "\"auth-token\" takes two texts: the id of an agent and its secret",
                         "auth-token \"edge\" \"${EDGE_TOKEN}\"");
  if (is_pattern(reader, texts[0])) out.listener.auth_tokens.push_back({texts[0].text, texts[1].text});
}

void read_allowed(Reader& reader, const kdl::Node& node, ReverseDraft& out) {
  for (const kdl::Name& ids : reader.texts(node))
    if (is_pattern(reader, ids)) out.listener.allowed_agents.push_back(ids.text);
}

constexpr auto the_listener = &ReverseDraft::listener;

constexpr Key<ReverseDraft> reverse_listener_keys[] = {
    {{"path"}, ValueRule<ReverseDraft>{read_reverse_path}},
    {{"tcp-address"}, ValueRule<ReverseDraft>{read_tcp_address}},
    {{"tls"}, BlockRule<ReverseDraft>{read_tls}},
    {{"insecure"}, boolean<the_listener, &ReverseListener::insecure>()},
    {{"require-auth"}, boolean<the_listener, &ReverseListener::require_auth>()},
    {{"auth-token", many}, NodeRule<ReverseDraft>{read_auth_token}},
    {{"allowed-agents"}, NodeRule<ReverseDraft>{read_allowed}},
    {{"max-connections-per-agent"}, number<the_listener, &ReverseListener::max_connections_per_agent>(1, 1'024)},
    {{"handshake-timeout-secs"}, in_seconds<the_listener, &ReverseListener::handshake_timeout>(3'600)},
    {{"backlog"}, number<the_listener, &ReverseListener::backlog>(1, 65'535)},
};

/// Says of each key whether it fits the others.
void check(Reader& reader, const Block& block, const ReverseListener& listener) {
  const auto place = [&](std::string_view key) -> const kdl::Span* {
    const auto found = std::ranges::find_if(block.nodes, [&](const auto* node) { return node->name.text == key; });
    return found == block.nodes.end() ? nullptr : &(*found)->name.at;
  };
  const auto* const tcp = place("tcp-address");
  const auto* const tls = place("tls");
  const auto* const insecure = place("insecure");
  if (place("path") == nullptr && tcp == nullptr && reader.complete())
    reader.report(block.at, "\"reverse-listener\" says of no place where agents dial",
                  "add path \"/run/picket/agents.sock\" or tcp-address \"0.0.0.0:7001\"");
  for (const auto* const key : {tls, insecure})
    if (key != nullptr && tcp == nullptr)
      reader.report(*key, "this has no effect here", "it goes with tcp-address; remove it");
  if (tcp != nullptr && tls != nullptr && listener.insecure)
    reader.report(*insecure, "\"insecure\" contradicts tls { }", "keep one");
  if (tcp != nullptr && tls == nullptr && !listener.insecure && reader.complete())
    reader.report(
        *tcp, "agents would be spoken to in clear: who is on the way reads all and can answer",
        "add tls { cert-file \"gateway.pem\"; key-file \"gateway.key\" }, or insecure #true if that is meant");
  if (listener.require_auth && place("auth-token") == nullptr && reader.complete())
    reader.report(*place("require-auth"), "\"require-auth\" without any auth-token lets nobody in",
                  "add auth-token with the id of an agent and its secret");
}

}  // namespace

Keys<ReverseDraft> reverse_listener() { return reverse_listener_keys; }
Keys<ReverseTls> reverse_tls() { return reverse_tls_keys; }

void read_reverse_listener(Reader& reader, const Block& block, Draft& out) {
  ReverseDraft& draft = out.reverse.emplace();
  draft.at = block.at;
  reader.block(block, reverse_listener(), draft);
  check(reader, block, draft.listener);
}

}  // namespace picket::apps::gateway::config::tables
