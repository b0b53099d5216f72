#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "picket/body/piece_queue.hpp"
#include "picket/body/stage.hpp"

namespace picket::body {

/// A stage that lets everything through as it comes. It has credit until a block waits in it, so that who does not take
/// is not fed without end.
///
/// Thread safety: its blocks' pool's. Lifetime: keeps the blocks of what waits. Units: credit in bytes, up to a block.
/// Errors: none; it never stops. Complexity: as PieceQueue. It stands before and behind the stages of a Pipeline, and
/// is all of a body's way where there are none.
class Passage final : public Stage {
 public:
  ~Passage() = default;

  /// 0 once a block waits, until some of it is taken.
  [[nodiscard]] std::size_t credit() const noexcept override {
    return bytes_.size() < base::block_size ? static_cast<std::size_t>(base::block_size - bytes_.size()) : 0;
  }
  /// More than credit() is taken, too: what came before anybody asked for credit must not be lost.
  void feed(Part part) override {
    bytes_.push(std::move(part.bytes));
    if (part.is_last) end_ = End::waits;
  }
  /// Bytes of one piece; the end comes with the last of them, or alone.
  [[nodiscard]] Part take(std::size_t most) override {
    Part part{.bytes = bytes_.pop(most), .is_last = end_ == End::waits && bytes_.empty()};
    if (part.is_last) end_ = End::gone;
    return part;
  }
  /// Gives up what waits, which nobody will take.
  void clear() { bytes_.clear(); }
  /// Of any size, where it is sent as it is.
  [[nodiscard]] bool expect(std::uint64_t /*size*/, bool as_sent) override { return as_sent; }
  /// Bytes that wait in it. bytes, whatever their number of pieces.
  [[nodiscard]] std::uint64_t size() const noexcept { return bytes_.size(); }
  /// Neither bytes nor an end wait.
  [[nodiscard]] bool is_empty() const noexcept { return bytes_.empty() && end_ != End::waits; }

 private:
  enum class End : std::uint8_t { to_come, waits, gone };

  PieceQueue bytes_;
  End end_ = End::to_come;
};

}  // namespace picket::body
