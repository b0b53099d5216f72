#pragma once

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "picket/base/result.hpp"
#include "picket/transport/resumption.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::websocket::testing {

/// Where one operation waits for its peer.
class Gate {
 public:
  explicit Gate(transport::Worker& worker) : worker_(worker) {}
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiting) {
    is_awaited_ = true;
    waiting_.wait(waiting);
  }
  void await_resume() noexcept { is_awaited_ = false; }
  void open() { worker_.resume(waiting_); }
  [[nodiscard]] bool is_awaited() const noexcept { return is_awaited_; }

 private:
  transport::Worker& worker_;
  transport::Resumption waiting_;
  bool is_awaited_ = false;
};

inline base::Error broken() { return base::fail(base::ErrorKind::connection_closed, "closed by the peer"); }

/// One direction of a stream: bytes that have come and were not taken, an end, or an error in its place.
class Incoming {
 public:
  explicit Incoming(transport::Worker& worker) : gate_(worker) {}

  void push(std::string_view bytes) { bytes_ += bytes, gate_.open(); }
  void end() { ended_ = true, gate_.open(); }
  void fail(base::Error error) { error_ = std::move(error), gate_.open(); }
  /// Ends a read that is awaited.
  void stop() {
    if (!gate_.is_awaited()) return;
    stopped_ = true;
    gate_.open();
  }
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) {
    while (bytes_.empty() && !ended_ && !error_ && !stopped_) co_await gate_;
    if (std::exchange(stopped_, false)) co_return broken();
    if (bytes_.empty() && error_) co_return *error_;
    const std::size_t size = std::min(into.size(), bytes_.size());
    std::memcpy(into.data(), bytes_.data(), size);
    bytes_.erase(0, size);
    taken_ += size;
    co_return size;
  }
  /// All that has come, as somebody does who reads where it stands.
  void take_all() { taken_ += std::exchange(bytes_, {}).size(); }
  [[nodiscard]] bool has_bytes() const { return !bytes_.empty(); }
  [[nodiscard]] bool is_read() const { return bytes_.empty() && ended_; }
  [[nodiscard]] std::size_t taken() const { return taken_; }
  [[nodiscard]] bool is_awaited() const { return gate_.is_awaited(); }

 private:
  Gate gate_;
  std::string bytes_;
  bool ended_ = false;
  bool stopped_ = false;
  std::optional<base::Error> error_;
  std::size_t taken_ = 0;
};

}  // namespace picket::apps::gateway::websocket::testing
