#include "picket/session/proxy_session.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "picket/session/configuring.hpp"
#include "picket/session/quote.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;

// Of events that are sent with next to no time left, the agent is not asked more often than this whether it lives.
constexpr base::Duration least_patience = std::chrono::milliseconds{10};

// Bytes. An agent that takes less at once would have an event of every byte made.
constexpr std::uint64_t least_capacity = 1024;

// What is said of an agent whose last word on it is over.
const wire::HealthStatus healthy{};

constexpr std::string_view configure_prefix = "picket-configure-";

/// Two configurations have two ids, so that a late answer is not taken for the next one's; workers that share a
/// connection say the same of the same (FNV-1a, 64 bits).
std::string configure_id(std::string_view config_json) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char byte : config_json) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3;
  return fmt::format("{}{:016x}", configure_prefix, hash);
}

/// The kinds of event that the name of a feature is about: an event's own name, or one of the capabilities.
std::uint8_t kinds_of_feature(std::string_view feature) noexcept {
  const auto bit = [](wire::EventKind kind) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(kind)); };
  using enum wire::EventKind;
  constexpr std::array<std::pair<std::string_view, wire::EventKind>, 8> names{{
      {"request_headers", request_headers},
      {"request_body_chunk", request_body_chunk},
      {"response_headers", response_headers},
      {"response_body_chunk", response_body_chunk},
      {"websocket_frame", websocket_frame},
      {"websocket", websocket_frame},
      {"guardrail_inspect", guardrail_inspect},
      {"guardrails", guardrail_inspect},
  }};
  if (feature == "streaming_body") return static_cast<std::uint8_t>(bit(request_body_chunk) | bit(response_body_chunk));
  const auto found = std::ranges::find(names, feature, &std::pair<std::string_view, wire::EventKind>::first);
  return found != names.end() ? bit(found->second) : std::uint8_t{0};
}

/// Sessions have no wall clock: the time stamps of control messages are the monotonic clock's.
std::uint64_t milliseconds(base::TimePoint now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

/// Says in the event which exchange it is of, and returns how an answer names it.
wire::ReplyTo name_event(const EventPointer& event, const base::CorrelationId& id) {
  return std::visit(
      [&](auto* message) {
        if constexpr (requires { message->metadata.correlation_id; }) {
          message->metadata.correlation_id = id.text();
          message->http_version = message->metadata.protocol;
        } else {
          message->correlation_id = id.text();
        }
        return reply_key(*message);
      },
      event);
}

std::vector<wire::EventKind> undeclared(const std::vector<wire::EventKind>& configured, const AgentInfo& agent) {
  std::vector<wire::EventKind> missing;
  std::ranges::copy_if(configured, std::back_inserter(missing), [&](wire::EventKind kind) {
    return kind != wire::EventKind::request_complete && !agent.wants(kind);
  });
  return missing;
}

}  // namespace

ProxySession::ProxySession(const ProxyAgreement& agreed, base::TimePoint now, wire::Output& output)
    : config_(agreed.config),
      output_(output),
      format_(agreed.terms.format),
      agent_(agreed.agent),
      undeclared_(session::undeclared(config_->events, agent_)),
      next_ping_(now + config_->ping_interval),
      silent_since_(now),
      completes_are_answered_(!agreed.terms.one_way_complete),
      answers_config_updates_(agreed.terms.config_reply),
      pong_acknowledges_configure_(agreed.terms.pong_acknowledges_configure) {
  actions_.emplace_back(Ready{});
}

ProxySession::State ProxySession::state() const noexcept {
  if (end_) return State::closed;
  return is_leaving() ? State::draining : State::ready;
}

void ProxySession::close(base::Error reason) {
  if (end_) return;
  end_ = reason;
  fail_all(reason);
  actions_.emplace_back(Closed{std::move(reason)});
}

void ProxySession::fail_all(const base::Error& reason) {
  while (in_flight_.earliest() != none) {
    const EventIndex event = in_flight_.earliest();
    actions_.emplace_back(Failed{in_flight_.event(event).tag, reason});
    end_event(event);
  }
}

// ---- what the agent says

base::Status ProxySession::take(const wire::AgentResponse& response, std::string_view words, base::TimePoint) {
  const ExchangeIndex exchange = in_flight_.find(response.correlation_id);
  if (exchange == none) return drop_unknown(response, words);
  // Without it the answer would be taken for the oldest event, which it may not be about.
  if (format_.event_reply && !response.reply_to)
    return fail(ErrorKind::invalid_message, "an answer without reply_to, which event-reply promises");
  const auto& entry = in_flight_.exchange(exchange);
  if (entry.cancelled) return drop(dropped_.late);
  if (entry.sent == 0) return drop_misfit(Misfit::surplus, dropped_.late, response, words);
  const EventIndex event = in_flight_.match(exchange, format_.event_reply ? &*response.reply_to : nullptr);
  if (event == none) return drop_misfit(Misfit::misnamed, dropped_.mismatch, response, words);
  actions_.emplace_back(Answered{in_flight_.event(event).tag, &response});
  end_event(event);
  send_queued(exchange);
  return {};
}

/// An answer to an exchange that is not here: late, or nobody's. Ids of ours are always in their form.
base::Status ProxySession::drop_unknown(const wire::AgentResponse& response, std::string_view words) {
  if (!configuration_.empty() && response.correlation_id == configuration_) {
    decided(refusal_in(response, words.empty() ? quoted(wire::to_json(response)) : quoted(words)));
    return {};
  }
  // Another one has been given since.
  if (response.correlation_id.starts_with(configure_prefix)) return drop(dropped_.late);
  const bool names_none = !base::CorrelationId::slot_of(response.correlation_id).has_value();
  if (!names_none && completes_unanswered_ != 0) {
    --completes_unanswered_;
    return {};
  }
  if (names_none) return drop_misfit(Misfit::unnamed, dropped_.unknown, response, words);
  return drop(dropped_.unknown);
}

/// Nothing but a word in the log tells an agent's author why its answers have no effect.
base::Status ProxySession::drop_misfit(Misfit misfit, std::uint64_t& count, const wire::AgentResponse& response,
                                       std::string_view words) {
  if (!std::exchange(quoted_[static_cast<std::size_t>(misfit)], true))
    actions_.emplace_back(Unmatched{misfit, words.empty() ? quoted(wire::to_json(response)) : quoted(words)});
  return drop(count);
}

base::Status ProxySession::drop(std::uint64_t& count) {
  ++count;
  actions_.emplace_back(Dropped{});
  return {};
}

base::Status ProxySession::configure(std::string_view config_json) {
  if (end_) return fail(ErrorKind::unavailable, "the connection is closed");
  base::Arena arena;
  const auto config = wire::parse_json(config_json, arena);
  if (!config) return config.error();
  std::string id = configure_id(config_json);
  PICKET_TRY(
      wire::encode(format_, wire::Configure{.config = *config, .config_version = {}, .correlation_id = id}, output_));
  configuration_ = std::move(id);
  if (!pong_acknowledges_configure_) return {};
  ++acknowledgements_;
  return wire::encode(format_, wire::Ping{.sequence = acknowledging_ping}, output_);
}

void ProxySession::decided(std::optional<std::string> refusal) {
  configuration_.clear();
  actions_.emplace_back(Configured{std::move(refusal)});
}

base::Status ProxySession::take(const wire::Pong& pong, std::string_view, base::TimePoint now) {
  if (pong.sequence == acknowledging_ping && acknowledgements_ != 0 && --acknowledgements_ == 0) decided(std::nullopt);
  if (pong.sequence != ping_sequence_) return {};
  pong_due_ = base::TimePoint::max();
  if (std::exchange(suspect_, false)) actions_.emplace_back(Trusted{});
  next_ping_ = now + config_->ping_interval;
  return {};
}

base::Status ProxySession::take(const wire::HealthStatus& status, std::string_view, base::TimePoint now) {
  be(health_of(status, now), status);
  return {};
}

void ProxySession::be(Health health, const wire::HealthStatus& status) {
  kinds_off_ = 0;
  for (const std::string& feature : health.disabled_features)
    kinds_off_ = static_cast<std::uint8_t>(kinds_off_ | kinds_of_feature(feature));
  const wire::HealthState before = std::exchange(health_, std::move(health)).state;
  actions_.emplace_back(HealthChanged{before, &status});
}

base::Status ProxySession::take(const wire::FlowControl& flow, std::string_view, base::TimePoint now) {
  const bool is_capacity = flow.action == wire::FlowAction::update_capacity;
  const bool pauses = flow.action == wire::FlowAction::pause || (is_capacity && flow.buffer_available == 0);
  if (!flow.correlation_id) {
    if (is_capacity && !pauses) capacity_ = std::max(flow.buffer_available, least_capacity);
    pause(pauses, now);
    return {};
  }
  const ExchangeIndex index = in_flight_.find(*flow.correlation_id);
  if (index == none) return {};  // it is over, or was never: of it nothing is sent
  ExchangeEntry& exchange = in_flight_.exchange(index);
  if (is_capacity && !pauses) exchange.capacity = std::max(flow.buffer_available, least_capacity);
  if (exchange.cancelled || (!pauses && exchange.paused_until <= now)) return {};
  exchange.paused_until = pauses ? now + config_->longest_pause : now;
  actions_.emplace_back(ExchangePaused{exchange.id, exchange.paused_until});
  return {};
}

std::uint64_t ProxySession::body_room(const base::CorrelationId& id) const noexcept {
  const auto rest = [](std::uint64_t most, std::uint64_t used) { return most - std::min(most, used); };
  const std::uint64_t of_all = capacity_ == unlimited ? unlimited : rest(capacity_, in_flight_.body_bytes());
  const ExchangeIndex index = in_flight_.find(id);
  if (index == none || in_flight_.exchange(index).capacity == unlimited) return of_all;
  return std::min(of_all, rest(in_flight_.exchange(index).capacity, in_flight_.body_bytes(index)));
}

void ProxySession::pause(bool pauses, base::TimePoint now) {
  const bool before = paused();
  pause_ends_ = pauses ? now + config_->longest_pause : base::TimePoint::max();
  if (paused() != before) actions_.emplace_back(FlowChanged{pauses});
}

base::TimePoint ProxySession::paused_until(const base::CorrelationId& id) noexcept {
  const ExchangeIndex index = in_flight_.find(id);
  const bool asked = index != none && !in_flight_.exchange(index).cancelled;
  return asked ? in_flight_.exchange(index).paused_until : base::TimePoint{};
}

bool ProxySession::is_cancelled(const base::CorrelationId& id) const noexcept {
  const ExchangeIndex index = in_flight_.find(id);
  return index != none && in_flight_.exchange(index).cancelled;
}

base::Status ProxySession::take(const wire::MetricsReport& report, std::string_view, base::TimePoint) {
  actions_.emplace_back(MetricsReported{&report});
  return {};
}

base::Status ProxySession::take(const wire::ConfigUpdateRequest& request, std::string_view, base::TimePoint) {
  actions_.emplace_back(ConfigUpdateRequested{&request});
  return {};
}

base::Status ProxySession::take(const wire::LogMessage& line, std::string_view, base::TimePoint) {
  actions_.emplace_back(Logged{&line});
  return {};
}

// ---- calls of the owner

base::Status ProxySession::send(const base::CorrelationId& id, const EventPointer& event, base::Deadline deadline,
                                Tag tag, base::TimePoint now) {
  if (end_) return fail(ErrorKind::unavailable, "the connection is closed");
  if (deadline.passed(now)) return fail(ErrorKind::timeout, "the deadline passed before the event was sent");
  if (full())
    return fail(ErrorKind::unavailable, fmt::format("the agent does not read: {} bytes are queued", waiting()));

  const ExchangeIndex exchange = in_flight_.find_or_add(id);
  if (in_flight_.exchange(exchange).cancelled) return fail(ErrorKind::unavailable, "the exchange was cancelled");
  const wire::ReplyTo key = name_event(event, id);
  const bool goes_now = format_.event_reply || in_flight_.exchange(exchange).sent == 0;
  if (goes_now) {
    if (auto status = write(event); !status) {
      if (auto& entry = in_flight_.exchange(exchange); entry.first == none && !entry.told)
        in_flight_.remove_exchange(exchange);
      return status;
    }
    in_flight_.exchange(exchange).told = true;
  }
  if (in_flight_.events() == 0) {
    silent_since_ = now;
    patience_ = base::Duration::max();
  }
  if (!deadline.never()) patience_ = std::min(patience_, std::max(least_patience, (deadline.at() - now) / 2));
  in_flight_.add_event(exchange, {.tag = tag, .deadline = deadline, .event = event, .key = key, .sent = goes_now});
  return {};
}

/// One that the agent would end the connection over is not written.
base::Status ProxySession::write(const EventPointer& event) {
  const auto mark = output_.mark();
  auto status = std::visit([this](const auto* message) { return wire::encode(format_, *message, output_); }, event);
  if (!status) return status;
  const std::size_t size = output_.size() - mark.size - output_.framing().header_size;
  if (size <= agent_.largest_event) return status;
  output_.rewind(mark);
  return fail(ErrorKind::message_too_large,
              fmt::format("an event of {} bytes; the agent takes {}", size, agent_.largest_event));
}

void ProxySession::send_queued(ExchangeIndex exchange) {
  auto& entry = in_flight_.exchange(exchange);
  while (entry.first != none && entry.sent == 0) {
    const EventIndex next = entry.first;
    auto& event = in_flight_.event(next);
    auto status = write(event.event);
    if (status) {
      event.sent = true;
      ++entry.sent;
      return;
    }
    actions_.emplace_back(Failed{event.tag, std::move(status.error())});
    end_event(next);
  }
}

void ProxySession::end_event(EventIndex event) {
  // The caller may let its body go now; what the socket has not taken of it is copied.
  if (output_.borrows()) output_.own_borrowed(body_of(in_flight_.event(event).event));
  in_flight_.remove_event(event);
}

void ProxySession::abandon_events(ExchangeIndex exchange, const base::Error* reason) {
  while (in_flight_.exchange(exchange).first != none) {
    const EventIndex event = in_flight_.exchange(exchange).first;
    if (reason != nullptr) actions_.emplace_back(Failed{in_flight_.event(event).tag, *reason});
    end_event(event);
  }
}

void ProxySession::cancel(const base::CorrelationId& id, wire::CancelReason reason, base::TimePoint now) {
  const ExchangeIndex exchange = in_flight_.find(id);
  if (exchange == none || in_flight_.exchange(exchange).cancelled) return;
  const bool on_the_wire = in_flight_.exchange(exchange).sent != 0;
  abandon_events(exchange, nullptr);
  in_flight_.exchange(exchange).cancelled = true;
  if (on_the_wire && !end_) (void)wire::encode(format_, wire::Cancel{id.text(), reason, milliseconds(now)}, output_);
}

void ProxySession::cancel_all(wire::CancelReason reason, const base::Error& why, base::TimePoint now) {
  in_flight_.each_exchange([&](ExchangeIndex index) {
    ExchangeEntry& exchange = in_flight_.exchange(index);
    if (exchange.cancelled || exchange.first == none) return;
    const bool on_the_wire = exchange.sent != 0;
    abandon_events(index, &why);
    exchange.cancelled = true;
    if (on_the_wire && !end_)
      (void)wire::encode(format_, wire::Cancel{exchange.id.text(), reason, milliseconds(now)}, output_);
  });
}

bool ProxySession::complete(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now) {
  const ExchangeIndex exchange = in_flight_.find(id);
  if (exchange == none) return false;
  if (in_flight_.exchange(exchange).first != none) cancel(id, wire::CancelReason::manual, now);
  const bool told = in_flight_.exchange(exchange).told && !end_ && announce_end(id, summary, now);
  in_flight_.remove_exchange(exchange);
  return told;
}

void ProxySession::report(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now) {
  if (end_ || full()) return;
  if (!takes(wire::EventKind::request_complete)) return;
  (void)announce_end(id, summary, now);
}

/// Nobody waits for it: it leaves with the next event, or after a while alone.
bool ProxySession::announce_end(const base::CorrelationId& id, wire::RequestComplete summary, base::TimePoint now) {
  summary.correlation_id = id.text();
  const std::size_t before = output_.size();
  if (!wire::encode(format_, summary, output_)) return false;
  if (completes_are_answered_) ++completes_unanswered_;
  linger_.let_wait(output_, before, now);
  return true;
}

void ProxySession::answer(std::string_view request_id, const base::Status& outcome, base::TimePoint now) {
  if (end_ || !answers_config_updates_) return;
  wire::ConfigUpdateResponse response{
      .request_id = request_id, .accepted = outcome.has_value(), .timestamp_ms = milliseconds(now)};
  if (!outcome) response.error = outcome.error().detail();
  (void)wire::encode(format_, response, output_);
}

// ---- time

void ProxySession::expire(ExchangeIndex exchange, base::TimePoint now) {
  const bool on_the_wire = in_flight_.exchange(exchange).sent != 0;
  const base::Error reason = fail(ErrorKind::timeout, "the agent did not answer in time");
  const base::CorrelationId id = in_flight_.exchange(exchange).id;
  // A cancel ends the whole exchange at the agent, so its other events end here too.
  abandon_events(exchange, &reason);
  in_flight_.exchange(exchange).cancelled = true;
  if (!on_the_wire) return;
  (void)wire::encode(format_, wire::Cancel{id.text(), wire::CancelReason::timeout, milliseconds(now)}, output_);
  distrust(now);
}

void ProxySession::distrust(base::TimePoint now) {
  if (suspect_ || end_) return;
  suspect_ = true;
  if (pong_due_ == base::TimePoint::max()) ping(now);
}

void ProxySession::probe(base::TimePoint now) {
  if (end_ || pong_due_ != base::TimePoint::max()) return;
  ping(now);
  // Silence alone ends nothing before the event that waits has had its time.
  if (in_flight_.events() != 0) pong_due_ = std::max(pong_due_, in_flight_.earliest_deadline());
}

/// An agent that is dead is silent, and it should be known to be before the event that waits for it times out.
base::TimePoint ProxySession::probe_due() const noexcept {
  const bool waits = in_flight_.events() != 0 && pong_due_ == base::TimePoint::max();
  return waits && patience_ != base::Duration::max() ? silent_since_ + patience_ : base::TimePoint::max();
}

void ProxySession::ping(base::TimePoint now) {
  ++ping_sequence_;
  (void)wire::encode(format_, wire::Ping{ping_sequence_, milliseconds(now)}, output_);
  if (pong_due_ == base::TimePoint::max()) pinged_at_ = now;
  pong_due_ = std::min(pong_due_, now + config_->pong_timeout);
  next_ping_ = now + config_->ping_interval;
}

void ProxySession::tick(base::TimePoint now) {
  if (end_) return;
  if (now >= probe_due()) {
    probe(now);
    actions_.emplace_back(Probed{});
  }
  while (in_flight_.earliest() != none && in_flight_.event(in_flight_.earliest()).deadline.passed(now))
    expire(in_flight_.event(in_flight_.earliest()).exchange, now);
  linger_.tick(output_, now);
  if (now >= pause_ends_) pause(false, now);
  if (now >= health_.valid_until) be({}, healthy);
  if (now >= pong_due_) return close(fail(ErrorKind::timeout, "the agent did not answer a ping in time"));
  if (now >= next_ping_) ping(now);
}

base::TimePoint ProxySession::next_wakeup() const noexcept {
  if (end_) return base::TimePoint::max();
  return std::min({in_flight_.earliest_deadline(), next_ping_, pong_due_, linger_.due(), probe_due(), pause_ends_,
                   health_.valid_until});
}

}  // namespace picket::session
