#include "picket/body/agent_stage.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

namespace picket::body {
namespace {

/// What of `most` is left beside `used`.
std::uint64_t rest(std::uint64_t most, std::uint64_t used) noexcept { return most - std::min(most, used); }

}  // namespace

AgentStage::AgentStage(const AgentPolicy& policy) noexcept : policy_(policy) {
  // What is under way is held: a chunk that is larger than may be held could not be asked about.
  if (policy_.gathers != whole)
    policy_.largest_chunk = std::clamp<std::uint64_t>(policy_.holds, 1, policy_.largest_chunk);
  // Beside what is held back there must be room to go on.
  if (policy_.holds_back != 0)
    policy_.largest_chunk =
        std::clamp<std::uint64_t>(rest(policy_.holds, policy_.holds_back) / 2, 1, policy_.largest_chunk);
  if (policy_.gathers == 0) state_ = State::asks;
}

// ---- the body

std::size_t AgentStage::credit() const noexcept {
  switch (state_) {
    case State::gathers:
    case State::asks: return static_cast<std::size_t>(room());
    case State::passes: return out_.credit();
    case State::goes_past:
    case State::stopped: break;
  }
  return 0;
}

/// Where only more bytes can bring things on, a block more than may be held is taken: that is how it shows that there
/// are too many. Where the agent is asked before, no more than it waits for: what is more may come when that has left.
std::uint64_t AgentStage::room() const noexcept {
  if (state_ == State::gathers)
    return std::min<std::uint64_t>(base::block_size, rest(policy_.gathers, waiting_.size()));
  const std::uint64_t may_hold = rest(policy_.holds, held());
  const std::uint64_t under_way = unanswered() + out_.size();
  if (under_way == 0 && may_hold == 0) return base::block_size;
  const std::uint64_t window = std::min(policy_.largest_chunk, base::block_size) * chunks_at_once;
  return std::min(rest(window, under_way), may_hold);
}

void AgentStage::feed(Part part) {
  fed_ += part.bytes.size();
  size_ += part.bytes.size();
  has_ended_ = has_ended_ || part.is_last;
  switch (state_) {
    case State::gathers:
    case State::asks:
      waiting_.push(std::move(part.bytes));
      if (held() > policy_.holds) return exceed();
      if (state_ == State::gathers && (has_ended_ || waiting_.size() >= policy_.gathers)) begin();
      return;
    case State::goes_past: return waiting_.push(std::move(part.bytes));
    case State::passes: return out_.feed(std::move(part));
    case State::stopped: return;
  }
}

Part AgentStage::take(std::size_t most) { return out_.take(most); }

/// A limit of what is held is one of the body only where all of it is held.
bool AgentStage::expect(std::uint64_t size, bool as_sent) {
  if (as_sent) expected_ = std::max(expected_, size);
  const bool is_too_large = policy_.gathers == whole && size > policy_.holds && state_ == State::gathers;
  if (is_too_large && (as_sent || policy_.refuses_larger)) exceed();
  return as_sent && state_ == State::passes && is_as_sent_;
}

void AgentStage::begin() {
  state_ = State::asks;
  gathered_ = waiting_.size();
}

void AgentStage::exceed() {
  if (policy_.refuses_larger) return stop(Stop::too_large);
  state_ = State::goes_past;
}

// ---- the agent

bool AgentStage::has_next() const noexcept {
  const bool asks = state_ == State::asks && (!waiting_.empty() || has_ended_);
  return !last_asked_ && (asks || state_ == State::goes_past);
}

std::optional<Chunk> AgentStage::next(std::uint64_t most) {
  if (!has_next()) return std::nullopt;
  Chunk chunk{.number = first_ + static_cast<std::uint32_t>(chunks_.size()), .goes_past = state_ == State::goes_past};
  if (!chunk.goes_past) chunk.bytes = cut(most);
  asked_ += chunk.bytes.size();
  chunk.received = asked_;
  chunk.is_last = last_asked_ = chunk.goes_past || (has_ended_ && waiting_.empty());
  if (has_ended_) chunk.body_size = std::max(fed_, expected_);
  if (chunk.goes_past) chunk.body_size = std::max({fed_, expected_, asked_ + 1});
  chunks_.push_back({.came = chunk.bytes, .goes = chunk.bytes, .is_last = chunk.is_last});
  return chunk;
}

base::SharedBytes AgentStage::cut(std::uint64_t most) {
  const auto size = static_cast<std::size_t>(std::min({std::uint64_t{waiting_.size()}, policy_.largest_chunk, most}));
  return policy_.joins_in == nullptr || size <= waiting_.front_size() ? waiting_.pop(size) : join(size);
}

base::SharedBytes AgentStage::join(std::size_t size) {
  base::Block block = policy_.joins_in->take(size);
  char* into = block.bytes().data();
  for (std::size_t left = size; left != 0;) {
    const base::SharedBytes piece = waiting_.pop(left);
    std::memcpy(into, piece.view().data(), piece.size());
    into += piece.size();
    left -= piece.size();
  }
  const base::ByteView bytes = base::as_bytes({block.bytes().data(), size});
  return {std::move(block), bytes};
}

void AgentStage::allow(bool needs_more) {
  const Held& chunk = chunks_[allowed_++];
  answered_ += chunk.came.size();
  if (chunk.is_last) {
    skip();
  } else if (!needs_more && answered_ >= gathered_) {
    agreed_ = allowed_;
    release(releasable(), Changes::kept);
  }
}

/// Of the chunks that are allowed those behind which enough of them is held back.
std::size_t AgentStage::releasable() const noexcept {
  std::size_t chunks = allowed_;
  for (std::uint64_t behind = 0; chunks != 0 && behind < policy_.holds_back; --chunks)
    behind += chunks_[chunks - 1].came.size();
  return chunks;
}

bool AgentStage::holds(std::uint32_t number) const noexcept {
  return number >= first_ && number - first_ < chunks_.size() && number - first_ <= allowed_;
}

bool AgentStage::is_as_sent() const noexcept {
  const auto agreed = std::span{chunks_}.first(agreed_);
  return is_as_sent_ && std::ranges::none_of(agreed, &Held::is_replaced);
}

std::uint64_t AgentStage::size_with(std::uint32_t number, std::uint64_t bytes) const noexcept {
  return size_ - chunks_[number - first_].goes.size() + bytes;
}

void AgentStage::replace(std::uint32_t number, base::SharedBytes bytes) {
  size_ = size_with(number, bytes.size());
  Held& chunk = chunks_[number - first_];
  chunk.goes = std::move(bytes);
  chunk.is_replaced = true;
}

void AgentStage::release(std::size_t chunks, Changes changes) {
  for (std::size_t i = 0; i < chunks; ++i) {
    const bool is_changed = changes == Changes::kept && chunks_[i].is_replaced;
    is_as_sent_ = is_as_sent_ && !is_changed;
    released_ += chunks_[i].came.size();
    out_.feed({.bytes = std::move(changes == Changes::kept ? chunks_[i].goes : chunks_[i].came)});
  }
  chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<std::ptrdiff_t>(chunks));
  first_ += static_cast<std::uint32_t>(chunks);
  allowed_ -= std::min(allowed_, chunks);
  agreed_ -= std::min(agreed_, chunks);
}

void AgentStage::open(Changes changes) {
  if (state_ == State::passes || state_ == State::stopped) return;
  release(agreed_, Changes::kept);
  release(chunks_.size(), changes);
  while (!waiting_.empty()) out_.feed({.bytes = waiting_.pop(waiting_.front_size())});
  if (has_ended_) out_.feed({.is_last = true});
  state_ = State::passes;
}

void AgentStage::stop(Stop why) {
  state_ = State::stopped;
  stop_ = why;
  chunks_.clear();
  waiting_.clear();
}

}  // namespace picket::body
