#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "picket/body/intake.hpp"
#include "picket/body/piece_queue.hpp"
#include "picket/body/stage.hpp"

namespace picket::body {

namespace internal {
class Unpacker;
}

/// A content coding that can be undone (RFC 9110 §8.4.1).
enum class Coding : std::uint8_t { gzip, deflate, br };

/// By its name, in any case; nothing for others. Pure. "x-gzip" is another word for gzip (RFC 9110 §8.4.1.3).
[[nodiscard]] std::optional<Coding> coding_of(std::string_view name) noexcept;

/// How much may come out of a body, so that a few bytes do not become many. Who sends a bomb is told too_large before
/// it has gone off: 10 KB of gzip may be 10 MB. A value.
struct UnpackLimits {
  std::uint64_t ratio = 100;  ///< Bytes that come out for each that goes in, beside one block.
  std::uint64_t size = 0;     ///< Bytes that come out in all; 0: only the ratio counts.
};

/// The stage that undoes a content coding: what comes behind it is the content.
///
/// Bytes are unpacked when they are taken, so that nothing is unpacked before somebody has room for it. A body that is
/// not what its coding says, has something behind its end or ends early stops as undecodable; one that becomes more
/// than it may as too_large. What is unpacked counts as held, and so does what the coding needs to go on, its window
/// above all; over the pool's budget it stops as overloaded.
///
/// Thread safety: its pool's. Lifetime: the pool outlives it. Units: bytes. Complexity: each byte is copied once; the
/// coding's window (up to 32 KiB, of br up to 16 MiB) lives as long as it does. Errors: stopped(), as said; what has
/// gone on by then has gone.
class UnpackStage final : public Stage {
 public:
  UnpackStage(Coding coding, base::BlockPool& pool, const UnpackLimits& limits);
  ~UnpackStage();

  [[nodiscard]] std::size_t credit() const noexcept override;
  void feed(Part part) override;
  [[nodiscard]] Part take(std::size_t most) override;
  [[nodiscard]] Stop stopped() const noexcept override { return stop_; }
  /// Whether all of the content has gone on to the next stage.
  [[nodiscard]] bool has_ended() const noexcept { return end_ == End::gone; }

 private:
  void stop(Stop why);
  void advance();
  [[nodiscard]] bool unpack_some();
  [[nodiscard]] bool has_packed() const noexcept { return !packed_.empty() || !waiting_.empty(); }
  [[nodiscard]] bool is_too_much() const noexcept;

  std::unique_ptr<internal::Unpacker> unpacker_;
  Intake made_;
  UnpackLimits limits_;
  PieceQueue waiting_;        // packed
  base::SharedBytes packed_;  // before those: what is being unpacked
  base::SharedBytes next_;    // unpacked, not taken yet
  std::uint64_t fed_ = 0;
  std::uint64_t unpacked_ = 0;
  bool may_end_ = true;  // what has come is a whole
  enum class End : std::uint8_t { to_come, fed, unpacked, gone } end_ = End::to_come;
  Stop stop_ = Stop::none;
};

}  // namespace picket::body
