#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "picket/base/time.hpp"
#include "picket/pool/call.hpp"
#include "picket/pool/exchange.hpp"

namespace picket::inspection {

/// A body on its way to one agent: its chunks in order, a few of them at once where the connection tells answers apart.
///
/// Thread safety: its worker's thread. Lifetime: the exchange, and the bytes, outlive it; the exchange of one that is
/// destroyed while chunks are pending is cancelled.
class BodyCalls {
 public:
  /// One chunk on its way to the agent and back.
  struct Chunk {
    Chunk(pool::Exchange& exchange, const wire::RequestBodyChunk& chunk, base::Deadline deadline)
        : event(chunk), call(exchange, &event, wire::EventKind::request_body_chunk, deadline) {}
    base::TimePoint began = base::Clock::now();
    wire::RequestBodyChunk event;
    pool::Call call;
  };

  /// `chunks`: as split() makes them. `size`: what the agent is told of the whole body, in bytes.
  BodyCalls(pool::Exchange& exchange, std::vector<base::ByteView> chunks, std::uint64_t size);

  /// Puts chunks in flight beside each other and beside what else of the exchange is, as many as may be: perhaps none.
  void send_ahead(base::Deadline deadline);
  /// The same, and at least one.
  void send(base::Deadline deadline);
  /// Whether every chunk has been sent and its answer taken.
  [[nodiscard]] bool done() const noexcept { return calls_.empty() && sent_ == chunks_.size(); }
  /// The chunk whose answer is the next to count; until pop().
  [[nodiscard]] Chunk& oldest() noexcept { return calls_.front(); }
  void pop() { calls_.pop_front(); }
  [[nodiscard]] bool pending() const noexcept;
  [[nodiscard]] std::span<const base::ByteView> chunks() const noexcept { return chunks_; }
  /// Whether any chunk has been sent.
  [[nodiscard]] bool begun() const noexcept { return sent_ != 0; }

 private:
  void send_one(base::Deadline deadline);

  pool::Exchange& exchange_;
  std::vector<base::ByteView> chunks_;
  std::deque<Chunk> calls_;
  std::size_t sent_ = 0;
  std::uint64_t size_;
  std::uint64_t received_ = 0;
};

}  // namespace picket::inspection
