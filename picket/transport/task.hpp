#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "picket/base/recycled_memory.hpp"

namespace picket::transport {

template <class T>
class Task;

namespace internal {

/// What all tasks' promises have: where the frame lies, and who goes on at its end. Complexity: a frame of up to
/// base::RecycledMemory::largest bytes is one that ended before; steady use allocates nothing.
struct TaskPromiseBase : base::Recycled {
  std::coroutine_handle<> continuation = std::noop_coroutine();

  /// Resumes the awaiter by a jump, not by a call: tasks that end one after the other take no stack.
  struct FinalAwaiter {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
      return handle.promise().continuation;
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
  /// Errors are values here: an exception that reaches a task's end is a bug, and stops the process where it happened.
  [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

template <class T>
struct TaskPromise : TaskPromiseBase {
  std::optional<T> value;
  Task<T> get_return_object() noexcept;
  template <class U>
  void return_value(U&& result) {
    value.emplace(std::forward<U>(result));
  }
};

template <>
struct TaskPromise<void> : TaskPromiseBase {
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
};

}  // namespace internal

/// A coroutine that starts when it is awaited and resumes its awaiter when it ends.
///
///   transport::Task<base::Result<std::size_t>> ask(transport::Stream& stream, std::span<char> into) {
///     const auto deadline = base::Deadline::after(stream.worker().now(), std::chrono::seconds{1});
///     auto size = co_await stream.read_some(into, deadline);
///     co_return size;
///   }
///   transport::spawn(serve(stream));  // or co_await it from another task
///
/// Rule (GCC 12 miscompiles the alternatives): a `co_await` is a whole statement, the whole initialiser of a named
/// local, or the operand of `co_return`; its arguments are names, moved names or non-aggregate temporaries.
///
/// Thread safety: runs on the thread that resumes it, its worker's. Lifetime: destroying a Task destroys its frame; not
/// while it is suspended in an operation. What it takes by reference outlives it: a caller that awaits it sees to that.
/// Errors: values, in T as a base::Result; an exception that leaves a task ends the process. Complexity: no allocation
/// beside its frame; awaiting and ending are jumps.
///
/// What a coroutine takes by reference must outlive it, and a lambda's captures are the lambda's: a lambda that is a
/// coroutine takes what it needs as parameters, or is kept until the task has ended.
template <class T = void>
class [[nodiscard]] Task {
 public:
  using promise_type = internal::TaskPromise<T>;

  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  /// The task that this one held is `other`'s now.
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  // Awaiting is what starts it: the caller's frame is suspended first, then this one runs in its place.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }
  /// Moves the result out: a task is awaited once.
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(*handle_.promise().value);
  }

 private:
  friend promise_type;
  explicit Task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <class T>
Task<T> internal::TaskPromise<T>::get_return_object() noexcept {
  return Task<T>{std::coroutine_handle<TaskPromise>::from_promise(*this)};
}
inline Task<void> internal::TaskPromise<void>::get_return_object() noexcept {
  return Task<void>{std::coroutine_handle<TaskPromise>::from_promise(*this)};
}

namespace internal {

/// A frame that nobody holds: it frees itself when its task has ended. Thread safety: its task's. Complexity: one small
/// frame beside the task's own.
struct Detached {
  struct promise_type : base::Recycled {
    Detached get_return_object() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never initial_suspend() const noexcept { return {}; }
    [[nodiscard]] std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
  };
};

}  // namespace internal

/// Runs a task that nobody awaits: at once, until its first suspension, then whenever its operations complete. A task
/// that never completes keeps its frame: whoever spawns one sees to it that what it awaits can be ended. Thread safety:
/// call it on the worker's thread; from another through Worker::post(). Lifetime: nobody waits for the task, so what it
/// refers to must be its own or live as long as the worker. Errors: values are the task's own business, for nobody
/// hears what it returns; an exception ends the process.
///
///   worker.post([&worker] { transport::spawn(serve(worker)); });  // from another thread, or before run()
inline internal::Detached spawn(Task<void> task) { co_await task; }

}  // namespace picket::transport
