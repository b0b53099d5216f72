#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "picket/transport/endpoint.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// What a descriptor is waited for.
enum class Readiness : std::uint8_t { readable, writable };

/// How an operation ended. A value. `size` counts where bytes were read.
struct Completion {
  int error = 0;  ///< As errno has it; ECANCELED: cancel(), or the descriptor was closed or is gone.
  std::size_t size = 0;
};

/// Whom an operation calls when it has ended: once, from the loop, under Worker::enter(), never from within the call
/// that began it. It allocates nothing.
///
///   descriptor.wait(Readiness::readable, Waiter::of<&Reader::on_readable>(this));  // which outlives the wait
///   descriptor.wait(Readiness::readable, {&Link::on_readable, shared_from_this()});
class Waiter {
 public:
  /// May take the share.
  using Call = void (*)(std::shared_ptr<void>& self, const Completion& outcome);

  /// `self` lives until then. Only where `call` leaves it alone in case of ECANCELED may it be gone before.
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

/// A descriptor of one worker, owned, that can be waited for: the only place that knows the reactor below (Asio).
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

  /// Calls `waiter` once the descriptor is ready. One system call where it is not waited for already. It may be called
  /// although nothing is there: look again, and wait again.
  void wait(Readiness readiness, Waiter waiter);
  /// Reads a socket as soon as bytes are there. `into` lives until `waiter` is called: with the bytes read, with none
  /// at the end of the stream. Saves the system call of wait().
  void receive(std::span<char> into, Waiter waiter);
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
  struct Impl;

  [[nodiscard]] int take(int value);
  [[nodiscard]] int start_connecting(const Endpoint& endpoint);

  std::unique_ptr<Impl> impl_;
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
