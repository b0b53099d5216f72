#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "picket/agent/internal/served_connection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/listener.hpp"

namespace picket::bench {

/// A pool and the agent that it asks, on one thread and one event loop, over real Unix sockets: what an event costs
/// both ends together, in a way that repeats, since nobody waits for another thread. The agent allows everything.
/// Protobuf is spoken on gRPC, the other encodings in frames.
///
/// Thread safety: none; one per thread. Throws std::runtime_error where the two do not get on.
class BothEnds {
 public:
  explicit BothEnds(wire::Encoding encoding, std::uint32_t connections = 1);
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
  void serve(int descriptor);
  void begin(const transport::MakeAgentLink& make, const wire::Format& format);

  class Allow final : public agent::Handler {
   public:
    [[nodiscard]] agent::Info info() const override { return {.id = "a", .version = "1"}; }
    agent::Reply on_request_headers(const agent::RequestHeaders&, Context&) override;
    agent::Reply on_request_body(const agent::RequestBodyChunk&, Context&) override;
  };

  std::filesystem::path folder_;
  transport::Endpoint endpoint_;
  transport::Worker worker_;
  transport::Listener listener_;
  Allow handler_;
  agent::internal::Workload workload_;
  std::shared_ptr<agent::Mailbox> mailbox_;
  std::shared_ptr<const agent::internal::ServedConnection::Terms> terms_;
  std::vector<std::shared_ptr<agent::internal::ServedConnection>> connections_;
  std::vector<std::shared_ptr<transport::GrpcServer>> grpc_servers_;
  pool::AgentPool pool_;
  pool::Agent& agent_;
};

}  // namespace picket::bench
