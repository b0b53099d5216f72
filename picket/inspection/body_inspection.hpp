#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <variant>

#include "picket/body/agent_stage.hpp"
#include "picket/body/pipeline.hpp"
#include "picket/inspection/conclusions.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::inspection {

/// One body on its way through the agents that look at it, in the chain's order: each is asked about it as the one
/// before has made it. How long which bytes are held, and what is too large, its pipeline says alone.
///
/// Who has the body feeds what there is credit for, lets it be judged, and takes what is let out. Without agents that
/// look at it all goes on as it comes.
///
///   body.begin(declared_size);
///   while (!done) {
///     body.feed(bytes, is_last);               // at most body.credit()
///     auto verdict = co_await body.judge();
///     if (!verdict.goes_on()) return verdict;  // nothing that is held goes on
///     while (body.lets_out()) send_on(body.take());
///   }
///
/// Thread safety: its worker's thread. Lifetime: what it is given outlives it;
/// bytes that are fed without a block of their own stay where they are until it is gone, and those that agents put in
/// their place live as long.
class BodyInspection {
 public:
  BodyInspection(body::Direction direction, const Chain& chain, std::span<Participant> participants,
                 Conclusions& conclusions, transport::Worker& worker, base::Arena& arena);
  BodyInspection(const BodyInspection&) = delete;
  BodyInspection& operator=(const BodyInspection&) = delete;

  /// Begins, where that has not happened, with the limits that the agents have now. `size`: what the body declares.
  /// Whether an agent looks at what comes; it may be refused all the same.
  bool begin(std::uint64_t size);
  /// Whether an agent still looks at what comes: what is fed is held until that is judged.
  [[nodiscard]] bool is_watched() const noexcept;
  /// What stops the body for its size; goes on where nothing does. Counts a failure: asked once.
  [[nodiscard]] Verdict refusal();

  /// Bytes that it takes now. None where something must be judged, or taken, first.
  [[nodiscard]] std::size_t credit() const noexcept { return pipeline_.credit(); }
  /// Whether an agent that looks at it wants no more for now: whoever reads it stops reading (protocol.md §6).
  [[nodiscard]] bool is_paused() const noexcept;
  /// Whether answers are awaited.
  [[nodiscard]] bool is_asking() const noexcept;
  /// Returns once it is not paused, or when `deadline` has passed.
  [[nodiscard]] transport::Task<void> more_wanted(base::Deadline deadline);
  /// At most credit() bytes; before it has begun all of a body that is small, for the head to take along.
  void feed(base::SharedBytes bytes, bool is_last);
  /// Asks what there is to ask, until something is let out or more is to be fed.
  [[nodiscard]] transport::Task<Verdict> judge();
  /// Whether its end was fed: all that comes of it is known to those who look at it.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] bool lets_out() const noexcept { return pipeline_.lets_out(); }
  /// What goes on next; nothing while it is held.
  [[nodiscard]] body::Part take() { return pipeline_.take(); }

  /// Puts chunks of a body that has come in flight beside the head that this agent alone is asked about: saves the
  /// round trip between the head's answer and the body's first chunk (ADR 0010).
  void send_along(const Participant& participant, base::Deadline of_head);
  /// The agent is not asked any more, and told where it has not answered all that it was sent. Where it failed open,
  /// what it held goes on.
  void withdraw(const Participant& participant, wire::CancelReason reason);

 private:
  /// One chunk on its way to the agent and back.
  struct Chunk {
    using Event = std::variant<wire::RequestBodyChunk, wire::ResponseBodyChunk>;
    Chunk(pool::Exchange& exchange, body::Direction direction, body::Chunk cut, base::Deadline deadline);

    base::TimePoint began;
    base::SharedBytes bytes;
    std::uint32_t number;
    bool is_last;
    bool goes_past;
    Event event;
    pool::Call call;
  };
  /// One agent that looks at the body.
  struct Judge {
    Judge(Participant& of, const body::AgentPolicy& policy) : participant(of), stage(policy) {}

    Participant& participant;
    body::AgentStage stage;
    std::list<Chunk> asked;  // the oldest first: its answer is the next to count
  };

  [[nodiscard]] bool wants(const Participant& participant) const noexcept;
  [[nodiscard]] std::uint64_t limit(const Participant& participant) const;
  [[nodiscard]] body::AgentPolicy policy(const Participant& participant) const;
  [[nodiscard]] wire::EventKind kind() const noexcept;
  [[nodiscard]] Asked about(Judge& judge, const Chunk& chunk) const;
  void send(Judge& judge);
  void send_ahead(Judge& judge, base::Deadline deadline);
  [[nodiscard]] bool send_one(Judge& judge, base::Deadline deadline);
  /// One that could be asked something and wants nothing for now; null where there is none.
  [[nodiscard]] Judge* held_up() noexcept;
  [[nodiscard]] bool holds_up(const Judge& judge) const noexcept;
  /// Takes the answers that have come. Whether there were any; where one stops the body, `verdict` says how.
  [[nodiscard]] bool hear(Verdict& verdict);
  [[nodiscard]] Verdict conclude(Judge& judge);
  void apply(Judge& judge, const wire::AgentResponse& response);
  void withdraw(Judge& judge, wire::CancelReason reason);

  body::Direction direction_;
  const Chain& chain_;
  std::span<Participant> participants_;
  Conclusions& conclusions_;
  transport::Worker& worker_;
  base::Arena& arena_;
  pool::CallSet answers_;
  std::list<Judge> judges_;
  body::Pipeline pipeline_;
  std::uint64_t fed_ = 0;
  base::Deadline pauses_end_;  // by when an agent's pauses count no more
  bool has_begun_ = false;
  bool has_ended_ = false;
};

}  // namespace picket::inspection
