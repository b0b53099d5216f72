#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/frame.hpp"

namespace picket::pool::reverse {

/// Where the frames go of a connection that several workers share, each of which speaks as if it had it alone.
///
/// The agent hears one answer to its registration and one configuration; an answer of the agent goes to the worker
/// whose exchange it names, what it says of itself to all. Pure. Thread safety: none; one owner. Memory: by the
/// exchanges that are open, and `remembered` that are over. Complexity: a frame of an exchange is decoded for the id in
/// it. Errors: those of its two functions.
class Routing {
 public:
  /// Exchanges that are over and whose late answers still find their worker.
  static constexpr std::size_t remembered = 4096;

  /// Whom frames go to. A payload is valid during the call. Called from within from_worker() and from_agent(), any
  /// number of times; it must not call back.
  class Sink {
   public:
    virtual void to_agent(wire::FrameType type, std::string_view payload) = 0;
    virtual void to_worker(std::size_t worker, wire::FrameType type, std::string_view payload) = 0;

   protected:
    ~Sink() = default;
  };

  /// One or more; they are numbered from 0.
  explicit Routing(std::size_t workers) : workers_(workers) {}

  // Errors: invalid_message for what does not decode; then the connection is to end. Payloads are followed by
  // limits::tail_padding readable bytes. Registrations, configurations and pings of the workers are made one; what
  // belongs to an exchange goes on as it is.
  [[nodiscard]] base::Status from_worker(std::size_t worker, const wire::FrameView& frame, Sink& sink);
  [[nodiscard]] base::Status from_agent(const wire::FrameView& frame, Sink& sink);
  /// The worker is gone: nobody waits for what it has asked. Complexity: linear in the exchanges.
  void leave(std::size_t worker) noexcept;
  /// Exchanges that are not over.
  [[nodiscard]] std::size_t open() const noexcept { return open_; }

 private:
  struct Owner {
    std::size_t worker;
    bool is_over = false;
  };
  struct Ping {
    std::size_t worker;
    std::string payload;
  };

  [[nodiscard]] base::Status answered(const wire::FrameView& frame, Sink& sink);
  [[nodiscard]] base::Status configure(std::size_t worker, const wire::FrameView& frame, Sink& sink);
  [[nodiscard]] base::Status response(const wire::FrameView& frame, Sink& sink);
  [[nodiscard]] base::Status flow(const wire::FrameView& frame, Sink& sink);
  void pinged(std::size_t worker, const wire::FrameView& frame, Sink& sink);
  void ponged(const wire::FrameView& frame, Sink& sink);
  void to_all(const wire::FrameView& frame, Sink& sink) const;
  /// Of an event of any kind, to whom its answer goes.
  template <class Event>
  [[nodiscard]] base::Status event(std::size_t worker, const wire::FrameView& frame, Sink& sink);
  /// The worker whose exchange that is; the first for one that nobody knows, so that somebody complains of it.
  /// Complexity: O(1).
  [[nodiscard]] std::size_t worker_of(std::string_view id) const;
  void end(Owner& exchange) noexcept { open_ -= std::exchange(exchange.is_over, true) ? 0 : 1; }
  void forget_oldest();

  std::size_t workers_;
  wire::Format format_;  // as the first worker's answer says
  bool is_answered_ = false;
  std::optional<std::string> configuration_;  // the payload that the agent was given
  std::string configuration_id_;
  std::optional<std::string> verdict_;  // the agent's on it
  std::vector<std::size_t> waiting_;    // for that
  std::deque<Ping> pings_;
  boost::unordered_flat_map<std::string, Owner> by_id_;
  std::size_t open_ = 0;
  std::deque<std::string> over_;  // ids of by_id_ whose exchanges are over
  base::Arena arena_;
};

}  // namespace picket::pool::reverse
