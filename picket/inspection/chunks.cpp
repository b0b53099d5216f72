#include "picket/inspection/chunks.hpp"

#include <algorithm>
#include <iterator>

namespace picket::inspection {

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

namespace {

/// Takes up to `size` bytes from the front of `pieces`, which hold as many, into one place.
base::ByteView gather(std::span<const base::ByteView>& pieces, std::size_t& offset, std::size_t size,
                      std::vector<std::unique_ptr<std::byte[]>>& copies) {
  std::byte* into = nullptr;
  if (size > pieces.front().size() - offset)
    into = copies.emplace_back(std::make_unique_for_overwrite<std::byte[]>(size)).get();
  base::ByteView chunk = into != nullptr ? base::ByteView{into, size} : pieces.front().subspan(offset, size);
  for (std::size_t left = size; left != 0;) {
    const base::ByteView part = pieces.front().subspan(offset, std::min(left, pieces.front().size() - offset));
    if (into != nullptr) into = std::ranges::copy(part, into).out;
    left -= part.size();
    offset += part.size();
    if (offset != pieces.front().size()) continue;
    pieces = pieces.subspan(1);
    offset = 0;
  }
  return chunk;
}

}  // namespace

std::vector<base::ByteView> join(std::span<const base::ByteView> pieces, std::size_t largest,
                                 std::vector<std::unique_ptr<std::byte[]>>& copies) {
  std::vector<base::ByteView> chunks;
  std::size_t offset = 0;
  for (std::uint64_t left = size_of(pieces); left != 0; left -= chunks.back().size())
    chunks.push_back(gather(pieces, offset, static_cast<std::size_t>(std::min<std::uint64_t>(left, largest)), copies));
  if (chunks.empty()) chunks.emplace_back();
  return chunks;
}

std::uint64_t RewrittenBody::size_with(std::uint32_t chunk, base::ByteView replacement) const noexcept {
  const auto now = is_changed() ? std::span<const base::ByteView>{made_} : sent_;
  return size_ - now[chunk].size() + replacement.size();
}

void RewrittenBody::replace(std::uint32_t chunk, base::ByteView replacement) {
  size_ = size_with(chunk, replacement);
  if (!is_changed()) made_.assign(sent_.begin(), sent_.end());
  made_[chunk] = replacement;
}

std::vector<base::ByteView> RewrittenBody::pieces() const {
  std::vector<base::ByteView> kept;
  std::ranges::copy_if(made_, std::back_inserter(kept), [](base::ByteView chunk) { return !chunk.empty(); });
  return kept;
}

}  // namespace picket::inspection
