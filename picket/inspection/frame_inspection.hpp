#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/inspection/conclusions.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::inspection {

/// What agents make of one frame. Thread safety: a value. Lifetime: its texts live as long as the exchange's arena.
struct FrameVerdict {
  enum class Kind : std::uint8_t {
    passes,
    drops,   ///< And with it the message that the frame is of.
    closes,  ///< The connection, with `code` and `reason`.
  };
  Kind kind = Kind::passes;
  std::uint16_t code = 0;
  std::string_view reason;
  Failure failure = Failure::none;      ///< Of an agent that fails closed.
  std::string_view decision = "allow";  ///< For a log.
  std::string_view agent;               ///< Who closes.
};

/// Asks a chain's agents about the frames of one WebSocket connection, one frame of a direction at a time: in the
/// chain's order, all who want frames, since a frame that one drops another may close the connection for. Who closes
/// ends it; a block, redirect or challenge closes, too (1008), and so does an agent that fails closed (1011). One that
/// fails open lets that frame pass, and is asked about the next: where its connection is lost, or a frame was not
/// answered in time, as another exchange, whose head it is shown first if it is shown heads. Where it has answered
/// about none since it was last it is left alone for a while (AskingAgain), and frames pass at once. One that takes no
/// frames is not asked. An agent that has paused the exchange is waited for, for two minutes at most.
///
///   wire::WebSocketFrame frame{.opcode = …, .data = …};
///   const FrameVerdict verdict = co_await inspection.frames().judge(frame);
///
/// Thread safety: its worker's thread. Lifetime: what it is given outlives it. Errors: none of its own. Complexity:
/// however many frames there are, no more memory is used than for one.
class FrameInspection {
 public:
  FrameInspection(std::span<Participant> participants, Conclusions& conclusions, transport::Worker& worker,
                  base::Arena& arena) noexcept
      : participants_(participants), conclusions_(conclusions), worker_(worker), arena_(arena) {}
  FrameInspection(const FrameInspection&) = delete;
  FrameInspection& operator=(const FrameInspection&) = delete;

  /// The head of the request, for agents that are to see it again. Lifetime: its views' until the exchange is over.
  void set_head(const wire::RequestHeaders& head);
  /// Whether somebody is asked.
  [[nodiscard]] bool is_watched() const noexcept;
  /// One of each direction at a time. `frame` and its data live until it returns.
  [[nodiscard]] transport::Task<FrameVerdict> judge(wire::WebSocketFrame& frame);
  /// Nobody needs verdicts any more: agents are told, judge() returns, and what it says means nothing. No call but
  /// those about frames is pending.
  void stop();

 private:
  [[nodiscard]] static bool wants(const Participant& participant) noexcept {
    return participant.filter.events.websocket_frame && !participant.skips_frames;
  }
  [[nodiscard]] bool shows_head(const Participant& participant) const noexcept {
    return head_ != nullptr && participant.filter.events.request_headers;
  }
  [[nodiscard]] bool must_begin_again(const Participant& participant) const noexcept;
  [[nodiscard]] bool is_left_alone(Participant& participant);
  /// Whether it may be asked about frames now.
  [[nodiscard]] transport::Task<bool> begin_again(Participant& participant, FrameVerdict& verdict);
  [[nodiscard]] transport::Task<bool> introduce(Participant& participant, FrameVerdict& verdict);
  void conclude(const Asked& asked, const pool::Call& call, FrameVerdict& verdict);
  void note_failure(Participant& participant, const pool::Call& call);

  std::span<Participant> participants_;
  Conclusions& conclusions_;
  transport::Worker& worker_;
  base::Arena& arena_;
  const wire::RequestHeaders* head_ = nullptr;  // null: nobody who is asked about frames sees heads
  bool is_stopped_ = false;
};

}  // namespace picket::inspection
