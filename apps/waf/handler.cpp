#include "apps/waf/handler.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "apps/waf/transaction.hpp"
#include "picket/base/version.hpp"
#include "picket/session/quote.hpp"

namespace picket::apps::waf {
namespace {

using wire::EventKind;

constexpr agent::BlockStatus service_unavailable = 503;

/// `chunks`: the event that the body comes as.
BodyPlan plan_of(const std::vector<EventKind>& announced, EventKind chunks) {
  if (announced.empty()) return BodyPlan::unknown;
  return std::find(announced.begin(), announced.end(), chunks) != announced.end() ? BodyPlan::sent : BodyPlan::withheld;
}

agent::Decision outcome_of(const Verdict& verdict) {
  switch (verdict.action) {
    case Verdict::Action::block:
      return agent::Decision::block(agent::BlockStatus::of(verdict.status).value_or(agent::BlockStatus{403}));
    case Verdict::Action::redirect:
      return agent::Decision::redirect(verdict.url,
                                       agent::RedirectStatus::of(verdict.status).value_or(agent::RedirectStatus{302}));
    case Verdict::Action::allow: break;
  }
  if (!verdict.is_whole) return agent::Decision::allow().needs_more();
  return agent::Decision::allow();
}

}  // namespace

agent::Decision to_decision(const Verdict& verdict) {
  agent::Decision decision = outcome_of(verdict);
  std::set<std::string_view> tags;
  for (const RuleMatch& match : verdict.matches) {
    decision.rule(match.id);
    if (!match.message.empty()) decision.note(match.id, match.message);
    for (const std::string& tag : match.tags)
      if (tags.insert(tag).second) decision.tag(tag);
  }
  for (const Note& note : verdict.notes)
    decision.reason(std::string(note.code)).note(std::string(note.code), std::string(note.message));
  return decision;
}

WafHandler::WafHandler(RuleSets& sets, RuleLog* log, Complain complain)
    : sets_(sets), log_(log), complain_(std::move(complain)) {}

agent::Info WafHandler::info() const {
  agent::Info info{.id = "picket-waf", .version = std::string{version}};
  // It counts for both directions; each direction has its own limit here.
  info.limits.max_body_size = std::max(sets_.standard()->body_limit(), sets_.standard()->response_body_limit());
  return info;
}

std::shared_ptr<ConnectionRules> WafHandler::make_connection() {
  return std::make_shared<ConnectionRules>(sets_.standard());
}

agent::Acceptance WafHandler::on_configure(const wire::Value& config, Context& context) {
  const auto settings = parse_settings(config);
  PICKET_TRY(settings);
  const auto connection = context.connection();
  agent::Completion completion = context.defer();
  const agent::Deferred later = completion.deferred();
  const std::uint64_t number = connection->configured();
  sets_.get(*settings, [connection, number, completion = std::move(completion)](RuleSets::Loaded rules) mutable {
    if (!rules) return std::move(completion).complete(agent::Decision::block(400).body(rules.error().detail()));
    connection->use(number, std::move(*rules));
    std::move(completion).complete(agent::Decision::allow());
  });
  return later;
}

agent::Reply WafHandler::on_request_headers(const wire::RequestHeaders& event, Context& context) {
  auto& exchange = context.state();
  exchange.transaction = begin(context);
  return reply(exchange.transaction->on_request_headers(
                   event, plan_of(context.announced_events(), EventKind::request_body_chunk)),
               context);
}

agent::Reply WafHandler::on_request_body(const wire::RequestBodyChunk& event, Context& context) {
  auto& exchange = context.state();
  if (!exchange.transaction)
    return reply(base::fail(base::ErrorKind::invalid_message, "a body chunk came before the request's headers"),
                 context);
  return reply(exchange.transaction->on_request_body_chunk(event), context);
}

agent::Reply WafHandler::on_response_headers(const wire::ResponseHeaders& event, Context& context) {
  auto& exchange = context.state();
  if (!exchange.transaction)  // a proxy that sends responses only
    exchange.transaction = begin(context);
  return reply(exchange.transaction->on_response_headers(
                   event, plan_of(context.announced_events(), EventKind::response_body_chunk)),
               context);
}

agent::Reply WafHandler::on_response_body(const wire::ResponseBodyChunk& event, Context& context) {
  auto& exchange = context.state();
  if (!exchange.transaction)
    return reply(base::fail(base::ErrorKind::invalid_message, "a body chunk came before the answer's headers"),
                 context);
  return reply(exchange.transaction->on_response_body_chunk(event), context);
}

std::unique_ptr<Transaction> WafHandler::begin(const Context& context) const {
  return std::make_unique<Transaction>(context.connection()->rules(), log_, context.correlation_id());
}

void WafHandler::on_complete(const wire::RequestComplete&, Context& context) { finish(context); }
void WafHandler::on_cancel(Context& context) { finish(context); }

void WafHandler::finish(Context& context) {
  const auto* const exchange = context.existing_state();
  if (exchange == nullptr || !exchange->transaction) return;
  if (const auto done = exchange->transaction->on_complete(); !done) complain_about(done.error(), context);
}

/// The id and what the engine says of an input are a peer's words (picket/log/repeat_limit.hpp).
void WafHandler::complain_about(const base::Error& error, const Context& context) {
  complain_(fmt::format("an exchange could not be judged ({}): {}", session::printable(context.correlation_id()),
                        session::printable(error.message())));
}

agent::Reply WafHandler::reply(const base::Result<Verdict>& verdict, const Context& context) {
  if (verdict) return to_decision(*verdict);
  complain_about(verdict.error(), context);
  // A part without what it belongs to: no failure that a failure mode may let pass.
  if (verdict.error().kind() == base::ErrorKind::invalid_message)
    return agent::Decision::block(service_unavailable).reason("exchange-forgotten");
  return agent::Unanswered{};
}

}  // namespace picket::apps::waf
