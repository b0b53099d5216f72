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
///
///   body::Pipeline pipeline{limit};
///   pipeline.set_stages(stages);
///   …                                                       // for what is read, credit() bytes at most:
///   pipeline.feed({.bytes = intake.commit(size), .is_last = at_end});
///   while (pipeline.lets_out()) send_on(pipeline.take());
///   if (pipeline.is_stopped()) …                            // nothing more goes on; stopped() says why
///
/// Errors: values: stopped(). Once it is stopped it takes nothing and lets nothing out, for good. Memory: what the
/// stages hold, and a block at each end.
class Pipeline {
 public:
  static constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

  /// `most`: bytes that the body may have as it is sent.
  explicit Pipeline(std::uint64_t most = unlimited) noexcept : most_(most) {}
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// What the body passes, once: bytes that came before wait for it. The list is borrowed as well as the stages. Empty:
  /// the body goes on as it came.
  void set_stages(std::span<Stage* const> stages);

  /// The body has at least so many bytes, as it says itself. Said early, as Content-Length does, it lets a body be
  /// refused before a byte of it is held. Smaller numbers than before say nothing.
  void expect(std::uint64_t size);
  /// Bytes that it takes now. 0 once it is stopped.
  [[nodiscard]] std::size_t credit() const noexcept;
  /// At most credit() bytes, or what has come already when the body begins. The end needs no credit. `part` after the
  /// last one must not come.
  void feed(Part part);
  /// Moves what may move, after a stage was told something. Whoever tells a stage a verdict calls it: the pipeline does
  /// not know of that.
  void pump();
  /// Whether something waits to be taken.
  [[nodiscard]] bool lets_out() const noexcept { return !exit_.is_empty() && !is_stopped(); }
  /// The next bytes that go on; nothing while they are held. Bytes of one piece. What is taken makes room: credit() may
  /// be more behind it.
  [[nodiscard]] Part take(std::size_t most = unlimited);

  [[nodiscard]] bool is_stopped() const noexcept { return stopped_ != Stop::none; }
  /// The first reason counts.
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
