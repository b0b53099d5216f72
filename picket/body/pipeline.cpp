#include "picket/body/pipeline.hpp"

#include <algorithm>
#include <utility>

namespace picket::body {

void Pipeline::set_stages(std::span<Stage* const> stages) {
  stages_ = stages;
  has_stages_ = true;
  pump();
}

void Pipeline::expect(std::uint64_t size) {
  size_ = std::max(size_, size);
  if (size_ > most_) stop(Stop::too_large, nullptr);
  announce();
}

std::size_t Pipeline::credit() const noexcept {
  if (is_stopped()) return 0;
  const std::size_t credit = stages_.empty() ? exit_.credit() : stages_.front()->credit();
  return credit - std::min<std::size_t>(credit, entrance_.size());
}

void Pipeline::feed(Part part) {
  fed_ += part.bytes.size();
  entrance_.feed(std::move(part));
  expect(fed_);
  pump();
}

Part Pipeline::take(std::size_t most) {
  if (is_stopped()) return {};
  Part part = exit_.take(most);
  pump();
  return part;
}

void Pipeline::pump() {
  if (!has_stages_) return;
  do announce();
  while (!is_stopped() && move_once());
}

/// One move between each two neighbours, so that no stage waits for all of another's bytes.
bool Pipeline::move_once() {
  bool moved = false;
  Stage* from = &entrance_;
  for (Stage* const stage : stages_) {
    moved = move(*from, *stage) || moved;
    from = stage;
  }
  return move(*from, exit_) || moved;
}

bool Pipeline::move(Stage& from, Stage& to) {
  if (from.stopped() != Stop::none || to.stopped() != Stop::none) return false;
  Part part = from.take(to.credit());
  if (part.is_nothing()) return from.stopped() != Stop::none;  // which is seen next
  to.feed(std::move(part));
  return true;
}

/// Tells the stages what is known of the body's size, and sees who stops it.
void Pipeline::announce() {
  bool as_sent = true;
  for (Stage* const stage : stages_) {
    as_sent = stage->expect(size_, as_sent) && as_sent;
    if (stage->stopped() != Stop::none) stop(stage->stopped(), stage);
  }
}

void Pipeline::stop(Stop why, Stage* stage) noexcept {
  if (is_stopped()) return;
  stopped_ = why;
  stopper_ = stage;
}

}  // namespace picket::body
