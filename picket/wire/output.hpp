#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "picket/base/buffer.hpp"
#include "picket/base/bytes.hpp"
#include "picket/wire/frame.hpp"

namespace picket::wire {

/// Bytes on their way out of a connection: encoders append to it, bodies are spliced in without being copied, and the
/// transport drains it from the front with one vectored write.
///
/// Whoever writes: prepare(), commit() or append() at its end, splice() for bodies, mark() and rewind() around what may
/// fail. Whoever sends: gather(), then consume() with what the kernel took, which may end anywhere, in a body too.
///
/// Thread safety: none; one owner, the connection. Lifetime: a spliced body is borrowed until it was consumed, or
/// own_borrowed() copied what is left of it. Complexity: appending is amortised O(1) for each byte, consuming O(1) and
/// one step for each body; steady use allocates nothing. Errors: std::bad_alloc. Units: bytes. Nothing here bounds how
/// much waits: who appends looks at size(), and stops or sheds where a peer does not read.
///
///   std::array<iovec, 64> parts;
///   const std::size_t used = output.gather(parts);
///   const ssize_t sent = ::writev(socket, parts.data(), static_cast<int>(used));
///   if (sent > 0) output.consume(static_cast<std::size_t>(sent));
class Output {
 public:
  Output() = default;
  /// `framing`: how the frames in it begin.
  explicit Output(const Framing& framing) noexcept : framing_(framing) {}

  /// Lifetime: the output's.
  [[nodiscard]] const Framing& framing() const noexcept { return framing_; }

  /// At least `size` writable bytes at the end; what is written counts after commit(). Views end with the next call.
  [[nodiscard]] char* prepare(std::size_t size) { return bytes_.prepare(size); }
  /// The same, with all the room there is.
  [[nodiscard]] std::span<char> prepare_all(std::size_t least) {
    char* const at = bytes_.prepare(least);
    return {at, bytes_.room()};
  }
  /// The first `size` bytes of what prepare() gave are there now. At most as many as there was room for.
  void commit(std::size_t size) noexcept {
    bytes_.commit(size);
    size_ += size;
  }
  /// Copies `text`, which must not lie in this output.
  void append(std::string_view text) {
    bytes_.append(text);
    size_ += text.size();
  }
  void append(char byte) {
    bytes_.append(byte);
    ++size_;
  }

  /// Puts `body` here without copying it: it stays where it is, and as it is, until it was consumed or own_borrowed()
  /// was called. Bodies below a few hundred bytes are copied: an iovec costs more than they do. Errors: std::bad_alloc.
  /// Complexity: O(1), or a copy of less than 512 bytes.
  void splice(base::ByteView body);

  /// Bytes not yet consumed, spliced ones included.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// The same without those. The output's own memory for content: a body that is spliced is its owner's memory, and its
  /// owner's to count.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }
  /// Whether something in it should be written at the end of this turn; what is behind let_wait() waits for company.
  [[nodiscard]] bool urgent() const noexcept { return size_ > deferred_; }
  /// What stands behind the first `size` bytes may wait, if they may. For what nobody waits for, such as a word that an
  /// exchange is over: it goes with the next frame that somebody does. Called right after it was appended, with size()
  /// from before.
  void let_wait(std::size_t size) noexcept {
    if (size <= deferred_) deferred_ = size_;
  }
  /// Everything should be written now.
  void make_urgent() noexcept { deferred_ = 0; }
  /// Bytes borrowed from callers. While there are some, whoever lent them must not let them go without own_borrowed().
  [[nodiscard]] bool borrows() const noexcept { return !splices_.empty(); }

  /// A place to return to: a frame that turns out too large is taken back whole.
  struct Mark {
    std::size_t size;
    std::size_t bytes;
    std::size_t splices;
  };
  /// Complexity: O(1), as rewinding to it but for the bodies since then.
  [[nodiscard]] Mark mark() const noexcept { return {size_, bytes_.size(), splices_.size()}; }
  /// Valid while nothing was consumed since mark(). Bodies that were spliced in since are borrowed no longer.
  void rewind(const Mark& mark) noexcept;
  /// `size` bytes were put in before the last `behind` bytes, bodies not counted: the bodies among them stand further
  /// back. Same condition.
  void shift_splices(std::size_t behind, std::size_t size) noexcept {
    const std::size_t from = consumed_ + bytes_.size() - behind;
    for (std::size_t i = splices_.size(); i != 0 && splices_[i - 1].at >= from; --i) splices_[i - 1].at += size;
  }
  /// Where what was appended since mark() begins, up to the first body that was spliced in: how a frame gets its
  /// header. Same condition.
  [[nodiscard]] char* at(const Mark& mark) noexcept { return bytes_.data() + mark.bytes; }

  /// Fills `out` with what to write first; returns how many entries it used. The entries are good until anything is
  /// appended or consumed. What does not fit into `out` comes with a later call. `out` has two entries at least, or it
  /// uses none where a body comes first. Lifetime: the bytes are the output's and the bodies' owners'.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const noexcept;
  /// The first `size` bytes were written. At most size(). Owners of bodies that are gone with it may let them go:
  /// borrows() and the next gather() know of them no more.
  void consume(std::size_t size) noexcept {
    size_ -= size;
    deferred_ = 0;
    if (!splices_.empty()) return consume_around_splices(size);
    bytes_.consume(size);
    consumed_ = bytes_.empty() ? 0 : consumed_ + size;
  }

  /// Copies what is left of every borrowed body that overlaps `body`, so that its owner may let it go. For what has
  /// ended while it was half written: a frame that has begun has to be finished. Complexity: where any overlaps, all
  /// that waits here is copied once, but for the bodies that do not.
  void own_borrowed(base::ByteView body);

  /// Everything as one string: for tests and tools.
  [[nodiscard]] std::string flatten() const;

 private:
  void consume_around_splices(std::size_t size) noexcept;

  struct Splice {
    std::size_t at;  // the body stands before this byte of bytes_, counted from when bytes_ was last empty
    base::ByteView body;
  };

  Framing framing_;
  base::Buffer bytes_;
  std::vector<Splice> splices_;
  std::size_t consumed_ = 0;  // of bytes_, since it was last empty
  std::size_t size_ = 0;
  std::size_t deferred_ = 0;  // all of the bytes that wait for company; 0 where any byte is urgent
};

}  // namespace picket::wire
