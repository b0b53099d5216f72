#pragma once

#include "apps/cli/conform/line.hpp"
#include "picket/http2/connection.hpp"

namespace picket::apps::cli::conform {

/// A connection of HTTP/2, used as if it blocked. Thread safety and lifetime: its Line's; `events` outlives it.
class Http2Line {
 public:
  Http2Line(Line line, http2::Role role, http2::Events& events)
      : line_(std::move(line)), connection_(role, http2::Limits{}, events) {}

  [[nodiscard]] http2::Connection& connection() noexcept { return connection_; }
  /// Writes what waits, as far as the peer's windows let it. Errors: Line::write's.
  [[nodiscard]] base::Status flush(base::TimePoint deadline);
  /// Takes what is there, or what comes first until the deadline, and answers it. False: nothing came. Errors: it
  /// closed the connection, or sent what HTTP/2 does not have.
  [[nodiscard]] base::Result<bool> read(base::TimePoint deadline);
  void reset() { line_.reset(); }

 private:
  Line line_;
  http2::Connection connection_;
};

/// Bytes that wait to leave in a stream's DATA.
class PendingBytes final : public http2::Outgoing {
 public:
  void add(std::string_view bytes) { bytes_.append(bytes); }
  [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
  void consume(std::size_t size) override { bytes_.consume(size); }

 private:
  base::Buffer bytes_;
};

}  // namespace picket::apps::cli::conform
