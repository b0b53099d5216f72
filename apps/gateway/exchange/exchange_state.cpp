#include "apps/gateway/exchange/exchange_state.hpp"

#include <array>

namespace picket::apps::gateway::exchange {

std::string_view name(Stage stage) noexcept {
  static constexpr auto names =
      std::to_array<std::string_view>({"arrived", "judging_head", "inviting_body", "holding_body", "judging_body",
                                       "leasing", "sending", "awaiting_answer", "making_answer", "judging_answer",
                                       "opening_answer", "relaying", "answering", "answered", "cut", "gone"});
  static_assert(names.size() == stage_count);
  return names[static_cast<std::size_t>(stage)];
}

std::string_view name(Event event) noexcept {
  static constexpr auto names = std::to_array<std::string_view>(
      {"decided",     "head_passed", "body_wanted", "invited",      "body_held",     "body_outgrew",
       "body_passed", "leased",      "body_taken",  "sends_beside", "sent",          "cut_short",
       "answer_came", "asks_again",  "was_refused", "answer_made",  "answer_passed", "head_sent",
       "relayed",     "broke",       "written",     "client_lost"});
  static_assert(names.size() == event_count);
  return names[static_cast<std::size_t>(event)];
}

Step ExchangeState::routed(const RequestFacts& facts) const noexcept {
  if (stage_ != Stage::arrived) return {*this};
  ExchangeState next = in(Stage::judging_head);
  next.facts_ = facts;
  next.agents_know_ = true;
  if (facts.has_body) next.body_ = facts.body_has_come ? Body::held : Body::unread;
  return {next};
}

Step ExchangeState::after(Event event) const noexcept {
  if (is_over()) return {*this};
  if (event == Event::client_lost) return {in(Stage::gone), Ends::everything};
  if (event == Event::decided) return {may_answer() ? sending(Sending::over, Stage::answering) : *this};
  if (event == Event::body_taken && body_ != Body::held && stage_ >= Stage::sending)
    return {with(Body::flowing, stage_)};
  if (event == Event::cut_short || event == Event::sent) {
    if (!is_sending()) return {*this};
    const ExchangeState next = sending(Sending::over, stage_ == Stage::sending ? Stage::awaiting_answer : stage_);
    return {next, event == Event::sent ? Ends::nothing : Ends::sending};
  }
  if (stage_ < Stage::leasing) return {of_request(event)};
  if (stage_ < Stage::making_answer) return {of_upstream(event)};
  return {of_answer(event)};
}

ExchangeState ExchangeState::of_request(Event event) const noexcept {
  switch (stage_) {
    case Stage::judging_head:
      if (event == Event::head_passed) return to_its_destination();
      if (event == Event::body_wanted) return to_its_body();
      break;
    case Stage::inviting_body:
      if (event == Event::invited) {
        ExchangeState next = in(Stage::holding_body);
        next.invited_ = true;
        return next;
      }
      break;
    case Stage::holding_body:
      if (event == Event::body_held) return with(Body::held, Stage::judging_body);
      if (event == Event::body_outgrew) return with(Body::partly_held, Stage::judging_body);
      break;
    case Stage::judging_body:
      if (event == Event::body_passed) return to_its_destination();
      break;
    default: break;
  }
  return *this;
}

ExchangeState ExchangeState::of_upstream(Event event) const noexcept {
  switch (stage_) {
    case Stage::leasing:
      if (event == Event::leased) return sending(Sending::in_turn, Stage::sending);
      break;
    case Stage::sending:
      if (event == Event::sends_beside) return sending(Sending::beside, Stage::awaiting_answer);
      break;
    case Stage::awaiting_answer:
      if (event == Event::answer_came) return in(Stage::judging_answer);
      if (event == Event::asks_again && may_repeat()) return in(Stage::leasing);
      if (event == Event::was_refused && may_send_again()) return in(Stage::leasing);
      break;
    default: break;
  }
  return *this;
}

ExchangeState ExchangeState::of_answer(Event event) const noexcept {
  switch (stage_) {
    case Stage::making_answer:
      if (event == Event::answer_made)
        return in(facts_.destination == Destination::fixed ? Stage::judging_answer : Stage::answering);
      break;
    case Stage::judging_answer:
      if (event == Event::answer_passed)
        return in(facts_.destination == Destination::upstream ? Stage::opening_answer : Stage::answering);
      break;
    case Stage::opening_answer:
      if (event == Event::head_sent) return in(Stage::relaying);
      if (event == Event::broke) return in(Stage::cut);
      break;
    case Stage::relaying:
      if (event == Event::relayed) return in(Stage::answered);
      if (event == Event::broke) return in(Stage::cut);
      break;
    case Stage::answering:
      if (event == Event::written) return in(Stage::answered);
      break;
    default: break;
  }
  return *this;
}

ExchangeState ExchangeState::in(Stage stage) const noexcept {
  ExchangeState next = *this;
  next.stage_ = stage;
  return next;
}

ExchangeState ExchangeState::sending(Sending sending, Stage stage) const noexcept {
  ExchangeState next = in(stage);
  next.sending_ = sending;
  return next;
}

ExchangeState ExchangeState::with(Body body, Stage stage) const noexcept {
  ExchangeState next = in(stage);
  next.body_ = body;
  return next;
}

/// On from a head whose body agents want.
ExchangeState ExchangeState::to_its_body() const noexcept {
  if (body_ == Body::none) return to_its_destination();
  if (body_ == Body::held) return in(Stage::judging_body);
  return in(facts_.waits_for_100 ? Stage::inviting_body : Stage::holding_body);
}

/// On from the last verdict on the request.
ExchangeState ExchangeState::to_its_destination() const noexcept {
  return in(facts_.destination == Destination::upstream ? Stage::leasing : Stage::making_answer);
}

}  // namespace picket::apps::gateway::exchange
