#pragma once

#include "apps/gateway/websocket/tunnel_end.hpp"
#include "picket/base/buffer.hpp"
#include "picket/transport/stream.hpp"

namespace picket::apps::gateway::websocket {

/// A connection of HTTP/1.1 once it speaks another protocol. Thread safety: its worker's. Lifetime: both outlive it.
class StreamEnd final : public TunnelEnd {
 public:
  /// `buffered`: what was read of it already.
  StreamEnd(transport::Stream& stream, base::Buffer& buffered) noexcept : stream_(stream), buffered_(buffered) {}
  ~StreamEnd() = default;

  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline deadline) override;
  [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, base::Deadline deadline) override;
  void shutdown_write() override { stream_.shutdown_write(); }
  void stop() noexcept override { stream_.cancel(); }
  /// The end of the connection, which follows, says it.
  void cut() noexcept override {}
  void write_last(std::string_view bytes) noexcept override;

 private:
  transport::Stream& stream_;
  base::Buffer& buffered_;
};

}  // namespace picket::apps::gateway::websocket
