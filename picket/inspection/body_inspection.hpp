#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "picket/base/recycled_containers.hpp"
#include "picket/body/agent_stage.hpp"
#include "picket/body/intake.hpp"
#include "picket/body/piece_queue.hpp"
#include "picket/body/pipeline.hpp"
#include "picket/body/unpack_stage.hpp"
#include "picket/inspection/conclusions.hpp"
#include "picket/inspection/content_coding.hpp"
#include "picket/inspection/guardrail_inspection.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"

namespace picket::inspection {

/// One body on its way through the agents that look at it, in the chain's order: each is asked about it as the one
/// before has made it. How long which bytes are held, and what is too large, its pipeline says alone.
///
/// Who has the body feeds what there is credit for, lets it be judged, and takes what is let out. Without agents that
/// look at it all goes on as it comes. However long it is, no more memory is used than for what is held.
///
///   body.begin(declared_size);
///   while (!done) {
///     body.feed(bytes, is_last);               // at most body.credit()
///     auto verdict = co_await body.judge();
///     if (!verdict.goes_on()) return verdict;  // nothing that is held goes on
///     while (body.lets_out()) send_on(body.take());
///   }
///
/// What is unpacked and what agents put in a chunk's place counts against the budget of the worker's blocks
/// (base::BlockPool::set_budget). Where there is no room for it the verdict is `overloaded`.
///
/// Thread safety: its worker's thread. Lifetime: what it is given outlives it; bytes that are fed without a block of
/// their own stay where they are until it is gone, and those that agents put in their place have blocks.
class BodyInspection {
 public:
  BodyInspection(body::Direction direction, const Chain& chain, std::span<Participant> participants,
                 Conclusions& conclusions, transport::Worker& worker, base::Arena& arena);
  BodyInspection(const BodyInspection&) = delete;
  BodyInspection& operator=(const BodyInspection&) = delete;

  /// Texts that a guardrail would look at need not be there: another format than JSON and event streams goes past it,
  /// and JSON may have any shape. Before it begins.
  void expect_no_texts() noexcept { expects_texts_ = false; }
  /// What the message's head says of its body's coding (Content-Encoding), before it begins.
  void set_coding(const base::Headers& head) noexcept;
  /// Whether somebody wants to see it.
  [[nodiscard]] bool is_wanted() const noexcept;
  /// Whether somebody wants to see what a body in a coding contains.
  [[nodiscard]] bool wants_unpacked() const noexcept;
  /// Whether what goes on is what the body contains, without its coding; before it begins, and where there is none to
  /// begin with, whether it would.
  [[nodiscard]] bool is_unpacked() const noexcept {
    return has_begun_ ? unpacking_.has_value() : wants_unpacked() && coding_.undoable().has_value();
  }
  /// Begins, where that has not happened, with the limits that the agents have now. `size`: what the body declares.
  /// Whether an agent looks at what comes; it may be refused all the same.
  bool begin(std::uint64_t size);
  /// Whether an agent still looks at what comes: what is fed is held until that is judged.
  [[nodiscard]] bool is_watched() const noexcept;
  /// Whether an agent has looked at any of it since it began, or will: all of it goes this way.
  [[nodiscard]] bool is_inspected() const noexcept { return !judges_.empty() || guardrail_; }
  /// Whether what goes on may be other bytes than those that came, so that its length is not known.
  [[nodiscard]] bool may_change() const noexcept;
  /// The same of a body that an answer tells of and does not bring: one to HEAD, a 304.
  [[nodiscard]] bool would_change() const noexcept;
  /// Whether an agent holds some of it, or will as soon as there is some.
  [[nodiscard]] bool holds_any() const noexcept;
  /// The head has left, or is about to: what stops the body from now on cuts it, and the head cannot change.
  void has_left() noexcept {
    has_left_ = true;
    packed_.reset();
  }
  /// What stops the body for its size or its coding; goes on where nothing does. Counts a failure: asked once. A coded
  /// one that goes past agents, all of which fail open, does so as it came where nothing of it has left.
  [[nodiscard]] Verdict refusal();

  /// Bytes that it takes now. None where something must be judged, or taken, first.
  [[nodiscard]] std::size_t credit() const noexcept { return pipeline_->credit(); }
  /// Whether an agent that looks at it wants no more for now: whoever reads it stops reading (protocol.md §6).
  [[nodiscard]] bool is_paused() const noexcept;
  /// Whether judge() has something to do, be there more of it or not.
  [[nodiscard]] bool has_to_ask() const noexcept;
  /// Whether the answer may come while this body of a request is on its way: those that look at it are not asked about
  /// the answer, or tell answers apart.
  [[nodiscard]] bool may_go_beside() const noexcept;
  /// Whether answers are awaited.
  [[nodiscard]] bool is_asking() const noexcept;
  /// Returns once an agent that has paused it wants more, when `deadline` has passed, or it was stopped.
  [[nodiscard]] transport::Task<void> more_wanted(base::Deadline deadline);
  /// Nobody waits for the end of a pause any more: more_wanted() returns, and judge() where it waits for nothing else.
  void stop_waiting() noexcept;
  /// At most credit() bytes; before it has begun all of a body that is small, for the head to take along.
  void feed(base::SharedBytes bytes, bool is_last);
  /// Asks what there is to ask, until something is let out or more is to be fed.
  [[nodiscard]] transport::Task<Verdict> judge();
  /// Whether its end was fed: all that comes of it is known to those who look at it.
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  [[nodiscard]] bool lets_out() const noexcept { return pipeline_->lets_out(); }
  /// What goes on next; nothing while it is held.
  [[nodiscard]] body::Part take();

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
  /// Chunks that an agent was asked about, the oldest first: its answer is the next to count. In places that are used
  /// again, since a body may have any number of them.
  class Underway {
   public:
    void add(pool::Exchange& exchange, body::Direction direction, body::Chunk cut, base::Deadline deadline) {
      place(size_++).emplace(exchange, direction, std::move(cut), deadline);
    }
    [[nodiscard]] Chunk& front() noexcept { return *place(0); }
    [[nodiscard]] Chunk& back() noexcept { return *place(size_ - 1); }
    void pop_front() noexcept {
      place(0).reset();
      ++first_;
      --size_;
    }
    void clear() noexcept {
      while (!empty()) pop_front();
    }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Whether one of them has no answer; they need not come in order.
    [[nodiscard]] bool awaits_any() const noexcept {
      return std::ranges::any_of(places_, [](const auto& chunk) { return chunk && !chunk->call.done(); });
    }

   private:
    [[nodiscard]] std::optional<Chunk>& place(std::size_t of) noexcept {
      return places_[(first_ + of) % places_.size()];
    }

    std::array<std::optional<Chunk>, body::chunks_at_once> places_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
  };
  /// One agent that looks at the body.
  struct Judge {
    Judge(Participant& of, const body::AgentPolicy& policy) : participant(of), stage(policy) {}

    Participant& participant;
    body::AgentStage stage;
    Underway asked;
    std::string_view why_past = {};  // for the log; empty where its size says enough
  };

  [[nodiscard]] bool wants(const Participant& participant) const noexcept;
  void add_judge(Participant& participant);
  [[nodiscard]] bool can_show(const Participant& participant) const noexcept;
  [[nodiscard]] static bool fails_closed(const Participant& participant) noexcept;
  [[nodiscard]] bool has_guardrail(const Participant& participant) const noexcept;
  [[nodiscard]] bool cannot_unpack() const noexcept;
  [[nodiscard]] bool is_overloaded() const noexcept;
  [[nodiscard]] bool is_as_sent() const noexcept;
  [[nodiscard]] bool may_go_packed() const noexcept;
  void hold_packed();
  void let_go_packed();
  void go_past_all(std::string_view cause);
  [[nodiscard]] Verdict refusal_of_coding();
  [[nodiscard]] Participant& who_refuses() noexcept;
  void add_guardrail();
  void go_past_guardrail(Participant& participant);
  void add_stages();
  [[nodiscard]] std::uint64_t most() const noexcept;
  [[nodiscard]] std::uint64_t limit(const Participant& participant) const;
  [[nodiscard]] body::AgentPolicy policy(const Participant& participant) const;
  [[nodiscard]] wire::EventKind kind() const noexcept;
  [[nodiscard]] Failure too_large() const noexcept;
  [[nodiscard]] Failure undecodable() const noexcept;
  [[nodiscard]] Asked about(Judge& judge, const Chunk& chunk) const;
  [[nodiscard]] Asked about_all(Participant& participant) const;
  /// Null where it does not look at the body.
  [[nodiscard]] Judge* judge_of(const Participant& participant) noexcept;
  [[nodiscard]] bool takes_turns(const Judge& judge) const noexcept;
  [[nodiscard]] bool may_ask(const Judge& judge) const noexcept;
  [[nodiscard]] bool may_ask_texts() const noexcept;
  void send(Judge& judge);
  void send_ahead(Judge& judge, base::Deadline deadline);
  [[nodiscard]] bool send_one(Judge& judge, base::Deadline deadline);
  /// One that could be asked something and wants nothing for now; null where there is none.
  [[nodiscard]] Judge* held_up() noexcept;
  [[nodiscard]] bool holds_up(const Participant& participant) const noexcept;
  /// The same of one who looks at what comes.
  [[nodiscard]] bool pauses(const Judge& judge) const noexcept;
  [[nodiscard]] bool ask_and_hear(Verdict& verdict);
  /// Takes the answers that have come. Whether there were any; where one stops the body, `verdict` says how.
  [[nodiscard]] bool hear(Verdict& verdict);
  [[nodiscard]] Verdict conclude(Judge& judge);
  [[nodiscard]] bool apply(Judge& judge, const wire::AgentResponse& response);
  [[nodiscard]] std::optional<base::SharedBytes> keep(base::ByteView bytes);
  void withdraw(Judge& judge, wire::CancelReason reason);

  body::Direction direction_;
  const Chain& chain_;
  std::span<Participant> participants_;
  Conclusions& conclusions_;
  transport::Worker& worker_;
  base::Arena& arena_;
  pool::CallSet answers_;
  std::list<Judge, base::RecyclingAllocator<Judge>> judges_;
  std::optional<GuardrailInspection> guardrail_;  // behind them
  ContentCoding coding_;
  std::optional<body::UnpackStage> unpacking_;
  Participant* unshown_ = nullptr;                 // who fails closed, and cannot be shown what a body contains
  std::optional<body::PieceQueue> packed_;         // what came of it, while it may still go on so
  bool goes_packed_ = false;                       // once nobody watches it any more
  body::Stop unpacking_ended_ = body::Stop::none;  // why it goes so, where it cannot be unpacked
  std::optional<body::Pipeline> pipeline_;
  body::Intake replacements_;  // what agents put in the place of chunks
  std::uint64_t fed_ = 0;
  base::Deadline pauses_end_;  // by when an agent's pauses count no more
  bool expects_texts_ = true;
  bool has_begun_ = false;
  bool has_ended_ = false;
  bool has_left_ = false;
};

}  // namespace picket::inspection
