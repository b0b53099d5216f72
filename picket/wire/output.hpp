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
/// one step for each body; steady use allocates nothing.
class Output {
 public:
  Output() = default;
  /// `framing`: how the frames in it begin.
  explicit Output(const Framing& framing) noexcept : framing_(framing) {}

  [[nodiscard]] const Framing& framing() const noexcept { return framing_; }

  /// At least `size` writable bytes at the end; what is written counts after commit(). Views end with the next call.
  [[nodiscard]] char* prepare(std::size_t size) { return bytes_.prepare(size); }
  /// The same, with all the room there is.
  [[nodiscard]] std::span<char> prepare_all(std::size_t least) {
    char* const at = bytes_.prepare(least);
    return {at, bytes_.room()};
  }
  /// The first `size` bytes of what prepare() gave are there now.
  void commit(std::size_t size) noexcept {
    bytes_.commit(size);
    size_ += size;
  }
  void append(std::string_view text) {
    bytes_.append(text);
    size_ += text.size();
  }
  void append(char byte) {
    bytes_.append(byte);
    ++size_;
  }

  /// Puts `body` here without copying it: it stays where it is, and as it is, until it was consumed or own_borrowed()
  /// was called. Bodies below a few hundred bytes are copied: an iovec costs more than they do.
  void splice(base::ByteView body);

  /// Bytes not yet consumed, spliced ones included.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// The same without those.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_.size(); }
  /// Whether something in it should be written at the end of this turn; what is behind let_wait() waits for company.
  [[nodiscard]] bool urgent() const noexcept { return size_ > deferred_; }
  /// What stands behind the first `size` bytes may wait, if they may.
  void let_wait(std::size_t size) noexcept {
    if (size <= deferred_) deferred_ = size_;
  }
  /// Everything should be written now.
  void make_urgent() noexcept { deferred_ = 0; }
  /// Bytes borrowed from callers.
  [[nodiscard]] bool borrows() const noexcept { return !splices_.empty(); }

  /// A place to return to: a frame that turns out too large is taken back whole.
  struct Mark {
    std::size_t size;
    std::size_t bytes;
    std::size_t splices;
  };
  [[nodiscard]] Mark mark() const noexcept { return {size_, bytes_.size(), splices_.size()}; }
  /// Valid while nothing was consumed since mark().
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
  /// appended or consumed. What does not fit into `out` comes with a later call.
  [[nodiscard]] std::size_t gather(std::span<iovec> out) const noexcept;
  /// The first `size` bytes were written.
  void consume(std::size_t size) noexcept {
    size_ -= size;
    deferred_ = 0;
    if (!splices_.empty()) return consume_around_splices(size);
    bytes_.consume(size);
    consumed_ = bytes_.empty() ? 0 : consumed_ + size;
  }

  /// Copies what is left of every borrowed body that overlaps `body`, so that its owner may let it go. For what has
  /// ended while it was half written: a frame that has begun has to be finished.
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
