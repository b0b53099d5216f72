#include "apps/gateway/inspection/chunks.hpp"

#include <algorithm>

namespace picket::apps::gateway::inspection {

std::uint64_t size_of(std::span<const base::ByteView> pieces) noexcept {
  std::uint64_t total = 0;
  for (const auto piece : pieces) total += piece.size();
  return total;
}

std::vector<base::ByteView> split(std::span<const base::ByteView> pieces, std::size_t largest) {
  std::vector<base::ByteView> chunks;
  for (auto piece : pieces)
    for (; !piece.empty(); piece = piece.subspan(std::min(largest, piece.size())))
      chunks.push_back(piece.first(std::min(largest, piece.size())));
  if (chunks.empty()) chunks.emplace_back();
  return chunks;
}

void append(std::vector<base::ByteView>& pieces, base::ByteView chunk,
            const std::optional<wire::BodyMutation>& mutation) {
  const base::ByteView made = mutation && mutation->data ? *mutation->data : chunk;
  if (!made.empty()) pieces.push_back(made);
}

}  // namespace picket::apps::gateway::inspection
