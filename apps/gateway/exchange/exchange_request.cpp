#include <algorithm>
#include <utility>

#include "apps/gateway/exchange/exchange.hpp"

namespace picket::apps::gateway::exchange {
namespace {

std::optional<std::string_view> tls_text(const downstream::Peer& peer,
                                         std::string_view transport::tls::Secured::* member) noexcept {
  return peer.tls ? std::optional{(*peer.tls).*member} : std::nullopt;
}

}  // namespace

bool Exchange::obey(inspection::Verdict verdict) {
  if (state_.is_over()) return false;
  if (verdict.goes_on()) return true;
  // The client is told already, of another word.
  if (state_.stage() == Stage::answering) return false;
  record_.decision = verdict.decision;
  record_.deciding_agent = verdict.agent;
  if (!state_.may_answer()) {
    record_.reason = answers::reason_of(verdict.failure);
    upstream_.reset(ResetCode::cancelled);
    happened(Event::broke);
  } else if (verdict.answer) {
    decide(std::move(*verdict.answer));
  } else {
    refuse(answers::reason_of(verdict.failure), inspection::status_of(verdict.failure));
  }
  if (!verdict.cause.empty()) record_.reason_detail = verdict.cause;  // what the client is told says enough
  return false;
}

transport::Task<void> Exchange::judge_head() {
  if (service_.chain(*route_).filters.empty()) {
    let_head_on();
    co_return;
  }
  const auto optional_text = [](std::string_view text) { return text.empty() ? std::nullopt : std::optional{text}; };
  const base::Headers headers{forwarded_.fields.items()};
  const auto upstream =
      route_->respond ? std::nullopt : std::optional<std::string_view>{service_.config.upstreams[route_->upstream].id};
  wire::RequestHeaders event{.metadata = {.request_id = request_id_,
                                          .client_ip = forwarded_.origin.address,
                                          .client_port = forwarded_.origin.port,
                                          .server_name = optional_text(forwarded_.authority),
                                          .protocol = record_.protocol,
                                          .tls_version = tls_text(peer_, &transport::tls::Secured::version),
                                          .tls_cipher = tls_text(peer_, &transport::tls::Secured::cipher),
                                          .route_id = route_->id,
                                          .upstream_id = upstream,
                                          .timestamp = arena_.copy(service_.shard.timestamps.now()),
                                          .traceparent = headers.find("traceparent")},
                             .method = forwarded_.method,
                             .uri = forwarded_.target,
                             .headers = headers};
  auto verdict = co_await inspection_->request_headers(event);
  if (obey(std::move(verdict))) let_head_on();
}

/// What is known to be too large is refused before the client is told to send it.
void Exchange::let_head_on() {
  inspection::BodyInspection& body = inspection_->request_body();
  if (!request_.has_body() || !body.begin(request_.content_length)) {
    happened(Event::head_passed);
  } else if (obey(body.refusal())) {
    happened(Event::body_wanted);
  }
}

transport::Task<void> Exchange::invite_body() {
  const http::FieldList none{arena_};
  client_.interim(100, {}, none);
  const auto written = co_await client_.write({}, false);
  happened(written ? Event::invited : Event::client_lost);
}

/// Reads the body as long as agents look at what comes, and hold it.
transport::Task<void> Exchange::hold_body() {
  inspection::BodyInspection& body = inspection_->request_body();
  const base::Deadline whole = base::Deadline::after(service_.worker.now(), service_.config.limits.held_body_time);
  BodyPace pace{listener_.body_timeout};
  if (!intake_.reserve()) refuse(answers::Reason::overloaded, 503);
  while (state_.stage() == Stage::holding_body && body.is_watched() && !body.lets_out() && !body.has_ended()) {
    const bool is_paused = body.is_paused();
    auto step = is_paused && !body.is_asking() ? await_demand(whole)
                : has_to_wait(body)            ? judge_what_came(body)
                                               : read_held(pace, whole);
    co_await step;
  }
  happened(body.has_ended() ? Event::body_held : Event::body_outgrew);
}

/// An agent wants no more for now: the client is read no further, and its own network holds it back.
transport::Task<void> Exchange::await_demand(base::Deadline whole) {
  co_await inspection_->request_body().more_wanted(whole);
  if (!whole.passed(service_.worker.now()) || state_.is_over()) co_return;
  record_.reason_detail = "an agent held the body up";
  refuse(answers::Reason::bad_request, 408);
}

transport::Task<void> Exchange::read_held(BodyPace& pace, base::Deadline whole) {
  inspection::BodyInspection& body = inspection_->request_body();
  const std::span<char> space = intake_.space(body.credit());
  const base::Deadline deadline = std::min(pace.begins(service_.worker.now(), record_.request_size), whole);
  const auto size = co_await client_.read(space, deadline);
  pace.ends(service_.worker.now());
  if (!size) {
    refuse_unread(size.error());
    co_return;
  }
  record_.request_size += *size;
  base::SharedBytes bytes = intake_.commit(*size);
  if (!bytes.block().count(*size)) {
    refuse(answers::Reason::overloaded, 503);
    co_return;
  }
  body.feed(std::move(bytes), client_.body_is_read());
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

/// One that is whole goes on when all of it may: then its length is known, and it can be sent again.
transport::Task<void> Exchange::judge_body() {
  inspection::BodyInspection& body = inspection_->request_body();
  bool is_collected = false;
  do {
    co_await judge_what_came(body);
    is_collected = collect(body, outgoing_);
  } while (state_.stage() == Stage::judging_body && state_.holds_body() && !is_collected);
  happened(Event::body_passed);
}

transport::Task<void> Exchange::await_agents(inspection::BodyInspection& body) {
  if (body.has_to_ask()) {
    co_await judge_what_came(body);
  } else {
    const base::Deadline none;  // a pause has an end of its own
    co_await body.more_wanted(none);
  }
}

/// What an agent does not let pass is decided here.
transport::Task<void> Exchange::judge_what_came(inspection::BodyInspection& body) {
  auto verdict = co_await body.judge();
  if (&body == &inspection_->response_body()) {
    co_await obey_about_answer(std::move(verdict));
  } else {
    static_cast<void>(obey(std::move(verdict)));
  }
}

}  // namespace picket::apps::gateway::exchange
