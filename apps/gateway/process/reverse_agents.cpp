#include "apps/gateway/process/reverse_agents.hpp"

#include <algorithm>
#include <utility>

#include <spdlog/logger.h>

#include "apps/gateway/serving/run_there.hpp"

namespace picket::apps::gateway::process {
namespace {

using serving::run_there;

// protocol.md §8: the reference's own.
constexpr std::uint32_t least_of_an_id = 4;

}  // namespace

base::Result<std::shared_ptr<const transport::tls::Context>> tls_of(const config::ReverseTls& files) {
  using transport::tls::ClientCertificate;
  return transport::tls::Context::server(
      {.certificate_file = files.cert_file,
       .key_file = files.key_file,
       .client_ca_file = files.ca_file,
       .client_certificate = files.ca_file.empty() ? ClientCertificate::none : ClientCertificate::required,
       .protocols = {}});
}

ReverseAgents::ReverseAgents(std::size_t workers, spdlog::logger& log,
                             std::function<void(pool::reverse::Connection)> deliver)
    : workers_(workers),
      log_(log),
      registry_(worker_, workers, std::move(deliver)),
      thread_([this] { worker_.run(); }) {}

/// Those to whom connections were handed are gone, so that shared ones end.
ReverseAgents::~ReverseAgents() {
  close();
  while (run_there(worker_, [this] { return registry_.relays() != 0; }))
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  worker_.stop();
  thread_.join();
}

base::Result<std::vector<ReverseAgents::Wanted>> ReverseAgents::wanted_by(const config::ReverseListener& listener) {
  std::vector<Wanted> all;
  const int backlog = static_cast<int>(listener.backlog);
  if (!listener.path.empty()) {
    auto endpoint = transport::Endpoint::unix_path(listener.path);
    if (!endpoint) return std::move(endpoint.error());
    all.push_back({std::move(*endpoint), backlog, {.handshake_timeout = listener.handshake_timeout, .tls = {}}});
  }
  if (!listener.host.empty()) {
    auto endpoint = transport::Endpoint::tcp(listener.host, listener.port);
    if (!endpoint) return std::move(endpoint.error());
    pool::reverse::Hearing hearing{.handshake_timeout = listener.handshake_timeout, .tls = {}};
    if (listener.tls) {
      auto tls = tls_of(*listener.tls);
      if (!tls) return base::fail(tls.error().kind(), "reverse-listener: " + tls.error().detail());
      hearing.tls = std::move(*tls);
    }
    all.push_back({std::move(*endpoint), backlog, std::move(hearing)});
  }
  return all;
}

pool::reverse::Rules ReverseAgents::rules_of(const config::Config& config) const {
  pool::reverse::Rules rules;
  for (const auto& agent : config.agents)
    if (!agent.reverse.empty()) rules.claims.push_back({.agent = agent.id, .ids = agent.reverse});
  if (!config.reverse_listener) return rules;
  const config::ReverseListener& listener = *config.reverse_listener;
  rules.allowed = listener.allowed_agents;
  rules.secrets = listener.auth_tokens;
  rules.require_auth = listener.require_auth;
  rules.max_connections_per_agent =
      listener.max_connections_per_agent.value_or(std::max(least_of_an_id, static_cast<std::uint32_t>(workers_)));
  return rules;
}

base::Status ReverseAgents::prepare(const config::Config& config, ListeningSockets& sockets) {
  Prepared made{.rules = rules_of(config), .wanted = {}, .opened = {}};
  if (config.reverse_listener) {
    const config::ReverseListener& listener = *config.reverse_listener;
    auto wanted = wanted_by(listener);
    if (!wanted) return std::move(wanted.error());
    made.wanted = std::move(*wanted);
    const bool knows_its_agents = listener.require_auth || (listener.tls && !listener.tls->ca_file.empty());
    if (!listener.host.empty() && !knows_its_agents)
      log_.warn(
          "reverse-listener: whoever reaches its tcp-address may register as an agent that has no auth-token, and "
          "judge "
          "requests; add require-auth #true or tls { ca-file }");
  }
  for (const Wanted& wanted : made.wanted) PICKET_TRY(sockets.prepare(wanted.endpoint, 1, {.backlog = wanted.backlog}));
  return run_there(worker_, [&]() -> base::Status {
    PICKET_TRY(open(made, sockets));
    prepared_ = std::move(made);
    return {};
  });
}

base::Status ReverseAgents::open(Prepared& prepared, const ListeningSockets& sockets) {
  // What the peer chose stands behind the first bracket, where it makes no kind of line of its own.
  const auto say = [this](std::string_view peer, const base::Error& reason) {
    log_.warn("an agent that dialled was refused (at {}: {})", peer, reason.detail());
  };
  for (const Wanted& wanted : prepared.wanted) {
    if (listeners_.contains(wanted.endpoint.text())) continue;
    auto socket = sockets.of_worker(wanted.endpoint, 0, 1);
    if (!socket) return std::move(socket.error());
    pool::reverse::ListenerOptions options{.endpoint = wanted.endpoint,
                                           .socket = {.backlog = wanted.backlog},
                                           .hearing = wanted.hearing,
                                           .on_refused = say};
    auto opened = pool::reverse::Listener::open(registry_, std::move(options), std::move(socket->front()));
    if (!opened) return std::move(opened.error());
    prepared.opened.emplace(wanted.endpoint.text(), std::move(*opened));
  }
  return {};
}

void ReverseAgents::commit() {
  run_there(worker_, [this] { use(std::exchange(prepared_, {})); });
}

void ReverseAgents::use(Prepared prepared) {
  (void)registry_.use(std::move(prepared.rules));  // the configuration was checked
  Listeners used;
  for (const Wanted& wanted : prepared.wanted) {
    const std::string& address = wanted.endpoint.text();
    const auto kept = listeners_.find(address);
    const bool is_new = kept == listeners_.end();
    const auto listener = is_new ? prepared.opened.at(address) : kept->second;
    listener->hear_by(wanted.hearing);
    if (is_new) listener->start();
    used.emplace(address, listener);
  }
  for (const auto& [address, listener] : listeners_) {
    if (used.contains(address)) continue;
    listener->close();
    closed_.push_back(listener);
  }
  std::erase_if(closed_, [](const auto& listener) { return listener->is_over(); });
  listeners_ = std::move(used);
}

void ReverseAgents::discard() {
  run_there(worker_, [this] { prepared_ = {}; });
}

void ReverseAgents::close() {
  run_there(worker_, [this] { use({}); });
  while (!run_there(worker_, [this] { return is_over(); })) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

bool ReverseAgents::is_over() {
  return std::ranges::all_of(closed_, [](const auto& listener) { return listener->is_over(); });
}

}  // namespace picket::apps::gateway::process
