#pragma once

#include <coroutine>

#include "picket/transport/resumption.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::transport {

/// Work that runs beside other work of the same owner, who waits for its end before he goes.
///
///   sender.run(send_request());            // goes on by itself from here
///   auto answer = co_await read_answer();
///   stop_sending();                        // nothing here ends the work: its owner has it end
///   transport::Beside::End end{sender};
///   co_await end;
///
/// Thread safety: its worker's. Lifetime: not destroyed before the work has ended, nor what that refers to. Errors: the
/// work's own; it tells its owner, since nobody awaits what it returns. Complexity: one coroutine frame beside the
/// work's.
class Beside {
 public:
  explicit Beside(Worker& worker) noexcept : worker_(worker) {}

  /// Begins at once, and returns where the work first waits. One at a time: is_running() is false.
  void run(Task<void> work) {
    is_running_ = true;
    spawn(to_its_end(std::move(work)));
  }
  [[nodiscard]] bool is_running() const noexcept { return is_running_; }

  /// Awaitable: it has ended, or there was none. By one coroutine at a time.
  class End {
   public:
    explicit End(Beside& beside) noexcept : beside_(beside) {}
    [[nodiscard]] bool await_ready() const noexcept { return !beside_.is_running_; }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept { beside_.joining_.wait(waiting); }
    void await_resume() const noexcept {}

   private:
    Beside& beside_;
  };

 private:
  Task<void> to_its_end(Task<void> work) {
    co_await work;
    is_running_ = false;
    worker_.resume(joining_);
  }

  Worker& worker_;
  Resumption joining_;
  bool is_running_ = false;
};

}  // namespace picket::transport
