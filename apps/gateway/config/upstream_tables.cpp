#include <algorithm>
#include <array>
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

void read_skip_verify(Reader& reader, const Setting& setting, UpstreamTls& out) {
  if (const auto skips = reader.boolean(setting)) out.verifies = !*skips;
}

constexpr std::string_view upstreams_own = "write the name in the upstream's certificate, without port";
constexpr Key<UpstreamTls> upstream_tls_keys[] = {
    {{"ca-cert"}, ValueRule<UpstreamTls>{read_file<&UpstreamTls::ca_file>}},
    {{"client-cert"}, ValueRule<UpstreamTls>{read_file<&UpstreamTls::certificate_file>}},
    {{"client-key"}, ValueRule<UpstreamTls>{read_file<&UpstreamTls::key_file>}},
    {{"sni"}, ValueRule<UpstreamTls>{read_server_name<UpstreamTls, upstreams_own>}},
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

// ---- balancing

constexpr Word balancings[] = {{"round_robin", static_cast<int>(LoadBalancing::round_robin)},
                               {"least_connections", static_cast<int>(LoadBalancing::least_connections)},
                               {"random", static_cast<int>(LoadBalancing::random)},
                               {"p2c", static_cast<int>(LoadBalancing::p2c)},
                               {"ip_hash", static_cast<int>(LoadBalancing::ip_hash)},
                               {"consistent_hash", static_cast<int>(LoadBalancing::consistent_hash)},
                               {"health_based", 0, Word::unsupported}};

void read_hash_by(Reader& reader, const Setting& setting, Upstream& out) {
  const auto text = reader.text(setting);
  if (!text) return;
  const auto field = field_of_request(*text);
  if (!field)
    return reader.report(setting.value->at, fmt::format("\"{}\" does not say what a request goes by", *text),
                         "write \"header NAME\" or \"cookie NAME\"");
  out.hash_by = *field;
}

constexpr Key<Upstream> balancing_property_keys[] = {{{"by"}, ValueRule<Upstream>{read_hash_by}}};

void read_balancing(Reader& reader, const kdl::Node& node, Upstream& out) {
  if (!reader.check(node, {.arguments = Shape::Arguments::one, .properties = true})) return;
  const auto word = reader.choice({node.name.text, &node.arguments.front()}, balancings);
  reader.properties(node, balancing_properties(), out);
  if (!word) return;
  out.load_balancing = static_cast<LoadBalancing>(*word);
  const bool is_hashed =
      out.load_balancing == LoadBalancing::ip_hash || out.load_balancing == LoadBalancing::consistent_hash;
  if (!node.properties.empty() && out.load_balancing != LoadBalancing::consistent_hash)
    return reader.report(node.properties.front().name.at, "\"by\" has no effect here",
                         "it goes with \"consistent_hash\"; remove it");
  if (is_hashed && node.properties.empty()) out.hash_by = {.by = inspection::Stickiness::By::client_ip};
}

// ---- health

constexpr Word check_types[] = {{"http", static_cast<int>(HealthCheck::Type::http)},
                                {"tcp", static_cast<int>(HealthCheck::Type::tcp)},
                                {"grpc", static_cast<int>(HealthCheck::Type::grpc)}};

/// The target of a request, as it stands in its first line.
void read_check_path(Reader& reader, const Setting& setting, HealthCheck& out) {
  auto text = reader.text(setting);
  if (!text) return;
  if (!text->starts_with('/') || text->find_first_of(" #") != std::string::npos)
    return reader.report(setting.value->at, fmt::format("\"{}\" is no path that can be asked for", *text),
                         "write a path without blanks: \"/health\"");
  out.path = std::move(*text);
}

constexpr Key<HealthCheck> check_type_keys[] = {
    {{"path"}, ValueRule<HealthCheck>{read_check_path}},
    {{"expected-status"}, number<&HealthCheck::expected_status>(100, 599)},
};

void read_check_type(Reader& reader, const kdl::Node& node, HealthCheck& out) {
  if (!reader.check(node, {.arguments = Shape::Arguments::one, .block = Shape::Braces::optional})) return;
  const auto type = reader.choice({node.name.text, &node.arguments.front()}, check_types);
  if (!type) return;
  out.type = static_cast<HealthCheck::Type>(*type);
  if (node.has_block && out.type != HealthCheck::Type::http)
    return reader.report(node.name.at, "only a check of \"http\" has keys", "remove { }");
  if (node.has_block) reader.block(block_of(node), check_type(), out);
}

constexpr Key<HealthCheck> health_check_keys[] = {
    {{"type", required, "type \"http\""}, NodeRule<HealthCheck>{read_check_type}},
    {{"interval-secs"}, in_seconds<&HealthCheck::interval>(3'600)},
    {{"timeout-secs"}, in_seconds<&HealthCheck::timeout>(3'600)},
    {{"healthy-threshold"}, number<&HealthCheck::healthy_threshold>(1, 100)},
    {{"unhealthy-threshold"}, number<&HealthCheck::unhealthy_threshold>(1, 100)},
};

void read_health_check(Reader& reader, const Block& block, Upstream& out) {
  reader.block(block, health_check(), out.health_check.emplace());
}

constexpr Key<PassiveHealth> passive_health_keys[] = {
    {{"failures"}, number<&PassiveHealth::failures>(1, 10'000)},
    {{"for-secs"}, in_seconds<&PassiveHealth::rest>(3'600)},
};

void read_passive_health(Reader& reader, const Block& block, Upstream& out) {
  reader.block(block, passive_health(), out.passive_health.emplace());
}

// ---- versions of HTTP

template <HttpVersion Upstream::* member>
void read_version(Reader& reader, const Setting& setting, Upstream& out) {
  if (const auto version = reader.number(setting, 1, 2, {})) out.*member = static_cast<HttpVersion>(*version);
}

constexpr Key<Upstream> http_version_keys[] = {
    {{"min-version"}, ValueRule<Upstream>{read_version<&Upstream::min_version>}},
    {{"max-version"}, ValueRule<Upstream>{read_version<&Upstream::max_version>}},
};

void read_http_version(Reader& reader, const Block& block, Upstream& out) {
  out.max_version = HttpVersion::http2;  // where nothing else is said
  reader.block(block, http_version(), out);
  if (out.min_version > out.max_version)
    reader.report(block.at, "\"min-version\" is over \"max-version\"", "write the same version twice, or remove one");
}

void check_health(Reader& reader, const kdl::Node& node, const Upstream& upstream) {
  const bool is_grpc = upstream.health_check && upstream.health_check->type == HealthCheck::Type::grpc;
  const bool can_agree = upstream.tls && upstream.max_version == HttpVersion::http2;  // in clear nobody is asked
  if (!is_grpc || can_agree || upstream.min_version == HttpVersion::http2) return;
  reader.report(child_of(node, "health-check")->name.at, "a check of \"grpc\" needs HTTP/2",
                "add http-version { min-version 2 }");
}

/// What is agreed upon over TLS (RFC 7301), the best first.
void offer_versions(Upstream& out) {
  if (!out.tls || out.max_version == HttpVersion::http1) return;
  out.tls->protocols.alpn.emplace_back(transport::tls::http2);
  if (out.min_version == HttpVersion::http1) out.tls->protocols.alpn.emplace_back(transport::tls::http1);
}

// ---- connections

constexpr std::uint64_t day_s = 86'400;
constexpr Key<UpstreamTimeouts> timeouts_keys[] = {
    {{"connect"}, in_seconds<&UpstreamTimeouts::connect>(3'600)},
    {{"read"}, in_seconds<&UpstreamTimeouts::read>(day_s, 0)},
    {{"write"}, in_seconds<&UpstreamTimeouts::write>(day_s, 0)},
    {{"request"}, in_seconds<&UpstreamTimeouts::request>(day_s, 0)},
};

void read_timeouts(Reader& reader, const Block& block, Upstream& out) {
  reader.block(block, upstream_timeouts(), out.timeouts);
}

constexpr Key<ConnectionPool> connection_pool_keys[] = {
    {{"max-connections"}, number<&ConnectionPool::max_connections>(1, 1'000'000)},
    {{"max-idle"}, number<&ConnectionPool::max_idle>(0, 100'000)},
    {{"idle-timeout"}, in_seconds<&ConnectionPool::idle_timeout>(day_s)},
    {{"max-lifetime"}, in_seconds<&ConnectionPool::max_lifetime>(30 * day_s, 0)},
};

void read_connection_pool(Reader& reader, const Block& block, Upstream& out) {
  reader.block(block, connection_pool(), out.connection_pool);
}

constexpr Word retry_reasons[] = {{"connect-failure", 0}, {"closed-before-response", 1}, {"refused-stream", 2}};

void read_retry_on(Reader& reader, const kdl::Node& node, Retry& out) {
  reader.check(node, {.arguments = Shape::Arguments::some});
  if (node.broken) return;
  const std::array<bool*, 3> reasons{&out.on_connect_failure, &out.on_closed_before_response, &out.on_refused_stream};
  for (bool* const each : reasons) *each = false;
  for (const kdl::Value& argument : node.arguments) {
    const auto reason = reader.choice({node.name.text, &argument}, retry_reasons);
    if (reason) *reasons.at(static_cast<std::size_t>(*reason)) = true;
  }
}

constexpr Key<Retry> retry_keys[] = {
    {{"attempts"}, number<&Retry::attempts>(1, 100)},
    {{"on"}, NodeRule<Retry>{read_retry_on}},
};

void read_retry(Reader& reader, const Block& block, Upstream& out) {
  reader.block(block, retry(), out.retry.emplace());
}

// ---- the upstream

constexpr Key<Upstream> upstream_keys[] = {
    {{"target", at_least_one, "target \"127.0.0.1:9000\""}, NodeRule<Upstream>{read_target}},
    {{"tls"}, BlockRule<Upstream>{read_tls}},
    {{"load-balancing"}, NodeRule<Upstream>{read_balancing}},
    {{"dns-refresh-secs"}, in_seconds<&Upstream::dns_refresh>(300)},
    {{"health-check"}, BlockRule<Upstream>{read_health_check}},
    {{"passive-health"}, BlockRule<Upstream>{read_passive_health}},
    {{"slow-start-secs"}, in_seconds<&Upstream::slow_start>(3'600)},
    {{"timeouts"}, BlockRule<Upstream>{read_timeouts}},
    {{"connection-pool"}, BlockRule<Upstream>{read_connection_pool}},
    {{"retry"}, BlockRule<Upstream>{read_retry}},
    {{"http-version"}, BlockRule<Upstream>{read_http_version}},
};

void read_upstream(Reader& reader, const kdl::Node& node, Draft& out) {
  UpstreamDraft draft;
  const std::size_t problems = reader.problems();
  auto id = reader.entry(node, {}, upstream(), Shape::Braces::required, draft.upstream);
  if (problems == reader.problems()) check_tls(reader, node, draft.upstream);
  check_health(reader, node, draft.upstream);
  offer_versions(draft.upstream);
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
Keys<Upstream> balancing_properties() { return balancing_property_keys; }
Keys<HealthCheck> health_check() { return health_check_keys; }
Keys<HealthCheck> check_type() { return check_type_keys; }
Keys<PassiveHealth> passive_health() { return passive_health_keys; }
Keys<UpstreamTimeouts> upstream_timeouts() { return timeouts_keys; }
Keys<ConnectionPool> connection_pool() { return connection_pool_keys; }
Keys<Upstream> http_version() { return http_version_keys; }
Keys<Retry> retry() { return retry_keys; }

}  // namespace picket::apps::gateway::config::tables
