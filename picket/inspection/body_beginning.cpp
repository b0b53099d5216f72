#include <algorithm>
#include <utility>

#include "picket/inspection/body_inspection.hpp"
#include "picket/session/body_event.hpp"

/// Of a body what is known before it comes, from its head and of its agents: who looks at it, on what terms, and what
/// stops it for what it is.
namespace picket::inspection {
namespace {

// Smaller chunks than this are not sent, whatever an agent prefers: it would make an event of every byte.
constexpr std::uint64_t smallest_chunk_limit = 1024;

constexpr std::uint64_t usual_chunk = 65'536;

const BodyTerms& terms_of(const Filter& filter, body::Direction direction) noexcept {
  return direction == body::Direction::request ? filter.request_body : filter.response_body;
}

/// Whether the agent is shown a body in one event: what lies across a cut would be seen by nobody.
bool is_one_event(const session::AgentInfo* info, const Filter& filter) noexcept {
  return info != nullptr && session::judges_events_alone(*info) && !filter.chunk_size;
}

/// None: the agent has not said.
std::uint64_t largest_body(const session::AgentInfo* info) noexcept {
  return info != nullptr && info->limits.max_body_size != 0 ? info->limits.max_body_size : body::whole;
}

}  // namespace

BodyInspection::BodyInspection(body::Direction direction, const Chain& chain, std::span<Participant> participants,
                               Conclusions& conclusions, transport::Worker& worker, base::Arena& arena)
    : direction_(direction),
      chain_(chain),
      participants_(participants),
      conclusions_(conclusions),
      worker_(worker),
      arena_(arena),
      pipeline_(std::in_place, most()),
      replacements_(worker.blocks()) {}

bool BodyInspection::begin(std::uint64_t size) {
  if (!std::exchange(has_begun_, true)) {
    pauses_end_ = base::Deadline::after(worker_.now(), most_paused);
    for (auto& participant : participants_)
      if (wants(participant) && !participant.failed_open) add_judge(participant);
    add_guardrail();
    add_stages();
    if (guardrail_) guardrail_->tell_what_goes_past();
  }
  pipeline_->expect(size);
  return is_watched();
}

bool BodyInspection::has_guardrail(const Participant& participant) const noexcept {
  if (!chain_.guardrail || &participant != &participants_[chain_.guardrail->filter]) return false;
  const bool is_of_request = direction_ == body::Direction::request;
  return (is_of_request ? chain_.guardrail->prompt : chain_.guardrail->response) != Action::off;
}

void BodyInspection::add_guardrail() {
  if (!chain_.guardrail) return;
  Participant& participant = participants_[chain_.guardrail->filter];
  if (!has_guardrail(participant) || participant.failed_open) return;
  if (!can_show(participant) && !fails_closed(participant)) return go_past_guardrail(participant);
  if (!can_show(participant)) unshown_ = &participant;
  const GuardrailInspection::Terms terms{
      .guardrail = *chain_.guardrail, .direction = direction_, .expects_texts = expects_texts_};
  guardrail_.emplace(terms, participant, conclusions_, worker_);
}

BodyInspection::Judge* BodyInspection::judge_of(const Participant& participant) noexcept {
  const auto found =
      std::ranges::find_if(judges_, [&](const Judge& judge) { return &judge.participant == &participant; });
  return found != judges_.end() ? &*found : nullptr;
}

/// What is unpacked is unpacked for all of them.
void BodyInspection::add_stages() {
  const bool unpacks = guardrail_ || std::ranges::any_of(judges_, [](const Judge& judge) {
                         return judge.participant.filter.decompress;
                       });
  const auto coding = unpacks ? coding_.undoable() : std::nullopt;
  if (coding) {
    const bool is_of_request = direction_ == body::Direction::request;
    unpacking_.emplace(*coding, worker_.blocks(), body::UnpackLimits{.size = is_of_request ? chain_.max_body_size : 0});
  }
  const auto stages = arena_.allocate_array<body::Stage*>((unpacking_ ? 1 : 0) + judges_.size() + (guardrail_ ? 1 : 0));
  auto to = stages.begin();
  if (unpacking_) *to++ = &*unpacking_;
  for (Judge& judge : judges_) *to++ = &judge.stage;
  if (guardrail_) *to = &guardrail_->stage();
  pipeline_->set_stages(stages);
}

bool BodyInspection::is_watched() const noexcept {
  if (guardrail_ && !guardrail_->stage().passes()) return true;
  return std::ranges::any_of(judges_,
                             [](const Judge& judge) { return judge.stage.state() != body::AgentStage::State::passes; });
}

bool BodyInspection::may_change() const noexcept {
  if (goes_packed_) return is_watched();
  return unpacking_ || guardrail_ ||
         std::ranges::any_of(judges_, [](const Judge& judge) { return judge.stage.may_change(); });
}

bool BodyInspection::is_wanted() const noexcept {
  return std::ranges::any_of(participants_, [this](const Participant& participant) {
    return (wants(participant) || has_guardrail(participant)) && !participant.failed_open;
  });
}

bool BodyInspection::would_change() const noexcept {
  return std::ranges::any_of(participants_, [this](const Participant& participant) {
    const bool streams = wants(participant) && terms_of(participant.filter, direction_).gathers != body::whole;
    return (streams || has_guardrail(participant)) && !participant.failed_open;
  });
}

bool BodyInspection::holds_any() const noexcept {
  if (guardrail_ && guardrail_->stage().holds_any()) return true;
  return std::ranges::any_of(judges_, [](const Judge& judge) {
    return judge.stage.holds_any() || (judge.participant.holds_answer && judge.stage.is_at_start());
  });
}

bool BodyInspection::wants(const Participant& participant) const noexcept {
  const Events& events = participant.filter.events;
  return direction_ == body::Direction::request ? events.request_body : events.response_body;
}

/// What a route takes of clients says nothing of answers.
std::uint64_t BodyInspection::most() const noexcept {
  return direction_ == body::Direction::request ? chain_.max_body_size : body::Pipeline::unlimited;
}

/// Bytes of a body that are held for this agent. Where all of it is to be one event, what that carries is its limit.
std::uint64_t BodyInspection::limit(const Participant& participant) const {
  const BodyTerms& terms = terms_of(participant.filter, direction_);
  if (terms.gathers != body::whole) return terms.holds;
  const auto* const info = participant.exchange.agent_info();
  const std::uint64_t most = std::min(terms.holds, largest_body(info));
  return is_one_event(info, participant.filter) ? std::min<std::uint64_t>(most, session::largest_body_event(*info))
                                                : most;
}

body::AgentPolicy BodyInspection::policy(const Participant& participant) const {
  const auto* const info = participant.exchange.agent_info();
  const auto& configured = participant.filter.chunk_size;
  body::AgentPolicy policy{.gathers = terms_of(participant.filter, direction_).gathers,
                           .holds = limit(participant),
                           .holds_back = terms_of(participant.filter, direction_).holds_back,
                           .refuses_larger = participant.filter.failure_mode == FailureMode::closed,
                           .largest_chunk = std::max<std::uint64_t>(configured.value_or(usual_chunk), 1)};
  if (is_one_event(info, participant.filter)) {
    policy.largest_chunk = session::largest_body_event(*info);
    policy.joins_in = &worker_.blocks();
  } else if (info != nullptr && info->limits.preferred_chunk_size != 0) {
    const std::uint64_t preferred = std::max(info->limits.preferred_chunk_size, smallest_chunk_limit);
    policy.largest_chunk = std::min(policy.largest_chunk, preferred);
  }
  if (policy.gathers != body::whole) policy.largest_chunk = std::min(policy.largest_chunk, largest_body(info));
  if (info != nullptr)
    policy.largest_chunk = std::min<std::uint64_t>(policy.largest_chunk, session::largest_body_event(*info));
  return policy;
}

/// An agent's limit is its failure, the chain's is nobody's.
Verdict BodyInspection::refusal() {
  if (is_overloaded()) return {.failure = Failure::overloaded};
  if (may_go_packed()) hold_packed();
  if (goes_packed_ && !is_as_sent()) return refusal_of_coding();  // changed by who owed an answer when it broke
  if (goes_packed_ && !is_watched()) let_go_packed();
  if (unshown_ != nullptr || cannot_unpack()) return refusal_of_coding();
  if (guardrail_ && pipeline_->stopper() == &guardrail_->stage() && guardrail_->has_failed())
    return guardrail_->refusal(has_left_);
  if (pipeline_->stopped() != body::Stop::too_large) return {};
  const Failure failure = too_large();
  for (auto& judge : judges_) {
    if (&judge.stage != pipeline_->stopper()) continue;
    withdraw(judge, wire::CancelReason::manual);
    return conclusions_.refuse(about_all(judge.participant), failure).verdict;
  }
  return {.failure = failure};
}

Asked BodyInspection::about(Judge& judge, const Chunk& chunk) const {
  return {judge.participant,
          {.kind = kind(),
           .body = chunk.goes_past ? nullptr : &judge.stage,
           .chunk = chunk.number,
           .is_last = chunk.is_last,
           .has_left = has_left_,
           .max_body_size = most()},
          chunk.began};
}

Asked BodyInspection::about_all(Participant& participant) const {
  return {participant, {.kind = kind(), .has_left = has_left_}, base::Clock::now()};
}

Failure BodyInspection::too_large() const noexcept {
  return direction_ == body::Direction::request ? Failure::body_too_large : Failure::answer_too_large;
}

Failure BodyInspection::undecodable() const noexcept {
  return direction_ == body::Direction::request ? Failure::body_undecodable : Failure::answer_undecodable;
}

wire::EventKind BodyInspection::kind() const noexcept {
  return direction_ == body::Direction::request ? wire::EventKind::request_body_chunk
                                                : wire::EventKind::response_body_chunk;
}

}  // namespace picket::inspection
