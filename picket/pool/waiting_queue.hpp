#pragma once

#include <cstdint>

namespace picket::pool {

/// Who waits, in the order in which they came: a list through places that are theirs.
///
/// Thread safety: its owner's. Lifetime: who waits is taken out before he ends, and the queue outlives that.
/// Complexity: O(1) but for each(); no allocation.
///
///   struct Waiter : WaitingQueue::Place { … };
///   queue.push_back(waiter);
///   auto& first = static_cast<Waiter&>(*queue.front());  // the owner knows what it put in
///   queue.remove(first);
///
/// Errors: none. It is not bounded: whoever puts in looks at size() before.
class WaitingQueue {
 public:
  /// One's place, while he waits: base of who may wait. In one queue at a time. It cannot be copied or moved: others
  /// link to it.
  class Place {
   protected:
    Place() = default;
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() = default;

   private:
    friend class WaitingQueue;
    Place* previous_ = nullptr;
    Place* next_ = nullptr;
  };

  /// Complexity: O(1); it is counted.
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  /// Who came first; null where nobody waits.
  [[nodiscard]] Place* front() const noexcept { return first_; }

  /// Behind all others; who waits already must not.
  void push_back(Place& place) noexcept {
    place.previous_ = last_;
    place.next_ = nullptr;
    (last_ == nullptr ? first_ : last_->next_) = &place;
    last_ = &place;
    ++size_;
  }
  /// Calls `look(place)` for each, in order; it may take out that one, and nobody else.
  template <class Look>
  void each(Look look) const {
    for (Place* place = first_; place != nullptr;) {
      Place* const next = place->next_;
      look(*place);
      place = next;
    }
  }

  /// Takes one out. False: he does not wait. Of another queue it must not be.
  bool remove(Place& place) noexcept {
    if (first_ != &place && place.previous_ == nullptr) return false;
    (place.previous_ == nullptr ? first_ : place.previous_->next_) = place.next_;
    (place.next_ == nullptr ? last_ : place.next_->previous_) = place.previous_;
    place.previous_ = place.next_ = nullptr;
    --size_;
    return true;
  }

 private:
  Place* first_ = nullptr;
  Place* last_ = nullptr;
  std::uint32_t size_ = 0;
};

}  // namespace picket::pool
