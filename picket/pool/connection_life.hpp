#pragma once

#include <cstdint>
#include <utility>

namespace picket::pool {

/// Where one connection of an agent is in its life, and the steps from there.
///
/// Pure: who dials, waits and closes is the caller, who asks here whether he may. dial(), open() and wait() change
/// nothing where they do not fit: what comes late, after a close, is no error.
///
/// Thread safety: none; one owner. Errors: none; steps say whether they were taken. Complexity: O(1).
///
///   spare ─ dial() → connecting ─ open() → ready ─ drain() → draining ─ end() → closed
///   spare ─ wait() → waiting ─ dial() → connecting
///   connecting, ready ─ end() → spare
///   all but ready and draining ─ drain() → closed;  any ─ close() → closed;  closed ─ reopen() → spare
class ConnectionLife {
 public:
  enum class State : std::uint8_t {
    spare,       ///< Neither there nor to be made: its agent has enough without it.
    waiting,     ///< It ended, or could not be made, and is dialled again when a pause is over.
    connecting,  ///< It is dialled; the agent has not agreed to talk yet.
    ready,       ///< It is open: exchanges begin on it and go on.
    draining,    ///< It is open to those that began on it, and is closed when they are over.
    closed,      ///< Its agent is not wanted any more: it is never dialled again, unless reopen() says for whom.
  };

  [[nodiscard]] State state() const noexcept { return state_; }
  /// The agent has agreed to talk, and may be talked to.
  [[nodiscard]] bool is_open() const noexcept { return state_ == State::ready || state_ == State::draining; }

  /// To be dialled: false where it is there, is being made, or is closed.
  [[nodiscard]] bool dial() noexcept {
    if (state_ != State::spare && state_ != State::waiting) return false;
    state_ = State::connecting;
    return true;
  }
  /// The agent has agreed: false where nobody dialled, or it was given up meanwhile.
  [[nodiscard]] bool open() noexcept {
    if (state_ != State::connecting) return false;
    state_ = State::ready;
    return true;
  }
  /// It ended, by the other end or on the way. Whether it was open.
  bool end() noexcept {
    const bool was_open = is_open();
    state_ = state_ == State::draining || state_ == State::closed ? State::closed : State::spare;
    return was_open;
  }
  /// A pause begins, after which it is dialled: false but for a spare one.
  [[nodiscard]] bool wait() noexcept {
    if (state_ != State::spare) return false;
    state_ = State::waiting;
    return true;
  }
  /// Nothing new: what is open stays so for what began on it, all else is over.
  void drain() noexcept { state_ = is_open() ? State::draining : State::closed; }
  /// Over at once, from wherever it is.
  void close() noexcept { state_ = State::closed; }
  /// A closed one serves for something else now.
  void reopen() noexcept {
    if (state_ == State::closed) state_ = State::spare;
  }

 private:
  State state_ = State::spare;
};

}  // namespace picket::pool
