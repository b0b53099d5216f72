#pragma once

#include <chrono>
#include <memory>

#include "apps/cli/commands.hpp"
#include "picket/base/result.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/reverse/listener.hpp"
#include "picket/transport/tls/context.hpp"

/// What commands share that are dialled by an agent in place of dialling it.
namespace picket::apps::cli {

/// What a peer is shown that dials; null where it does so in clear. `files`: its own certificate and key, and whose
/// certificate it has to show, where `ca_file` says so. Errors: what is missing or cannot be read.
[[nodiscard]] base::Result<std::shared_ptr<const transport::tls::Context>> listening_context(
    const transport::Endpoint& endpoint, const transport::tls::ClientOptions& files);

/// Hears an agent that dials, whoever it says it is, and hands its connections to the pool.
///
/// Thread safety: the worker's thread. Lifetime: worker and pool outlive it; the connections that it has handed on do
/// not need it. Errors: of open(), for an address that cannot be listened on.
///
///   Reception reception{worker, pool};
///   if (const auto listens = reception.open(options.agent, spec, 1); !listens) return fail(listens.error());
class Reception {
 public:
  Reception(transport::Worker& worker, pool::AgentPool& pool);
  Reception(const Reception&) = delete;
  Reception& operator=(const Reception&) = delete;
  ~Reception();

  /// Listens at `address.listen`. `spec`: the pool's agent, whose `reverse` says whom it takes. `connections`: at most.
  [[nodiscard]] base::Status open(const AgentAddress& address, const pool::AgentSpec& spec, std::uint32_t connections);

 private:
  pool::reverse::Registry registry_;
  std::shared_ptr<pool::reverse::Listener> listener_;
};

/// Where the agent of `spec` is: dialled at --agent, or whoever dials --listen.
void set_place(pool::AgentSpec& spec, const AgentAddress& address);

}  // namespace picket::apps::cli
