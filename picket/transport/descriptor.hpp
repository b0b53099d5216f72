#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// What a descriptor is waited for.
enum class Readiness : std::uint8_t { readable, writable };

/// How an operation ended. A value.
struct Completion {
  int error = 0;  ///< As errno has it; ECANCELED: cancel(), or the descriptor was closed or is gone.
};

/// Whom an operation calls when it has ended: once, from the loop, under Worker::enter(), never from within the call
/// that began it. It allocates nothing. Thread safety: a value's; it is called on the loop's thread.
///
///   descriptor.wait(Readiness::readable, Waiter::of<&Reader::on_readable>(this));  // which outlives the wait
///   descriptor.wait(Readiness::readable, {&Link::on_readable, shared_from_this()});
class Waiter {
 public:
  /// May take the share.
  using Call = void (*)(std::shared_ptr<void>& self, const Completion& outcome);

  /// `self` lives until then, also where cancel() came meanwhile: readiness that was heard before it is told as such.
  Waiter(Call call, void* self) noexcept : call_(call), self_(std::shared_ptr<void>{}, self) {}
  /// Keeps `self` alive. Handed on from operation to operation, the share costs no count.
  Waiter(Call call, std::shared_ptr<void> self) noexcept : call_(call), self_(std::move(self)) {}

  /// One that calls a member function of `self`.
  template <auto step, class Self>
  [[nodiscard]] static Waiter of(Self* self) noexcept {
    return {[](std::shared_ptr<void>& share, const Completion& outcome) {
              (static_cast<Self*>(share.get())->*step)(outcome);
            },
            self};
  }

  void operator()(const Completion& outcome) {
    auto self = std::move(self_);  // goes before Worker::enter() does
    call_(self, outcome);
  }

 private:
  Call call_;
  std::shared_ptr<void> self_;
};

namespace internal {
struct Watched;
}

/// A descriptor of one worker, owned, that can be waited for.
///
/// Thread safety: its worker's. Lifetime: the worker outlives it. Destroyed, it closes. What was moved from is not open
/// and waits for nothing any more. Errors: reach the waiters. Complexity: O(1) and a system call for each, at most.
class Descriptor {
 public:
  /// None yet.
  explicit Descriptor(Worker& worker);
  /// Takes `value` over and makes it non-blocking. Where the kernel cannot watch it (out of memory) it is closed:
  /// is_open() says so.
  Descriptor(Worker& worker, int value);
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  ~Descriptor();

  [[nodiscard]] Worker& worker() const noexcept;
  [[nodiscard]] bool is_open() const noexcept { return value_ >= 0; }
  /// -1: none.
  [[nodiscard]] int value() const noexcept { return value_; }

  /// Calls `waiter` once the descriptor is ready. One system call; none for input where it is known to be empty. It may
  /// be called although nothing is there: look again, and wait again.
  void wait(Readiness readiness, Waiter waiter);
  /// All that there was has been read: the kernel had no more, or less than was asked for. To be said of a socket only.
  void found_empty() noexcept;
  /// Whether nothing has come since that was said, or since it is watched, as far as the loop has heard.
  [[nodiscard]] bool is_known_empty() const noexcept;
  /// Makes a socket and connects it: TCP without Nagle's delay. `waiter` is told what came of it; EAGAIN: a Unix server
  /// whose backlog is full, for which the kernel does not queue.
  void connect(const Endpoint& endpoint, Waiter waiter);
  /// Calls `waiter` as if what it waits for had ended.
  void post(Waiter waiter, Completion outcome = {});

  /// Ends everything that is waited for, with ECANCELED. The waiters are called later, from the loop.
  void cancel() noexcept;
  /// Gives the descriptor away; cancels.
  [[nodiscard]] int release() noexcept;
  /// Cancels. Closing twice is closing once.
  void close() noexcept;

 private:
  [[nodiscard]] int take(int value);
  [[nodiscard]] int start_connecting(const Endpoint& endpoint);
  [[nodiscard]] internal::Reactor& reactor() const noexcept;

  std::unique_ptr<internal::Watched> watched_;  // stays where it is
  int value_ = -1;
};

/// Has small writes leave at once: every write here is a whole message, and nothing follows that it could wait for.
/// Nothing where it is no TCP socket.
void set_no_delay(int descriptor) noexcept;
/// Has the kernel ask a silent peer whether it is there: after 30 s, and after 30 s more without an answer the
/// connection fails. For an end that does not ask itself: behind a NAT that has forgotten the connection it would wait
/// for ever. Nothing where it is no TCP socket.
void keep_alive(int descriptor) noexcept;

}  // namespace picket::transport
