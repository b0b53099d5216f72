#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/network.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of where requests go.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

// ---- targets

constexpr Key<Target> target_property_keys[] = {{{"weight"}, number<&Target::weight>(1, 1'000)}};

/// "HOST:PORT" or "unix:PATH". Whether it is one; where not, that is reported.
bool read_place(Reader& reader, const kdl::Node& node, const kdl::Name& text, Target& out) {
  constexpr std::string_view unix_socket = "unix:";
  if (text.text.starts_with(unix_socket)) {
    const Setting setting{.key = node.name.text, .value = &node.arguments.front()};
    auto path = reader.as_socket_path(setting, reader.path_of(setting, text.text.substr(unix_socket.size())));
    if (path) out.path = std::move(*path);
    return path.has_value();
  }
  auto address = parse_address(text.text, Hosts::names_too);
  if (!address) {
    reader.report(text.at, address.error().message, address.error().hint);
    return false;
  }
  out.is_named = !parse_address(text.text, Hosts::numbers);
  out.host = std::move(address->host);
  out.port = address->port;
  return true;
}

void read_target(Reader& reader, const kdl::Node& node, Upstream& out) {
  Target target;
  const auto text = reader.entry(node, target_properties(), {}, Shape::Braces::none, target);
  if (!text) return;
  if (!read_place(reader, node, *text, target)) return;
  const auto same = [&](const Target& other) {
    return other.host == target.host && other.port == target.port && other.path == target.path;
  };
  if (std::ranges::any_of(out.targets, same))
    return reader.report(text->at, fmt::format("the target \"{}\" is named twice", text->text),
                         "give it a weight instead");
  out.targets.push_back(std::move(target));
}

// ---- TLS

template <std::string UpstreamTls::* Member>
void read_upstream_file(Reader& reader, const Setting& setting, UpstreamTls& out) {
  if (auto path = reader.path(setting)) out.*Member = std::move(*path);
}

void read_upstream_sni(Reader& reader, const Setting& setting, UpstreamTls& out) {
  auto name = reader.text(setting);
  if (!name) return;
  if (!is_host(*name))
    return reader.report(setting.value->at, fmt::format("\"{}\" is no host name", *name),
                         "write the name in the upstream's certificate, without port");
  out.server_name = std::move(*name);
}

void read_skip_verify(Reader& reader, const Setting& setting, UpstreamTls& out) {
  if (const auto skips = reader.boolean(setting)) out.verifies = !*skips;
}

constexpr Key<UpstreamTls> upstream_tls_keys[] = {
    {{"ca-cert"}, ValueRule<UpstreamTls>{read_upstream_file<&UpstreamTls::ca_file>}},
    {{"client-cert"}, ValueRule<UpstreamTls>{read_upstream_file<&UpstreamTls::certificate_file>}},
    {{"client-key"}, ValueRule<UpstreamTls>{read_upstream_file<&UpstreamTls::key_file>}},
    {{"sni"}, ValueRule<UpstreamTls>{read_upstream_sni}},
    {{"insecure-skip-verify"}, ValueRule<UpstreamTls>{read_skip_verify}},
};

void read_tls(Reader& reader, const Block& block, Upstream& out) {
  UpstreamTls& tls = out.tls.emplace();
  const std::size_t problems = reader.problems();
  reader.block(block, upstream_tls(), tls);
  if (problems != reader.problems()) return;
  if (tls.certificate_file.empty() != tls.key_file.empty())
    reader.report(block.at, "a client certificate and its key go together", "write both client-cert and client-key");
  if (!tls.verifies && !tls.ca_file.empty())
    reader.report(block.at, "\"ca-cert\" contradicts \"insecure-skip-verify\": nobody's certificate is looked at",
                  "keep ca-cert, which is safe, and remove the other");
}

/// A certificate proves a name, and the path of a socket is none.
void check_tls(Reader& reader, const kdl::Node& node, const Upstream& upstream) {
  if (!upstream.tls || !upstream.tls->server_name.empty() || !upstream.tls->verifies) return;
  if (std::ranges::all_of(upstream.targets, &std::string::empty, &Target::path)) return;
  reader.report(child_of(node, "tls")->name.at, "a Unix socket has no name that a certificate could be looked at for",
                "add sni \"NAME\" with the name in its certificate, or remove tls { }");
}

// ---- the upstream

constexpr Word balancings[] = {{"round_robin", static_cast<int>(LoadBalancing::round_robin)},
                               {"least_connections", static_cast<int>(LoadBalancing::least_connections)},
                               {"health_based", 0, Word::unsupported},
                               {"random", 0, Word::unsupported},
                               {"p2c", 0, Word::unsupported},
                               {"ip_hash", 0, Word::unsupported},
                               {"consistent_hash", 0, Word::unsupported}};
constexpr Key<Upstream> upstream_keys[] = {
    {{"target", at_least_one, "target \"127.0.0.1:9000\""}, NodeRule<Upstream>{read_target}},
    {{"tls"}, BlockRule<Upstream>{read_tls}},
    {{"load-balancing"}, choice<&Upstream::load_balancing>(balancings)},
    {{"dns-refresh-secs"}, in_seconds<&Upstream::dns_refresh>(300)},
    {{"health-check", unsupported}, {}},
    {{"http-version", unsupported}, {}},
    {{"timeouts", unsupported}, {}},
    {{"passive-health", unsupported}, {}},
    {{"slow-start-secs", unsupported}, {}},
    {{"connection-pool", unsupported}, {}},
    {{"retry", unsupported}, {}},
};

void read_upstream(Reader& reader, const kdl::Node& node, Draft& out) {
  UpstreamDraft draft;
  const std::size_t problems = reader.problems();
  auto id = reader.entry(node, {}, upstream(), Shape::Braces::required, draft.upstream);
  if (problems == reader.problems()) check_tls(reader, node, draft.upstream);
  if (!id) return;
  draft.id = std::move(*id);
  draft.upstream.id = draft.id.text;
  out.upstreams.push_back(std::move(draft));
}

constexpr Key<Draft> upstreams_keys[] = {{{"upstream", many}, NodeRule<Draft>{read_upstream}}};

}  // namespace

Keys<Draft> upstreams() { return upstreams_keys; }
Keys<Upstream> upstream() { return upstream_keys; }
Keys<Target> target_properties() { return target_property_keys; }
Keys<UpstreamTls> upstream_tls() { return upstream_tls_keys; }

}  // namespace picket::apps::gateway::config::tables
