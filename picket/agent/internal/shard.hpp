#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "picket/agent/handler_factory.hpp"
#include "picket/agent/internal/from_files.hpp"
#include "picket/agent/internal/kept_connection.hpp"
#include "picket/agent/internal/self_report.hpp"
#include "picket/agent/internal/served_connection.hpp"
#include "picket/agent/server.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/grpc_server.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/worker.hpp"

namespace picket::agent::internal {

/// What is listened with over TLS.
using Certificates = FromFiles<std::shared_ptr<const transport::tls::Context>>;

/// What is spoken on a connection that was accepted. `tls`: null where it is in clear.
struct Spoken {
  transport::Carrier carrier = transport::Carrier::frames;
  std::shared_ptr<Certificates> tls;
};

/// One event loop of a server with its handler and its connections.
///
/// Thread safety: its worker's threads, under enter(), but for post(), connections() and expect(). Lifetime: the report
/// outlives it; it outlives the threads that run its worker.
class Shard {
 public:
  Shard(const ServerOptions& options, const HandlerFactory& factory, SelfReport& report);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard();

  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  /// Runs on the shard's thread. Any thread.
  void post(std::move_only_function<void()> job) { mailbox_->post(std::move(job)); }
  /// Those that were accepted, and that are expected. Any thread.
  [[nodiscard]] std::size_t connections() const noexcept { return count_.load(std::memory_order_relaxed); }
  /// Reserves a place before the descriptor travels to this shard.
  void expect() noexcept { count_.fetch_add(1, std::memory_order_relaxed); }

  /// As the handler names its agent.
  [[nodiscard]] const std::string& agent_id() const noexcept { return terms_.config->info.agent_id; }

  /// Serves a connection that was accepted, and expected.
  void serve(int descriptor, const Spoken& spoken);
  /// The agent said how it is.
  void health_changed();
  /// Has one more connection to a proxy that is dialled; nothing where it has it.
  void keep(const std::shared_ptr<const DialledProxy>& proxy, std::uint32_t index);
  /// The proxy wants fewer than that.
  void forgo(const std::shared_ptr<const DialledProxy>& proxy, std::uint32_t wanted);
  /// Takes nothing new, says so, and stops its worker once what is under way is over.
  void drain();

 private:
  void serve_frames(transport::Channel channel);
  void serve_grpc(transport::Channel channel);
  void begin(const transport::MakeAgentLink& make, const std::shared_ptr<const ServedConnection::Terms>& terms,
             const wire::Format& format);

  // ---- what is said unasked
  void greet(ServedConnection& connection);
  void hear(const wire::HealthStatus& status, const transport::grpc::ControlAnswer& answer);
  void hear(const wire::ConfigUpdateRequest& request, const transport::grpc::ControlAnswer& answer);
  template <class Message>
  void hear(const Message& message, const transport::grpc::ControlAnswer&) {
    tell_all(message);
  }
  template <class Message>
  void tell_all(const Message& message) {
    for (const auto& connection : connections_) connection->send(message);
  }
  void tell_health();
  /// What a draining agent is overrides what it said before.
  [[nodiscard]] Health health();
  void arm(base::Timer& timer, base::Duration interval);
  void report_metrics(base::TimePoint now);
  void report_health();
  void measure();

  // ---- the end
  void look(base::TimePoint now);
  void close_all();
  void forget(ServedConnection& connection);
  void accepted_over(ServedConnection& connection, const base::Error* reason);
  void left() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }

  transport::Worker worker_;
  std::unique_ptr<AnyHandler> handler_;
  std::shared_ptr<Mailbox> mailbox_;
  ServedConnection::Terms terms_;
  std::shared_ptr<const ServedConnection::Terms> frames_terms_;  // of accepted connections
  std::shared_ptr<const ServedConnection::Terms> grpc_terms_;    // of conversations on them
  /// By the proxy and the connection's number.
  std::map<std::pair<const DialledProxy*, std::uint32_t>, std::unique_ptr<KeptConnection>> kept_;
  std::vector<std::shared_ptr<ServedConnection>> connections_;
  std::vector<std::shared_ptr<transport::GrpcServer>> grpc_servers_;
  std::atomic<std::size_t> count_{0};
  SelfReport& report_;
  base::Timer metrics_timer_;
  base::Timer health_timer_;
  base::Timer drain_timer_;
  base::Duration drain_timeout_;
  base::Duration health_interval_;
  LatencyWindow latencies_;
  base::TimePoint drain_until_{};
  base::TimePoint quiet_since_{};
  bool draining_ = false;
};

}  // namespace picket::agent::internal
