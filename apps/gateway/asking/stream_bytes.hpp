#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "picket/base/block_pool.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/bytes.hpp"

namespace picket::apps::gateway::asking {

/// What came of a stream's body and was not read, which counts as held. Who waits for it says where it goes, so that it
/// is copied once; what comes while nobody waits is kept, and copied again.
///
///   bytes.await(into);           // until it is read, or no longer awaited
///   …take() puts what comes there, and as much as fits no more behind it
///   size = bytes.read(into);
///
/// Thread safety: its worker's. Lifetime: the pool outlives it. Errors: std::bad_alloc.
class StreamBytes {
 public:
  explicit StreamBytes(base::BlockPool& pool) noexcept : held_(pool) {}

  /// False: there is no place for them within the budget.
  [[nodiscard]] bool take(std::string_view bytes) {
    if (!held_.count(bytes.size())) return false;
    const std::size_t fits = std::min(bytes.size(), awaiting_.size() - placed_);
    if (fits != 0) std::memcpy(awaiting_.data() + placed_, bytes.data(), fits);
    placed_ += fits;
    unread_.append(bytes.substr(fits));
    return true;
  }

  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return placed_ + unread_.size(); }

  /// Where what comes next goes, where nothing has come. Lifetime: until read() or await_no_more().
  void await(std::span<char> into) noexcept { awaiting_ = into; }
  /// The memory goes, unread: what was put there is the first to be read.
  void await_no_more() {
    const std::string_view placed{awaiting_.data(), placed_};
    awaiting_ = {};
    if (std::exchange(placed_, 0) == 0) return;
    base::Buffer all;
    all.append(placed);
    all.append(unread_.text());
    unread_ = std::move(all);
  }
  /// As much as fits; where it was awaited, into that very memory. Returns: bytes.
  [[nodiscard]] std::size_t read(std::span<char> into) noexcept {
    awaiting_ = {};
    std::size_t size = std::exchange(placed_, 0);
    if (size == 0) {
      size = std::min(into.size(), unread_.size());
      if (size != 0) std::memcpy(into.data(), unread_.data(), size);
      unread_.consume(size);
    }
    held_.give_back(size);
    return size;
  }
  /// All of it, where nobody awaits it. Lifetime: until more comes.
  [[nodiscard]] base::ByteView read_all() noexcept {
    const base::ByteView all = unread_.bytes();
    unread_.consume(all.size());
    held_.give_back(all.size());
    return all;
  }
  /// Nobody reads it. Returns: bytes that were not read.
  std::size_t drop() noexcept {
    const std::size_t size = this->size();
    awaiting_ = {};
    placed_ = 0;
    unread_.release();
    held_.give_back(size);
    return size;
  }

 private:
  base::Buffer unread_;
  base::HeldBytes held_;
  std::span<char> awaiting_;
  std::size_t placed_ = 0;  // of it
};

}  // namespace picket::apps::gateway::asking
