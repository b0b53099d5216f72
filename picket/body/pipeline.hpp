#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "picket/body/passage.hpp"
#include "picket/body/stage.hpp"

namespace picket::body {

/// A body's way through its stages, in their order: what one lets out, the next is fed. Without stages all goes on as
/// it comes.
///
/// Thread safety: its owner's. Lifetime: the stages outlive it. Complexity: what moves is views, never bytes.
class Pipeline {
 public:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  /// `most`: bytes that the body may have as it is sent.
  explicit Pipeline(std::uint64_t most = unlimited) noexcept : most_(most) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// What the body passes, once: bytes that came before wait for it.
  void set_stages(std::span<Stage* const> stages);

  /// The body has at least so many bytes, as it says itself.
  void expect(std::uint64_t size);
  /// Bytes that it takes now.
  [[nodiscard]] std::size_t credit() const noexcept;
  /// At most credit() bytes, or what has come already when the body begins. The end needs no credit.
  void feed(Part part);
  /// Moves what may move, after a stage was told something.
  void pump();
  /// Whether something waits to be taken.
  [[nodiscard]] bool lets_out() const noexcept { return !exit_.is_empty() && !is_stopped(); }
  /// The next bytes that go on; nothing while they are held.
  [[nodiscard]] Part take(std::size_t most = unlimited);

  [[nodiscard]] bool is_stopped() const noexcept { return stopped_ != Stop::none; }
  [[nodiscard]] Stop stopped() const noexcept { return stopped_; }
  /// Which stage has stopped it; null where its own limit has.
  [[nodiscard]] Stage* stopper() const noexcept { return stopper_; }

 private:
  void announce();
  [[nodiscard]] static bool move(Stage& from, Stage& to);
  [[nodiscard]] bool move_once();
  void stop(Stop why, Stage* stage) noexcept;

  std::uint64_t most_;
  std::uint64_t size_ = 0;  // at least
  std::uint64_t fed_ = 0;
  Passage entrance_;
  std::span<Stage* const> stages_;
  Passage exit_;
  bool has_stages_ = false;
  Stop stopped_ = Stop::none;
  Stage* stopper_ = nullptr;
};

}  // namespace picket::body
