#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/gateway/config/access_fields.hpp"
#include "apps/gateway/config/network.hpp"
#include "apps/gateway/config/route.hpp"
#include "picket/inspection/chain.hpp"
#include "picket/pool/config.hpp"
#include "picket/pool/reverse/rules.hpp"
#include "picket/session/dialect.hpp"

/// What a configuration file says, checked and with every default filled in. Plain values: loaded once, then only read.
/// Thread safety: immutable after load. Names and defaults are those of the configuration reference in
/// docs/configuration.md.
namespace picket::apps::gateway::config {

using std::chrono::milliseconds;

enum class LoadBalancing : std::uint8_t { round_robin, least_connections, random, p2c, ip_hash, consistent_hash };
enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };
enum class LogFormat : std::uint8_t { text, json };

struct System {
  std::uint32_t worker_threads = 0;  ///< 0: one per core.
  bool busy_polling = true;          ///< Workers stay awake for short waits.
  std::uint32_t max_connections = 10'000;
  milliseconds graceful_shutdown_timeout{30'000};
  milliseconds graceful_upgrade_timeout{86'400'000};  ///< Of a process whose place another has taken.
  /// Who is asked for the addresses of names, "IP:PORT"; none: those of /etc/resolv.conf.
  std::vector<std::string> resolvers;
  std::string pid_file;  ///< Empty: none.
};

enum class Protocol : std::uint8_t {
  http,   ///< HTTP/1.1 in clear.
  h2c,    ///< In clear, HTTP/2 where the client begins with its preface, else HTTP/1.1.
  https,  ///< HTTP/2 or HTTP/1.1 over TLS, as ALPN says.
};
enum class TlsVersion : std::uint8_t { v1_2, v1_3 };
/// Whether clients are asked for a certificate.
enum class ClientAuth : std::uint8_t { off, optional, required };

/// A certificate with its key, PEM; and what its CA says of it, DER: empty where it is not shown.
struct Certificate {
  std::string cert_file;
  std::string key_file;
  std::string ocsp_file;
};

/// A certificate for clients that ask for one of some names.
struct Sni {
  std::vector<std::string> hostnames;  ///< "a.example", "*.b.example"
  Certificate certificate;
};

/// How clients are spoken to over TLS.
struct ListenerTls {
  Certificate certificate;  ///< For clients that ask for no name, or for one that no `sni` has.
  std::vector<Sni> sni;
  TlsVersion min_version = TlsVersion::v1_2;
  TlsVersion max_version = TlsVersion::v1_3;
  std::string cipher_suite;  ///< Empty: the library's own choice.
  std::string ca_file;       ///< Who may have signed clients' certificates.
  ClientAuth client_auth = ClientAuth::off;
  bool session_resumption = true;
};

struct Listener {
  std::string id;
  std::string host;  ///< An IP address.
  std::uint16_t port = 0;
  Protocol protocol = Protocol::http;
  std::optional<ListenerTls> tls;              ///< Of https.
  std::uint32_t max_concurrent_streams = 100;  ///< Of one connection of HTTP/2.
  std::vector<Network> trusted_proxies;        ///< Peers whose X-Forwarded-For, -Proto and -Host, or Forwarded, count.
  bool proxy_protocol = false;                 ///< Their connections begin with a header that names the client.
  milliseconds keepalive_timeout{60'000};      ///< between requests
  milliseconds request_timeout{10'000};        ///< from a request's first byte to the end of its head
  milliseconds body_timeout{30'000};           ///< between two reads of a body
  std::uint32_t keepalive_max_requests = 0;    ///< of one connection; 0: no limit

  /// Whether what the peer says of who it speaks for is believed.
  [[nodiscard]] bool trusts(const IpAddress& peer) const noexcept {
    return std::ranges::any_of(trusted_proxies, [&](const Network& network) { return network.has(peer); });
  }
};

/// How agents are reached and when they are given a rest: as the pool has it, with its defaults and presets.
using Pool = pool::Config;
using CircuitBreaker = pool::BreakerConfig;
using Hedge = pool::HedgeConfig;
using AgentTls = decltype(pool::AgentSpec::tls);
using UpstreamTls = AgentTls;
/// What they are asked about, and what becomes of an exchange when they fail: as inspection has it.
using Events = inspection::Events;
using BodyTerms = inspection::BodyTerms;
using FailureMode = inspection::FailureMode;

enum class AgentTransport : std::uint8_t {
  binary_uds,   ///< Unix socket, MessagePack preferred.
  unix_socket,  ///< Unix socket, JSON preferred.
  tcp,          ///< TCP, with TLS or in clear, MessagePack preferred.
  grpc_unix,    ///< gRPC over a Unix socket.
  grpc,         ///< gRPC over TCP, in clear.
  grpcs,        ///< gRPC over TLS.
  reverse,      ///< The agent dials; MessagePack preferred.
};

struct Agent {
  std::string id;
  std::string type;
  AgentTransport transport = AgentTransport::binary_uds;
  std::string path;                  ///< Of a Unix socket.
  std::string address;               ///< Of a network: "HOST:PORT", an IPv6 address in brackets, or a service's name.
  bool is_named = false;             ///< Its address is a name, of which every address is dialled.
  std::vector<std::string> reverse;  ///< Of one that dials: the ids that feed it, "edge-1" or "edge-*".
  std::optional<AgentTls> tls;       ///< None: in clear.
  bool insecure = false;             ///< Clear text over a network is meant so.
  std::optional<session::Dialect> dialect;  ///< None: the protocol, or site where the agent answers so.
  Events events;
  /// bytes; largest chunk sent in one event. None: 64 KiB, or the whole body for agents that judge each event alone.
  std::optional<std::uint64_t> buffer_size;
  milliseconds timeout{1'000};
  FailureMode failure_mode = FailureMode::closed;
  std::optional<milliseconds> chunk_timeout;  ///< For the answer to a body's chunk. None: as for other events.
  BodyTerms request_body;
  BodyTerms response_body;
  bool decompress = false;            ///< Bodies in a content coding are shown, and go on, as what they contain.
  bool declared_events_only = false;  ///< Takes the list of an agent without extensions at its word, too.
  std::uint32_t max_concurrent_calls = 100;
  std::uint32_t max_waiting_calls = 1'024;  ///< beyond max_concurrent_calls
  CircuitBreaker circuit_breaker;
  Pool pool;
  inspection::Stickiness stickiness;       ///< `sticky` of its pool.
  std::optional<std::string> config_json;  ///< The `config` tree as JSON text.
};

/// Certificates for agents that dial.
struct ReverseTls {
  std::string cert_file;
  std::string key_file;
  std::string ca_file;  ///< Empty: agents show no certificate.
};

/// Where agents dial the gateway, and who may.
struct ReverseListener {
  std::string path;  ///< Of a Unix socket; empty: none.
  std::string host;  ///< Of TCP, an IP address; empty: none.
  std::uint16_t port = 0;
  std::optional<ReverseTls> tls;  ///< Of TCP; none: in clear.
  bool insecure = false;          ///< Clear text over a network is meant so.
  bool require_auth = false;      ///< Ids without an auth-token are refused.
  std::vector<pool::reverse::Secret> auth_tokens;
  std::vector<std::string> allowed_agents;  ///< Empty: every id that an agent claims.
  /// None: 4, or one for each worker where there are more.
  std::optional<std::uint32_t> max_connections_per_agent;
  milliseconds handshake_timeout{10'000};
  std::uint32_t backlog = 128;
};

/// An agent as one route asks it. The overrides are resolved: what stands here is what holds.
struct Filter {
  std::string id;
  std::size_t agent = 0;  ///< index in Config::agents
  FailureMode failure_mode = FailureMode::closed;
  milliseconds timeout{1'000};
};

struct Target {
  std::string host;  ///< An IP address or a name.
  std::uint16_t port = 0;
  std::uint32_t weight = 1;
  bool is_named = false;  ///< Each address of its name is a target.
  std::string path = {};  ///< Of a Unix socket, which has neither host nor port; absolute.
  friend bool operator==(const Target&, const Target&) = default;
};

/// How long an upstream may take; 0: as long as it likes.
struct UpstreamTimeouts {
  milliseconds connect{5'000};  ///< To one target, TLS included; the addresses of a name share it. Never 0.
  milliseconds read{60'000};    ///< A pause of its answer.
  milliseconds write{30'000};   ///< A pause in which it takes nothing of a request.
  milliseconds request{0};      ///< From asking to the end of the answer, all attempts together.
  friend bool operator==(const UpstreamTimeouts&, const UpstreamTimeouts&) = default;
};

/// How each address of an upstream is asked whether it is well.
struct HealthCheck {
  enum class Type : std::uint8_t {
    http,  ///< Answers GET with a status.
    tcp,   ///< Takes a connection.
    grpc,  ///< Says that it serves (grpc.health.v1).
  };
  Type type = Type::http;
  std::string path = "/";
  std::uint16_t expected_status = 200;
  milliseconds interval{10'000};
  milliseconds timeout{2'000};
  std::uint32_t healthy_threshold = 2;    ///< Passed in a row, to be up again.
  std::uint32_t unhealthy_threshold = 3;  ///< Failed in a row, to be down.
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

/// When an address rests, for what becomes of requests to it.
struct PassiveHealth {
  std::uint32_t failures = 5;  ///< In a row.
  milliseconds rest{10'000};
  friend bool operator==(const PassiveHealth&, const PassiveHealth&) = default;
};

struct ConnectionPool {
  std::uint32_t max_connections = 0;  ///< 0: no limit.
  std::uint32_t max_idle = 256;       ///< Of each worker.
  milliseconds idle_timeout{60'000};  ///< After which an idle connection is closed.
  milliseconds max_lifetime{0};       ///< After which none serves another request; 0: no limit.
  friend bool operator==(const ConnectionPool&, const ConnectionPool&) = default;
};

/// Which requests are sent again, where that is safe.
struct Retry {
  std::uint32_t attempts = 2;  ///< In all, the first included.
  bool on_connect_failure = true;
  bool on_closed_before_response = true;
  bool on_refused_stream = true;
  friend bool operator==(const Retry&, const Retry&) = default;
};

enum class HttpVersion : std::uint8_t { http1 = 1, http2 = 2 };

struct Upstream {
  std::string id;
  std::vector<Target> targets;
  std::optional<UpstreamTls> tls = {};  ///< None: in clear.
  /// What its targets are spoken to with: over TLS as they choose (ALPN), in clear HTTP/2 where it is the least.
  HttpVersion min_version = HttpVersion::http1;
  HttpVersion max_version = HttpVersion::http1;
  LoadBalancing load_balancing = LoadBalancing::round_robin;
  inspection::Stickiness hash_by = {};  ///< Of ip_hash and consistent_hash: what of a request names its target.
  UpstreamTimeouts timeouts = {};
  std::optional<HealthCheck> health_check = {};
  std::optional<PassiveHealth> passive_health = {};  ///< None: who fails rests for 5 s.
  milliseconds slow_start{0};                        ///< In which a target that returned gets its share again.
  ConnectionPool connection_pool = {};
  std::optional<Retry> retry = {};  ///< None: each target once.
  /// How long an answer of a name server is good at most; the default is most_ttl of transport/dns.
  milliseconds dns_refresh{300'000};
  friend bool operator==(const Upstream&, const Upstream&) = default;
};

struct Limits {
  std::uint64_t max_header_size = 16'384;  ///< bytes of a whole head
  std::uint32_t max_header_count = 100;
  std::uint64_t max_body_size = 10'485'760;   ///< bytes
  std::uint64_t max_held_size = 268'435'456;  ///< bytes of bodies that are held, over all workers
  milliseconds held_body_time{120'000};       ///< in which a held body is whole
  milliseconds half_closed_time{2'000};       ///< in which an answer begins for a client that ended its side; 0: none
  std::uint32_t max_connections_per_client = 0;     ///< 0: no limit
  std::uint32_t handshakes_per_second = 0;          ///< of TLS, begun by one client; 0: no limit
  std::uint64_t max_websocket_message = 1'048'576;  ///< bytes of a message that agents look at
  bool underscores_in_headers = false;              ///< Fields whose names have one go on; else they are dropped.
};

struct Observability {
  struct Metrics {
    std::string host;
    std::uint16_t port = 0;
    std::string path = "/metrics";
    bool agent_metrics = true;  ///< What agents count is on it, too.
  };
  std::optional<Metrics> metrics;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  std::optional<std::string> access_log;  ///< absolute path
  AccessFormat access_format = AccessFormat::json;
  std::vector<AccessField> access_fields;  ///< Of json, in this order. Empty: all.
  std::optional<std::string> audit_log;    ///< absolute path
};

struct Config {
  System system;
  std::vector<Listener> listeners;
  std::vector<Agent> agents;
  std::optional<ReverseListener> reverse_listener;
  std::vector<Filter> filters;
  std::vector<Upstream> upstreams;
  /// In the order in which they are tried: whole paths, the longest path-prefix, file order.
  std::vector<Route> routes;
  Limits limits;
  Observability observability;
};

}  // namespace picket::apps::gateway::config
