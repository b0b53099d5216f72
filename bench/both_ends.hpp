#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "picket/agent/internal/kept_connection.hpp"
#include "picket/agent/internal/served_connection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/pool/reverse/listener.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::bench {

/// How the two are connected. Protobuf is spoken on gRPC, the other encodings in frames.
struct Between {
  wire::Encoding encoding = wire::Encoding::msgpack;
  std::uint32_t connections = 1;
  std::string listen = {};   ///< "tcp:127.0.0.1:0", "grpcs:127.0.0.1:0", …; empty: a Unix socket of their own
  bool agent_dials = false;  ///< The proxy listens there.
  transport::tls::ServerOptions of_listener = {};
  transport::tls::ClientOptions of_dialler = {};
};

/// A pool and the agent that it asks, on one thread and one event loop, over real sockets: what an event costs both
/// ends together, in a way that repeats, since nobody waits for another thread. The agent allows everything.
///
/// Thread safety: none; one per thread. Throws std::runtime_error where the two do not get on.
class BothEnds {
 public:
  explicit BothEnds(Between between);
  BothEnds(const BothEnds&) = delete;
  BothEnds& operator=(const BothEnds&) = delete;
  ~BothEnds();

  /// One exchange from its id to the farewell that is queued at its end: request_headers like these are asked, and
  /// answered.
  void exchange(const wire::RequestHeaders& like);

  [[nodiscard]] transport::Worker& worker() noexcept { return worker_; }
  [[nodiscard]] pool::AgentPool& pool() noexcept { return pool_; }
  [[nodiscard]] pool::Agent& agent() noexcept { return agent_; }
  /// Turns the loop for as long as it takes.
  template <class Predicate>
  void turn_until(Predicate holds) {
    while (!holds()) worker_.turn(base::TimePoint::max());
  }

 private:
  /// Where whoever listens does, and how.
  [[nodiscard]] transport::Endpoint listen();
  void listen_for_agents(const transport::Endpoint& endpoint);
  void dial();
  [[nodiscard]] pool::AgentSpec spec() const;
  void serve(int descriptor);
  void begin(const transport::MakeAgentLink& make, const wire::Format& format);

  class Allow final : public agent::Handler {
   public:
    [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
    agent::Reply on_request_headers(const agent::RequestHeaders&, Context&) override;
    agent::Reply on_request_body(const agent::RequestBodyChunk&, Context&) override;
  };

  std::filesystem::path folder_;
  Between between_;
  transport::Worker worker_;
  std::shared_ptr<const transport::tls::Context> tls_;  // of whoever listens; null: in clear
  std::optional<transport::Listener> listener_;
  std::optional<pool::reverse::Registry> registry_;
  std::shared_ptr<pool::reverse::Listener> reverse_listener_;
  transport::Endpoint endpoint_;
  Allow handler_;
  agent::internal::Workload workload_;
  std::shared_ptr<agent::Mailbox> mailbox_;
  std::shared_ptr<const agent::internal::ServedConnection::Terms> terms_;
  std::vector<std::shared_ptr<agent::internal::ServedConnection>> connections_;
  std::vector<std::shared_ptr<transport::GrpcServer>> grpc_servers_;
  std::vector<std::unique_ptr<agent::internal::KeptConnection>> kept_;
  pool::AgentPool pool_;
  pool::Agent& agent_;
};

}  // namespace picket::bench
