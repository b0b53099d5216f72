#include <algorithm>
#include <utility>

#include "picket/inspection/body_inspection.hpp"

/// Of a body in a content coding: who can be shown what it contains, and what becomes of it where nobody can, or where
/// nobody looks at it any more.
namespace picket::inspection {
namespace {

constexpr std::string_view other_coding = "its coding is none of gzip, deflate and br, or several, or it is a part";
constexpr std::string_view wrong_coding = "it is not what its Content-Encoding says, or not whole";
constexpr std::string_view too_well_packed = "it becomes more than 100 times its size, or than max-body-size-bytes";

}  // namespace

void BodyInspection::set_coding(const base::Headers& head) noexcept {
  if (chain_.decompress) coding_ = ContentCoding{head};
  const bool may_refuse = std::ranges::any_of(participants_, [this](const Participant& participant) {
    return (wants(participant) || has_guardrail(participant)) && fails_closed(participant);
  });
  if (coding_.undoable() && wants_unpacked() && !may_refuse) packed_.emplace();
}

bool BodyInspection::wants_unpacked() const noexcept {
  return chain_.decompress && std::ranges::any_of(participants_, [this](const Participant& participant) {
           return participant.filter.decompress && (wants(participant) || has_guardrail(participant)) &&
                  !participant.failed_open;
         });
}

bool BodyInspection::fails_closed(const Participant& participant) noexcept {
  return participant.filter.failure_mode == FailureMode::closed;
}

// ---- a coding that nobody here undoes

/// What is in it, where that is what the agent wants to see.
bool BodyInspection::can_show(const Participant& participant) const noexcept {
  return !participant.filter.decompress || coding_.is_none() || coding_.undoable();
}

/// A body whose coding cannot be undone is a failure of who wants to see what is in it.
void BodyInspection::add_judge(Participant& participant) {
  Judge& judge = judges_.emplace_back(participant, policy(participant));
  if (can_show(participant)) return;
  if (fails_closed(participant)) {
    unshown_ = &participant;
  } else {
    judge.stage.go_past();
    judge.why_past = other_coding;
  }
}

/// Who looks at chunks of it as well is told there.
void BodyInspection::go_past_guardrail(Participant& participant) {
  if (judge_of(participant) == nullptr) conclusions_.go_past(about_all(participant), other_coding);
}

// ---- one that was undone

bool BodyInspection::cannot_unpack() const noexcept {
  return unpacking_ && pipeline_->stopper() == &*unpacking_ && !is_overloaded();
}

/// The texts may have no room in the same move in which it breaks, and only one of the two is known as the stopper.
bool BodyInspection::is_overloaded() const noexcept {
  return pipeline_->stopped() == body::Stop::overloaded ||
         (guardrail_ && guardrail_->stage().stopped() == body::Stop::overloaded);
}

/// What somebody has changed is not to be had again as it came: its sender chooses where it breaks.
bool BodyInspection::is_as_sent() const noexcept {
  if (guardrail_ && !guardrail_->stage().is_as_sent()) return false;
  return std::ranges::all_of(judges_, [](const Judge& judge) { return judge.stage.is_as_sent(); });
}

/// All who look at it fail open, none has changed it, and nothing of it has gone on. Either there is nothing to go on
/// with but what came, or nobody looks at the rest of what nobody has changed: that need not be unpacked any more.
bool BodyInspection::may_go_packed() const noexcept {
  if (!packed_ || !unpacking_ || !is_as_sent()) return false;
  if (cannot_unpack()) return true;
  if (pipeline_->is_stopped() || unpacking_->has_ended()) return false;
  const bool texts_go_past = !guardrail_ || guardrail_->stage().passes();
  return texts_go_past && std::ranges::none_of(judges_, [](const Judge& judge) { return judge.stage.may_change(); });
}

/// It waits as it came, behind all of them.
void BodyInspection::hold_packed() {
  if (cannot_unpack()) {
    unpacking_ended_ = pipeline_->stopped();
    go_past_all(unpacking_ended_ == body::Stop::too_large ? too_well_packed : wrong_coding);
  }
  unpacking_.reset();
  goes_packed_ = true;
  pipeline_.emplace(most());
  do {
    base::SharedBytes piece = packed_->pop(packed_->front_size());
    pipeline_->feed({std::move(piece), has_ended_ && packed_->empty()});
  } while (!packed_->empty());
  packed_.reset();
}

/// Rules about the head may wait for an agent's last word, and are not to be avoided by a body that it cannot see.
void BodyInspection::go_past_all(std::string_view cause) {
  for (Judge& judge : judges_) {
    judge.stage.go_past();
    judge.why_past = cause;
  }
  if (!guardrail_ || guardrail_->stage().passes()) return;
  guardrail_->go_past();
  if (judge_of(guardrail_->participant()) == nullptr) conclusions_.go_past(about_all(guardrail_->participant()), cause);
}

void BodyInspection::let_go_packed() {
  for (Judge& judge : judges_) judge.stage.forget();
  if (guardrail_) guardrail_->stage().forget();
  pipeline_->set_stages({});
}

/// A failure of those who look at it, told of one of them.
Verdict BodyInspection::refusal_of_coding() {
  const body::Stop stop = goes_packed_ ? unpacking_ended_ : pipeline_->stopped();
  const bool is_too_large = unshown_ == nullptr && stop == body::Stop::too_large;
  const Failure failure = is_too_large ? too_large() : undecodable();
  const std::string_view cause = unshown_ != nullptr ? other_coding : is_too_large ? too_well_packed : wrong_coding;
  Participant& refuses = unshown_ != nullptr ? *std::exchange(unshown_, nullptr) : who_refuses();
  return conclusions_.refuse(about_all(refuses), failure, cause).verdict;
}

/// The first who fails closed. Where nobody does some of it has left or was changed, and there is nothing else to go on
/// with: then who has changed it.
Participant& BodyInspection::who_refuses() noexcept {
  for (Judge& judge : judges_)
    if (fails_closed(judge.participant)) return judge.participant;
  if (guardrail_ && fails_closed(guardrail_->participant())) return guardrail_->participant();
  for (Judge& judge : judges_)
    if (!judge.stage.is_as_sent()) return judge.participant;
  const bool is_for_texts = guardrail_ && (judges_.empty() || !guardrail_->stage().is_as_sent());
  return is_for_texts ? guardrail_->participant() : judges_.front().participant;
}

}  // namespace picket::inspection
