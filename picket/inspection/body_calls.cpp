#include "picket/inspection/body_calls.hpp"

#include <algorithm>

namespace picket::inspection {
namespace {

// Chunks on their way to an agent that takes several at once: enough to hide the way, few enough to hold no memory.
constexpr std::size_t chunks_in_flight = 4;

}  // namespace

BodyCalls::BodyCalls(pool::Exchange& exchange, std::vector<base::ByteView> chunks, std::uint64_t size)
    : exchange_(exchange), chunks_(std::move(chunks)), size_(size) {}

void BodyCalls::send_ahead(base::Deadline deadline) {
  while (sent_ < chunks_.size() && calls_.size() < chunks_in_flight && exchange_.can_pipeline()) send_one(deadline);
}

void BodyCalls::send(base::Deadline deadline) {
  if (calls_.empty()) send_one(deadline);
  send_ahead(deadline);
}

void BodyCalls::send_one(base::Deadline deadline) {
  const base::ByteView data = chunks_[sent_];
  received_ += data.size();
  const wire::RequestBodyChunk event{.correlation_id = exchange_.id().text(),
                                     .data = data,
                                     .is_last = sent_ + 1 == chunks_.size(),
                                     .total_size = size_,
                                     .chunk_index = static_cast<std::uint32_t>(sent_),
                                     .bytes_received = received_};
  calls_.emplace_back(exchange_, event, deadline);
  ++sent_;
}

bool BodyCalls::pending() const noexcept {
  return std::ranges::any_of(calls_, [](const Chunk& chunk) { return !chunk.call.done(); });
}

}  // namespace picket::inspection
