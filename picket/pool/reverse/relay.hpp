#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "picket/pool/reverse/connection.hpp"
#include "picket/pool/reverse/routing.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"

namespace picket::pool::reverse {

/// One connection of an agent, for all workers: of an agent that makes fewer than there are workers, as those of the
/// reference do. Each worker gets an end of a socket pair and speaks over it as if the agent had dialled it; what it
/// says is handed on here, and the agent's answers to whom they are for.
///
/// A hop more each way, and a copy, for those agents only. Any end that closes ends all; where it is a worker's, as at
/// a reload, what the others have asked has a second to be answered. Thread safety: its worker's, which is none of
/// those that serve. Lifetime: its own, until an end closes. Memory: for each end twice most_unsent bytes at most, of
/// which one half waits and the other is on its way to the kernel, and with each half what one read of every other end
/// completes: a frame and 16 KiB.
///
/// Errors: an end that fails, and frames that do not decode, end all of it; the workers see a connection that was lost.
/// Complexity: each frame is decoded for the exchange that it names, and copied.
class Relay final : public std::enable_shared_from_this<Relay>, Routing::Sink {
 public:
  /// Bytes that wait to be written to one end, over which nothing more is read from the others.
  static constexpr std::size_t most_unsent = std::size_t{1024} * 1024;

  /// Gives each worker its end through `deliver`. `on_over` is called once, when it has ended. Errors: io where there
  /// is no descriptor left; then the agent was told. `worker`: the registry's, on which all of this runs. `deliver` is
  /// called for each worker before this returns.
  [[nodiscard]] static base::Status start(transport::Worker& worker, Connection connection, std::size_t workers,
                                          const std::function<void(Connection)>& deliver,
                                          std::function<void()> on_over);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

 private:
  // One is written to by one task at a time; what comes meanwhile waits here.
  struct End {
    explicit End(transport::Channel channel) : stream(std::move(channel)) {}
    transport::Stream stream;
    std::string unsent;
    bool is_writing = false;
  };

  Relay(transport::Worker& worker, std::size_t workers, std::function<void()> on_over)
      : worker_(worker), routing_(workers), on_over_(std::move(on_over)) {}

  void to_agent(wire::FrameType type, std::string_view payload) override { send(*ends_.front(), type, payload); }
  void to_worker(std::size_t worker, wire::FrameType type, std::string_view payload) override {
    send(*ends_[worker + 1], type, payload);
  }
  void send(End& end, wire::FrameType type, std::string_view payload);
  [[nodiscard]] bool is_backlogged() const noexcept;
  [[nodiscard]] base::Status take(std::size_t from, const wire::FrameView& frame);

  static transport::Task<void> read(std::shared_ptr<Relay> self, std::size_t from, std::string received);
  static transport::Task<void> write(std::shared_ptr<Relay> self, End& end);
  [[nodiscard]] transport::Task<void> wind_up(std::size_t from);

  transport::Worker& worker_;
  Routing routing_;
  std::vector<std::unique_ptr<End>> ends_;  // the agent's, then the workers'
  std::function<void()> on_over_;
  std::size_t reading_ = 0;
};

}  // namespace picket::pool::reverse
