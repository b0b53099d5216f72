#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/session/opening.hpp"
#include "picket/wire/frame.hpp"
#include "picket/wire/output.hpp"

namespace picket::session::dialects {

/// Stands between a conversation that knows one protocol and an agent that puts it otherwise: frames of ours, in JSON,
/// become frames of the agent's, and the other way round. How those lie in a byte stream is not its business.
///
/// What the agent has no words for it answers itself, or drops; where dropping would let something pass uninspected it
/// is an error. After an error the connection is to be closed. Thread safety: none; part of a framing. Source:
/// protocol.md §13. Lifetime: its connection's; what is handed in is good for the call.
class Translator {
 public:
  virtual ~Translator() = default;
  Translator(const Translator&) = delete;
  Translator& operator=(const Translator&) = delete;

  /// A frame that the conversation wrote; what the agent is to get goes into `out`. Errors: unavailable, where the
  /// dialect has no words for it; some dialects have more.
  [[nodiscard]] virtual base::Status say(const wire::FrameView& frame, wire::Output& out) = 0;
  /// A frame of the agent's, followed by limits::tail_padding readable bytes. `out`: for what could not be sent before.
  /// Errors: invalid_message. Call take_heard() afterwards, and after say(), too.
  [[nodiscard]] virtual base::Status hear(const wire::FrameView& frame, wire::Output& out) = 0;

  /// Bytes of what was said that wait here, and are neither in `out` nor dropped.
  [[nodiscard]] virtual std::size_t waiting() const noexcept { return 0; }
  /// What the conversation is to hear, in order. Owned: the agent's bytes may go.
  [[nodiscard]] std::vector<EarlyFrame> take_heard() noexcept { return std::exchange(heard_, {}); }

 protected:
  Translator() = default;
  void pass_on(wire::FrameType type, std::string payload) { heard_.push_back({type, std::move(payload)}); }

 private:
  std::vector<EarlyFrame> heard_;
};

}  // namespace picket::session::dialects
