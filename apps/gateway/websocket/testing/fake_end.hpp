#pragma once

#include <string>

#include "apps/gateway/websocket/testing/incoming.hpp"
#include "apps/gateway/websocket/tunnel_end.hpp"

namespace picket::apps::gateway::websocket::testing {

/// An end of a tunnel that a test plays. Nothing happens by itself, and no deadline passes.
class FakeEnd final : public TunnelEnd {
 public:
  explicit FakeEnd(transport::Worker& worker) : peer(worker), writable_(worker) {}
  ~FakeEnd() = default;

  // What its peer does.
  Incoming peer;
  void stalls() { stalled_ = true; }
  void goes_on() { stalled_ = false, writable_.open(); }
  /// What is written from now on fails.
  void takes_no_more() { broken_ = true; }

  // What it got.
  std::string got;
  bool got_end = false;
  bool was_cut = false;
  bool wrote_after_the_end = false;
  [[nodiscard]] bool is_written_to() const { return writable_.is_awaited(); }

  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline) override {
    co_return co_await peer.read(into);
  }
  [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, base::Deadline) override {
    stopped_ = false;
    while (stalled_ && !stopped_) co_await writable_;
    if (stopped_ || broken_) co_return broken();
    wrote_after_the_end = wrote_after_the_end || got_end;
    got += bytes;
    co_return base::Status{};
  }
  void shutdown_write() override { got_end = true; }
  void stop() noexcept override {
    peer.stop();
    stopped_ = true;
    writable_.open();
  }
  void cut() noexcept override { was_cut = true; }
  void write_last(std::string_view bytes) noexcept override {
    wrote_after_the_end = wrote_after_the_end || got_end;
    got += bytes;
    got_end = true;
  }

 private:
  Gate writable_;
  bool stalled_ = false;
  bool stopped_ = false;
  bool broken_ = false;
};

}  // namespace picket::apps::gateway::websocket::testing
