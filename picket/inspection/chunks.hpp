#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "picket/base/bytes.hpp"

namespace picket::inspection {

/// Bytes of all pieces together.
[[nodiscard]] std::uint64_t size_of(std::span<const base::ByteView> pieces) noexcept;

/// A body's pieces as one agent gets them: no chunk is larger than `largest`, none spans two pieces (that would be a
/// copy), and an empty body has one empty chunk, the last. Views of the pieces' bytes. Pure.
[[nodiscard]] std::vector<base::ByteView> split(std::span<const base::ByteView> pieces, std::size_t largest);

/// A body's pieces as an agent gets them that judges each event alone: in chunks as large as they may be, since what
/// lies across a cut would be seen by nobody. Those that span pieces are copied; `copies` owns their bytes.
[[nodiscard]] std::vector<base::ByteView> join(std::span<const base::ByteView> pieces, std::size_t largest,
                                               std::vector<std::unique_ptr<std::byte[]>>& copies);

/// A body as one agent makes it of its chunks, which are held until the agent's last word (protocol.md §5). A value;
/// views of bytes that others own.
class RewrittenBody {
 public:
  /// `chunks` must outlive it.
  explicit RewrittenBody(std::span<const base::ByteView> chunks) noexcept : sent_(chunks), size_(size_of(chunks)) {}

  /// Bytes of the whole body, were that chunk replaced so. `chunk`: one that there is.
  [[nodiscard]] std::uint64_t size_with(std::uint32_t chunk, base::ByteView replacement) const noexcept;
  /// An empty replacement drops the chunk. A later one of the same chunk counts.
  void replace(std::uint32_t chunk, base::ByteView replacement);
  [[nodiscard]] bool is_changed() const noexcept { return !made_.empty(); }
  /// What goes on where it is changed: empty chunks left out.
  [[nodiscard]] std::vector<base::ByteView> pieces() const;

 private:
  std::span<const base::ByteView> sent_;
  std::vector<base::ByteView> made_;  // empty until something is replaced
  std::uint64_t size_;
};

}  // namespace picket::inspection
