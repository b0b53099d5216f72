#pragma once

#include <array>
#include <string>
#include <string_view>

#include "picket/base/recycled_containers.hpp"
#include "picket/guardrail/text_stage.hpp"
#include "picket/inspection/conclusions.hpp"
#include "picket/transport/worker.hpp"

namespace picket::inspection {

/// The texts of one body, as a route's guardrail looks at them: asks what its stage wants asked, and tells it what of a
/// text goes on.
///
/// Thread safety: its worker's thread. Lifetime: what it is given outlives it.
class GuardrailInspection {
 public:
  /// How it is asked about one body.
  struct Terms {
    const Guardrail& guardrail;
    body::Direction direction = body::Direction::request;
    bool expects_texts = true;  ///< Else it may be no model's body at all.
  };
  GuardrailInspection(const Terms& terms, Participant& participant, Conclusions& conclusions,
                      transport::Worker& worker);
  GuardrailInspection(const GuardrailInspection&) = delete;
  GuardrailInspection& operator=(const GuardrailInspection&) = delete;

  [[nodiscard]] guardrail::TextStage& stage() noexcept { return stage_; }
  [[nodiscard]] const guardrail::TextStage& stage() const noexcept { return stage_; }
  [[nodiscard]] Participant& participant() const noexcept { return participant_; }
  [[nodiscard]] bool has_to_ask() const noexcept { return is_asking() || stage_.has_next(); }
  [[nodiscard]] bool is_asking() const noexcept { return !asked_.empty(); }
  /// Whether the agent has yet to answer, be it what nobody looks at any more.
  [[nodiscard]] bool is_awaited() const noexcept;

  /// Asks what there is to ask; the answers count in `answers`.
  void send(pool::CallSet& answers);
  /// Takes the answers that have come. Whether there were any; where one stops the body, `verdict` says how.
  [[nodiscard]] bool hear(Verdict& verdict, bool has_left);
  /// Nobody is asked any more.
  void withdraw(wire::CancelReason reason);
  /// Its agent has failed open in another phase.
  void open();
  /// The body goes past it, as it came: answers that are under way count no more.
  void go_past();
  /// Whether the body was stopped for what it is, and not for what somebody said of it.
  [[nodiscard]] bool has_failed() const noexcept {
    return stage_.stopped() == body::Stop::undecodable || stage_.stopped() == body::Stop::too_large;
  }
  /// has_failed(): what becomes of it. Counts a failure: asked once.
  [[nodiscard]] Verdict refusal(bool has_left);
  /// Tells where the body goes past, once.
  void tell_what_goes_past();

 private:
  /// A question on its way to the agent and back.
  struct Underway {
    Underway(GuardrailInspection& of, guardrail::Question asked, base::Deadline deadline);

    base::TimePoint began;
    guardrail::Question question;
    std::string number;
    base::RecycledString model;  // as it is named now
    std::array<wire::TextPair, 3> metadata;
    wire::GuardrailInspect event;
    pool::Call call;
  };

  /// Nobody looks at the answers that come; what else the agent was asked goes on.
  void drop() { dropped_.splice(dropped_.end(), asked_); }
  [[nodiscard]] Verdict conclude(bool has_left);
  [[nodiscard]] Asked about(base::TimePoint began, bool has_left) const;
  [[nodiscard]] Action action() const noexcept;

  Terms terms_;
  Participant& participant_;
  Conclusions& conclusions_;
  transport::Worker& worker_;
  guardrail::TextStage stage_;
  base::RecycledList<Underway> asked_;    // the oldest first
  base::RecycledList<Underway> dropped_;  // of which the answers count no more
  bool has_told_ = false;                 // that it goes past
};

}  // namespace picket::inspection
