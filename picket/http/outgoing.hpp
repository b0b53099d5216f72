#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include <sys/uio.h>

namespace picket::http {

/// Text as a part of a write. Lifetime: a view of it. The kernel only reads what it points to, though its type does not
/// say so.
[[nodiscard]] iovec part(std::string_view text) noexcept;

/// "<hex size>\r\n" of a chunk (RFC 9112 §7.1). Thread safety: a value's.
class ChunkSize {
 public:
  explicit ChunkSize(std::size_t size) noexcept;
  ChunkSize(const ChunkSize&) = delete;
  ChunkSize& operator=(const ChunkSize&) = delete;

  /// Lifetime: this object's.
  [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 20> text_;
  std::size_t size_;
};

/// One write of a message under way: a head, a piece of its body, or both, in one system call and without a copy.
///
/// Thread safety: none. Lifetime: views of what it is given, which stays until it is written; of no use afterwards.
/// Source: RFC 9112 §7.1 for chunks.
///
///   http::Outgoing outgoing{head, piece, head_says_chunked, at_end};
///   const std::span<iovec> parts = outgoing.parts();
///   const auto written = co_await stream.write(parts, deadline);
///
/// An empty piece that is not the last makes no chunk: an empty chunk would be the end. Complexity: at most seven
/// parts, no allocation.
class Outgoing {
 public:
  /// `head`: may be empty. `piece`: what there is of the body; empty at its end or where there is none yet. `last`:
  /// nothing of the body follows. `chunked`: the piece is framed as a chunk, and the last one ends the body.
  /// `trailers`: lines that stand behind the last chunk, each with its CRLF.
  Outgoing(std::string_view head, std::string_view piece, bool chunked, bool last,
           std::string_view trailers = {}) noexcept;
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;

  /// For Stream::write(), which modifies them.
  [[nodiscard]] std::span<iovec> parts() noexcept { return std::span{parts_}.first(count_); }

 private:
  void add(std::string_view text) noexcept;

  ChunkSize size_;
  std::array<iovec, 7> parts_{};
  std::size_t count_ = 0;
};

}  // namespace picket::http
