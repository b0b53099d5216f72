#include <algorithm>
#include <utility>

#include "apps/gateway/body/body_pace.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/logs/json_line.hpp"

namespace picket::apps::gateway::exchange {

bool Exchange::passes(inspection::Verdict verdict) {
  if (state_.is_over()) return false;
  if (verdict.goes_on()) return true;
  record_.decision = verdict.decision;
  record_.deciding_agent = verdict.agent;
  if (verdict.answer) {
    decide(std::move(*verdict.answer));
  } else {
    refuse(answers::reason_of(verdict.failure), inspection::status_of(verdict.failure));
  }
  return false;
}

transport::Task<void> Exchange::judge_head() {
  if (route_->filters.empty()) {
    let_head_on();
    co_return;
  }
  thread_local std::string time;
  const auto optional_text = [](std::string_view text) { return text.empty() ? std::nullopt : std::optional{text}; };
  const base::Headers headers{forwarded_.fields.items()};
  const auto upstream =
      route_->respond ? std::nullopt : std::optional<std::string_view>{service_.config.upstreams[route_->upstream].id};
  const wire::RequestHeaders event{.metadata = {.correlation_id = id_.text(),
                                                .request_id = request_id_,
                                                .client_ip = forwarded_.origin.address,
                                                .client_port = forwarded_.origin.port,
                                                .server_name = optional_text(forwarded_.authority),
                                                .protocol = request_.version == 11 ? "HTTP/1.1" : "HTTP/1.0",
                                                .route_id = route_->id,
                                                .upstream_id = upstream,
                                                .timestamp = arena_.copy(logs::rfc3339_now(time)),
                                                .traceparent = headers.find("traceparent")},
                                   .method = forwarded_.method,
                                   .uri = forwarded_.target,
                                   .headers = headers};
  auto verdict = co_await inspection_->request_headers(event, state_.holds_body() ? &held_.pieces() : nullptr);
  if (passes(std::move(verdict))) let_head_on();
}

/// What is known to be too large is refused before the client is told to send it.
void Exchange::let_head_on() {
  if (!request_.has_body() || !inspection_->wants_request_body()) {
    happened(Event::head_passed);
  } else if (request_.content_length > body_limits().refuse_above) {
    refuse(answers::Reason::body_too_large, 413);
  } else {
    happened(Event::body_wanted);
  }
}

Exchange::BodyLimits Exchange::body_limits() const {
  const std::uint64_t own_limit = service_.config.limits.max_body_size;
  return {.inspect_up_to = inspection_->inspect_body_up_to(),
          .refuse_above = std::min(inspection_->refuse_body_above().value_or(own_limit), own_limit)};
}

transport::Task<void> Exchange::invite_body() {
  const http::FieldList none{arena_};
  client_.interim(100, {}, none);
  const auto written = co_await client_.write({}, false);
  happened(written ? Event::invited : Event::client_lost);
}

/// Reads the body, unless it is or turns out to be too large for every agent: then it goes on without them.
transport::Task<void> Exchange::hold_body() {
  const BodyLimits limits = body_limits();
  const base::Deadline whole = base::Deadline::after(service_.worker.now(), service_.config.limits.held_body_time);
  body::BodyPace pace{service_.timeouts.body};
  bool has_room = held_.begin();
  while (has_room && !client_.body_is_read() &&
         std::max(record_.request_size, request_.content_length) <= limits.inspect_up_to) {
    const std::span<char> space = held_.space();
    const base::Deadline deadline = std::min(pace.begins(service_.worker.now(), record_.request_size), whole);
    const auto size = co_await client_.read(space, deadline);
    pace.ends(service_.worker.now());
    if (!size) {
      refuse_unread(size.error());
      co_return;
    }
    record_.request_size += *size;
    if (record_.request_size > limits.refuse_above) {
      refuse(answers::Reason::body_too_large, 413);
      co_return;
    }
    has_room = held_.add(*size);
  }
  if (!has_room) refuse(answers::Reason::overloaded, 503);
  happened(client_.body_is_read() ? Event::body_held : Event::body_outgrew);
}

void Exchange::refuse_unread(const base::Error& error) {
  if (state_.is_over()) return;
  const bool malformed = error.kind() == base::ErrorKind::invalid_message;
  if (!malformed && error.kind() != base::ErrorKind::timeout) {
    happened(Event::client_lost);
    return;
  }
  record_.reason_detail = malformed ? arena_.copy(error.detail()) : "the body did not arrive in time";
  refuse(answers::Reason::bad_request, malformed ? 400 : 408);
}

transport::Task<void> Exchange::judge_body() {
  // A chunked body does not say how long it is: at least what was read of it, which is too much for every agent.
  const std::uint64_t size = std::max(record_.request_size, request_.content_length);
  auto asked = state_.holds_body() ? inspection_->request_body(held_.pieces()) : inspection_->pass_request_body(size);
  auto verdict = co_await asked;
  if (passes(std::move(verdict))) happened(Event::body_passed);
}

}  // namespace picket::apps::gateway::exchange
