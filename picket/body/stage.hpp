#pragma once

#include <cstddef>
#include <cstdint>

#include "picket/base/shared_bytes.hpp"

namespace picket::body {

/// Which way a body goes.
enum class Direction : std::uint8_t { request, response };

/// What of a body goes on at a time. A value. Lifetime: its bytes have a share of their block, or are borrowed.
struct Part {
  base::SharedBytes bytes;
  bool is_last = false;  ///< Nothing comes behind them.

  [[nodiscard]] bool is_nothing() const noexcept { return bytes.empty() && !is_last; }
};

/// Why a body goes no further.
enum class Stop : std::uint8_t {
  none,
  decided,      ///< Somebody has refused it.
  too_large,    ///< It is more than the stage may hold.
  undecodable,  ///< It is not what its coding says.
  overloaded,   ///< What may be held of all bodies is used up.
};

/// What a body passes on its way. A stage holds what it is fed, passes it on, replaces it, or stops it for good.
///
/// Bytes move by credit: a stage is fed no more than it takes, and is asked for no more than the next one takes. So who
/// is slow holds back who is before it, up to the peer that sends. Thread safety: its owner's. Lifetime: outlives its
/// pipeline. Errors: values: stopped(). Complexity: what moves is shares of blocks.
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// Bytes that it takes now. None: more once something was taken from it, or it was told a verdict.
  [[nodiscard]] virtual std::size_t credit() const noexcept = 0;
  /// At most credit() bytes. The end needs no credit, and comes once.
  virtual void feed(Part part) = 0;
  /// The next bytes that go on, up to `most`; nothing while it holds them. The end comes once. `most` of 0 asks for the
  /// end alone, if it is next.
  [[nodiscard]] virtual Part take(std::size_t most) = 0;
  /// Once it has stopped it is neither fed nor asked for anything.
  [[nodiscard]] virtual Stop stopped() const noexcept { return Stop::none; }
  /// The body has at least `size` bytes, which may still have to come. `as_sent`: no stage before this one changes any
  /// of them. Whether the next one gets them so, too. May be said again.
  [[nodiscard]] virtual bool expect(std::uint64_t /*size*/, bool /*as_sent*/) { return false; }

 protected:
  ~Stage() = default;
};

}  // namespace picket::body
