#include "picket/session/proxy_session.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "picket/session/quote.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr std::string_view configure_id = "picket-configure";
constexpr std::uint32_t protocol_version = 2;
constexpr std::size_t longest_configuration = 4096;  // bytes of it in an error
// Of events that are sent with next to no time left, the agent is not asked more often than this whether it lives.
constexpr base::Duration least_patience = std::chrono::milliseconds{10};

/// Sessions have no wall clock: the time stamps of control messages are the monotonic clock's.
std::uint64_t milliseconds(base::TimePoint now) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count());
}

/// What a peer says that answers the handshake in frames of another protocol.
base::Error with_words(const base::Error& error, std::string_view words) {
  return fail(error.kind(), fmt::format("{}; it said {}", error.detail(), quoted(words)));
}

base::ByteView body_of(const EventPointer& event) {
  return std::visit(
      [](const auto* message) -> base::ByteView {
        if constexpr (requires { message->data; })
          return message->data;
        else
          return {};
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

ProxySession::ProxySession(const ProxyConfig& config, base::TimePoint now)
    : config_(config), state_deadline_(now + config.handshake_timeout), next_ping_(base::TimePoint::max()) {
  constexpr std::array<std::uint32_t, 1> versions{protocol_version};
  auto events = arena_.allocate_array<std::int32_t>(config.events.size());
  std::ranges::transform(config.events, events.begin(),
                         [](wire::EventKind kind) { return static_cast<std::int32_t>(kind); });
  wire::HandshakeRequest request{.supported_versions = versions,
                                 .proxy_id = config_.proxy_id,
                                 .proxy_version = config_.proxy_version,
                                 .supported_encodings = config_.encodings};
  if (config.extensions) {
    request.extensions = wire::all_extensions;
    request.events = events;
  }
  base::Status status;
  if (config_.config_json) {
    auto parsed = wire::parse_json(*config_.config_json, arena_);
    if (parsed) {
      request.config = *parsed;
    } else {
      status = fail(parsed.error().kind(), "the agent's configuration: " + parsed.error().detail());
    }
  }
  if (status) status = wire::encode(format_, request, output_);
  if (!status) close(std::move(status.error()));
}

void ProxySession::feed(std::string_view bytes, base::TimePoint now) {
  if (state_ == State::closed) return;
  silent_since_ = now;
  arena_.reset();
  bool is_framed = false;
  auto status = reader_.feed(bytes, [&](const wire::FrameView& frame) {
    is_framed = true;
    return on_frame(frame, now);
  });
  if (status) return;
  const bool is_another_protocol = state_ == State::handshaking && !is_framed;
  close(is_another_protocol ? with_words(status.error(), bytes) : std::move(status.error()));
}

void ProxySession::rest_received(std::size_t size, base::TimePoint now) {
  if (state_ == State::closed) return;
  silent_since_ = now;
  arena_.reset();
  auto status = reader_.rest_received(size, [&](const wire::FrameView& frame) { return on_frame(frame, now); });
  if (!status) close(std::move(status.error()));
}

void ProxySession::disconnected(base::Error reason) {
  if (state_ == State::configuring)
    reason = fail(reason.kind(), reason.detail() + "; it had not accepted its configuration" + sent_configuration());
  close(std::move(reason));
}

void ProxySession::close(base::Error reason) {
  if (state_ == State::closed) return;
  state_ = State::closed;
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

// ---- frames from the agent

base::Status ProxySession::on_frame(const wire::FrameView& frame, base::TimePoint now) {
  if (state_ == State::closed) return {};
  if (state_ == State::handshaking) {
    if (frame.type != FrameType::handshake_response)
      return fail(ErrorKind::invalid_message, fmt::format("expected handshake_response first, got {}; it said {}",
                                                          name(frame.type), quoted(frame.payload)));
    return on_handshake(frame.payload, now);
  }
  if (frame.type == FrameType::agent_response) return on_response(frame.payload, now);
  return on_control(frame, now);
}

base::Status ProxySession::on_handshake(std::string_view payload, base::TimePoint now) {
  auto decoded = wire::decode<wire::HandshakeResponse>(format_, payload, arena_);
  if (!decoded)
    return fail(decoded.error().kind(),
                fmt::format("its answer to the handshake: {}; it said {}", decoded.error().detail(), quoted(payload)));
  const wire::HandshakeResponse& answer = *decoded;
  if (!answer.success)
    return fail(ErrorKind::connection_failed,
                fmt::format("the agent refused the handshake: {}",
                            answer.error ? printable(*answer.error) : "it gave no reason; it said " + quoted(payload)));
  if (answer.protocol_version != protocol_version)
    return fail(ErrorKind::version_mismatch, fmt::format("the agent chose protocol version {}, offered was {}",
                                                         answer.protocol_version, protocol_version));
  const auto encoding = answer.encoding.value_or(wire::Encoding::json);
  if (std::ranges::find(config_.encodings, encoding) == config_.encodings.end() && encoding != wire::Encoding::json)
    return fail(ErrorKind::invalid_message, "the agent chose an encoding that was not offered");
  const auto takes = [&](wire::Text extension) {
    return config_.extensions && std::ranges::find(answer.extensions, extension) != answer.extensions.end();
  };
  format_ = {.encoding = encoding,
             .raw_bytes = takes(wire::extension_raw_bytes),
             .event_reply = takes(wire::extension_event_reply)};
  completes_are_answered_ = !takes(wire::extension_one_way_complete);
  agent_ = agent_info(answer.capabilities);
  agent_.extended = std::ranges::any_of(wire::all_extensions, takes);
  undeclared_ = session::undeclared(config_.events, agent_);
  next_ping_ = now + config_.ping_interval;
  if (config_.config_json) {
    begin_configuring(now);
  } else {
    ready();
  }
  return {};
}

void ProxySession::begin_configuring(base::TimePoint now) {
  state_ = State::configuring;
  state_deadline_ = now + config_.configure_timeout;
  auto config = wire::parse_json(*config_.config_json, arena_);
  base::Status status;
  if (config) {
    status = wire::encode(
        format_, wire::Configure{.config = *config, .config_version = {}, .correlation_id = configure_id}, output_);
  } else {
    status = std::move(config.error());
  }
  if (!status) close(std::move(status.error()));
}

void ProxySession::ready() {
  state_ = State::ready;
  actions_.emplace_back(Ready{});
}

std::string ProxySession::sent_configuration() const {
  return config_.config_json ? ", which was sent as " + quoted(*config_.config_json, longest_configuration) : "";
}

base::Status ProxySession::on_configured(const wire::AgentResponse& response, std::string_view payload) {
  if (!std::holds_alternative<wire::Allow>(response.decision) || response.version != protocol_version) {
    const auto* const block = std::get_if<wire::Block>(&response.decision);
    std::string why = block != nullptr && block->body ? printable(*block->body)
                                                      : "it gave no reason; it said " + said(response, payload);
    refusal_ = std::move(why) + sent_configuration();
    return fail(ErrorKind::connection_failed, fmt::format("the agent refused its configuration: {}", *refusal_));
  }
  ready();
  return {};
}

/// An answer as people can read it.
std::string ProxySession::said(const wire::AgentResponse& response, std::string_view payload) const {
  return format_.encoding == wire::Encoding::json ? quoted(payload) : quoted(wire::to_json(response));
}

base::Status ProxySession::on_response(std::string_view payload, base::TimePoint) {
  auto decoded = wire::decode<wire::AgentResponse>(format_, payload, arena_);
  if (!decoded) return std::move(decoded.error());
  if (state_ == State::configuring && decoded->correlation_id == configure_id) return on_configured(*decoded, payload);

  const ExchangeIndex exchange = in_flight_.find(decoded->correlation_id);
  if (exchange == none) return drop_unknown(*decoded, payload);
  // Without it the answer would be taken for the oldest event, which it may not be about.
  if (format_.event_reply && !decoded->reply_to)
    return fail(ErrorKind::invalid_message, "an answer without reply_to, which event-reply promises");
  const auto& entry = in_flight_.exchange(exchange);
  if (entry.cancelled) return drop(dropped_.late);
  if (entry.sent == 0) return drop_misfit(Misfit::surplus, dropped_.late, *decoded, payload);
  const EventIndex event = in_flight_.match(exchange, format_.event_reply ? &*decoded->reply_to : nullptr);
  if (event == none) return drop_misfit(Misfit::misnamed, dropped_.mismatch, *decoded, payload);
  auto* const response =
      new (arena_.allocate(sizeof(wire::AgentResponse), alignof(wire::AgentResponse))) wire::AgentResponse(*decoded);
  actions_.emplace_back(Answered{in_flight_.event(event).tag, response});
  end_event(event);
  send_queued(exchange);
  return {};
}

/// An answer to an exchange that is not here: late, or nobody's. Ids of ours are always in their form.
base::Status ProxySession::drop_unknown(const wire::AgentResponse& response, std::string_view payload) {
  const bool names_none = !base::CorrelationId::slot_of(response.correlation_id).has_value();
  if (!names_none && completes_unanswered_ != 0) {
    --completes_unanswered_;
    return {};
  }
  if (names_none) return drop_misfit(Misfit::unnamed, dropped_.unknown, response, payload);
  return drop(dropped_.unknown);
}

/// Nothing but a word in the log tells an agent's author why its answers have no effect.
base::Status ProxySession::drop_misfit(Misfit misfit, std::uint64_t& count, const wire::AgentResponse& response,
                                       std::string_view payload) {
  if (!std::exchange(quoted_[static_cast<std::size_t>(misfit)], true))
    actions_.emplace_back(Unmatched{misfit, said(response, payload)});
  return drop(count);
}

base::Status ProxySession::drop(std::uint64_t& count) {
  ++count;
  actions_.emplace_back(Dropped{});
  return {};
}

base::Status ProxySession::on_control(const wire::FrameView& frame, base::TimePoint now) {
  const auto read = [&]<class Message>(auto&& use) -> base::Status {
    auto message = wire::decode<Message>(format_, frame.payload, arena_);
    if (!message) return std::move(message.error());
    use(*message);
    return {};
  };
  switch (frame.type) {
    case FrameType::ping: wire::append_frame(FrameType::pong, frame.payload, output_); return {};
    case FrameType::pong:
      return read.operator()<wire::Pong>([&](const wire::Pong& pong) {
        if (pong.sequence != ping_sequence_) return;
        pong_due_ = base::TimePoint::max();
        if (std::exchange(suspect_, false)) actions_.emplace_back(Trusted{});
        next_ping_ = now + config_.ping_interval;
      });
    case FrameType::health_status:
      return read.operator()<wire::HealthStatus>([&](const wire::HealthStatus& status) {
        if (status.state == health_) return;
        health_ = status.state;
        actions_.emplace_back(HealthChanged{health_});
      });
    case FrameType::flow_control:
      return read.operator()<wire::FlowControl>([&](const wire::FlowControl& flow) {
        const bool paused = flow.action == wire::FlowAction::pause ||
                            (flow.action == wire::FlowAction::update_capacity && flow.buffer_available == 0);
        if (paused == paused_) return;
        paused_ = paused;
        actions_.emplace_back(FlowChanged{paused});
      });
    case FrameType::metrics_report:
      return read.operator()<wire::MetricsReport>([&](const wire::MetricsReport& report) {
        auto* const kept =
            new (arena_.allocate(sizeof report, alignof(wire::MetricsReport))) wire::MetricsReport(report);
        actions_.emplace_back(MetricsReported{kept});
      });
    case FrameType::config_update_request:
      return read.operator()<wire::ConfigUpdateRequest>([&](const wire::ConfigUpdateRequest& request) {
        auto* const kept = new (arena_.allocate(sizeof request, alignof(wire::ConfigUpdateRequest)))
            wire::ConfigUpdateRequest(request);
        actions_.emplace_back(ConfigUpdateRequested{kept});
      });
    default: return fail(ErrorKind::invalid_message, fmt::format("an agent must not send {} here", name(frame.type)));
  }
}

// ---- calls of the owner

base::Status ProxySession::enqueue(const base::CorrelationId& id, const PendingEvent& event, base::TimePoint now) {
  if (state_ != State::ready) return fail(ErrorKind::unavailable, "the connection is not ready");
  if (event.deadline.passed(now)) return fail(ErrorKind::timeout, "the deadline passed before the event was sent");
  if (output_.size() >= config_.max_output)
    return fail(ErrorKind::unavailable, fmt::format("the agent does not read: {} bytes are queued", output_.size()));
  const auto named = std::visit([](const auto* message) { return wire::correlation_id_of(*message); }, event.event);
  if (named != id.text())
    return fail(ErrorKind::serialization, "the event carries another correlation id than its exchange");

  const ExchangeIndex exchange = in_flight_.find_or_add(id);
  if (in_flight_.exchange(exchange).cancelled) return fail(ErrorKind::unavailable, "the exchange was cancelled");
  PendingEvent pending = event;
  pending.sent = format_.event_reply || in_flight_.exchange(exchange).sent == 0;
  if (pending.sent) {
    auto status =
        std::visit([&](const auto* message) { return wire::encode(format_, *message, output_); }, event.event);
    if (!status) {
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
  if (!event.deadline.never())
    patience_ = std::min(patience_, std::max(least_patience, (event.deadline.at() - now) / 2));
  in_flight_.add_event(exchange, pending);
  return {};
}

void ProxySession::send_queued(ExchangeIndex exchange) {
  auto& entry = in_flight_.exchange(exchange);
  while (entry.first != none && entry.sent == 0) {
    const EventIndex next = entry.first;
    auto& event = in_flight_.event(next);
    auto status =
        std::visit([&](const auto* message) { return wire::encode(format_, *message, output_); }, event.event);
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
  if (on_the_wire && state_ == State::ready)
    (void)wire::encode(format_, wire::Cancel{id.text(), reason, milliseconds(now)}, output_);
}

bool ProxySession::complete(const base::CorrelationId& id, const wire::RequestComplete& summary, base::TimePoint now) {
  const ExchangeIndex exchange = in_flight_.find(id);
  if (exchange == none) return false;
  if (in_flight_.exchange(exchange).first != none) cancel(id, wire::CancelReason::manual, now);
  const bool told = in_flight_.exchange(exchange).told && state_ == State::ready && tell(summary, now);
  in_flight_.remove_exchange(exchange);
  return told;
}

void ProxySession::report(const wire::RequestComplete& summary, base::TimePoint now) {
  if (state_ != State::ready || output_.size() >= config_.max_output) return;
  if (!takes(wire::EventKind::request_complete)) return;
  (void)tell(summary, now);
}

/// Nobody waits for it: it leaves with the next event, or after a while alone.
bool ProxySession::tell(const wire::RequestComplete& summary, base::TimePoint now) {
  const std::size_t before = output_.size();
  if (!wire::encode(format_, summary, output_)) return false;
  if (completes_are_answered_) ++completes_unanswered_;
  linger_.defer(output_, before, now);
  return true;
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
  doubt(now);
}

void ProxySession::doubt(base::TimePoint now) {
  if (suspect_ || state_ != State::ready) return;
  suspect_ = true;
  if (pong_due_ == base::TimePoint::max()) ping(now);
}

void ProxySession::probe(base::TimePoint now) {
  if (state_ != State::ready || pong_due_ != base::TimePoint::max()) return;
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
  pong_due_ = std::min(pong_due_, now + config_.pong_timeout);
  next_ping_ = now + config_.ping_interval;
}

void ProxySession::tick(base::TimePoint now) {
  if (state_ == State::closed) return;
  if (state_ != State::ready && now >= state_deadline_)
    return close(
        fail(ErrorKind::timeout, state_ == State::handshaking
                                     ? std::string{"the agent did not answer the handshake in time"}
                                     : "the agent did not accept its configuration in time" + sent_configuration()));
  if (now >= probe_due()) {
    probe(now);
    actions_.emplace_back(Probed{});
  }
  while (in_flight_.earliest() != none && in_flight_.event(in_flight_.earliest()).deadline.passed(now))
    expire(in_flight_.event(in_flight_.earliest()).exchange, now);
  linger_.tick(output_, now);
  if (now >= pong_due_) return close(fail(ErrorKind::timeout, "the agent did not answer a ping in time"));
  if (state_ == State::ready && now >= next_ping_) {
    if (in_flight_.exchanges() == 0) {
      reader_.trim();
      arena_.trim();
    }
    ping(now);
  }
}

base::TimePoint ProxySession::next_wakeup() const noexcept {
  if (state_ == State::closed) return base::TimePoint::max();
  if (state_ != State::ready) return state_deadline_;
  return std::min({in_flight_.earliest_deadline(), next_ping_, pong_due_, linger_.due(), probe_due()});
}

std::size_t ProxySession::memory() const noexcept {
  return reader_.capacity() + arena_.reserved() + in_flight_.memory() + actions_.capacity() * sizeof(ProxyAction);
}

}  // namespace picket::session
