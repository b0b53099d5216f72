#include "apps/gateway/exchange/exchange.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/body/body_pace.hpp"
#include "apps/gateway/generation/router.hpp"
#include "apps/gateway/logs/access_line.hpp"
#include "apps/gateway/logs/json_line.hpp"
#include "picket/http/outgoing.hpp"
#include "picket/http/target.hpp"

namespace picket::apps::gateway::exchange {
namespace {

// What holding a body costs whatever its size: a page of its first block.
constexpr std::uint64_t least_held = 4096;

/// A client's own, or the gateway's where it has none or several.
std::string_view request_id_of(const http::RequestHead& request, const base::CorrelationId& id) {
  std::string_view own;
  for (const auto& field : request.headers) {
    if (!base::same_name(field.name, "x-request-id") || field.value.empty()) continue;
    if (!own.empty()) return id.text();
    own = field.value;
  }
  return own.empty() ? id.text() : own;
}

/// RFC 9110 §15.3.5, §15.3.6, §15.4.5.
constexpr bool has_content(std::uint16_t status) noexcept { return status != 204 && status != 205 && status != 304; }

/// What TRACE may show of a request: never what may be secret (RFC 9110 §9.3.8).
bool is_traced(std::string_view name) noexcept {
  return base::same_name(name, "host") || base::same_name(name, "via") || base::same_name(name, "max-forwards");
}

ForwardingTerms forwarding_terms(const config::Config& config, const config::Listener* listener,
                                 std::string_view request_id) {
  ForwardingTerms terms{.underscores_in_headers = config.limits.underscores_in_headers, .request_id = request_id};
  if (listener != nullptr) terms.trusted_proxies = listener->trusted_proxies;
  return terms;
}

}  // namespace

Exchange::Exchange(generation::Service& service, transport::Stream& client, base::Buffer& client_buffer,
                   const downstream::Peer& peer, const config::Listener* listener, const http::RequestHead& request,
                   base::Arena& arena)
    : service_(service),
      client_(client),
      request_(request),
      arena_(arena),
      body_(client, client_buffer, request.framing, request.content_length),
      watch_(service.shard.hangups, client, service.config.limits.half_closed_time,
             [this] {
               client_left();
               abandon(wire::CancelReason::client_disconnect);
             }),
      id_(service.worker.ids().mint()),
      request_id_(request_id_of(request, id_)),
      forwarded_(exchange::forward(request, peer, forwarding_terms(service.config, listener, request_id_), arena)),
      began_(base::Clock::now()),
      keep_alive_(request.keep_alive) {}

Exchange::~Exchange() {
  inspection_.reset();
  let_body_go();
  service_.worker.ids().release(id_);
}

transport::Task<void> Exchange::serve() {
  const auto [route, ambiguity] = generation::find_route(
      service_.config,
      {.method = forwarded_.method, .authority = forwarded_.authority, .path = http::path_of(forwarded_.target)});
  reason_detail_ = forwarded_.refusal.empty() ? ambiguity : forwarded_.refusal;
  if (!forwarded_.refusal.empty()) {
    keep_alive_ = false;
    co_await refuse(answers::Reason::bad_request, 400);
  } else if (!ambiguity.empty()) {
    co_await refuse(answers::Reason::bad_request, 400);
  } else if (route == nullptr) {
    inspection::Answer nowhere{
        .status = 404, .fields = http::FieldList{arena_}, .body = "no route takes this request\n"};
    co_await answer(std::move(nowhere));
  } else if (request_.framing == http::Framing::length &&
             request_.content_length > service_.config.limits.max_body_size) {
    co_await refuse(answers::Reason::body_too_large, 413);
  } else {
    inspection_.emplace(service_.worker, service_.chain(*route), &service_.audit, id_, arena_);
    hold_what_came();
    bool goes_on = co_await inspect_head(*route);
    if (goes_on && request_.has_body()) goes_on = co_await take_body();
    if (goes_on && forwarded_.ends_here) {
      co_await answer_here();
    } else if (goes_on && route->respond) {
      co_await respond_fixed(*route->respond);
    } else if (goes_on) {
      co_await forward(*route);
    }
  }
  conclude();
}

/// A body that has come already goes along with the head, to the agent and to the upstream, and is not copied.
void Exchange::hold_what_came() {
  const auto whole = body_.take_whole();
  if (!whole) return;
  held_.push_back(*whole);
  body_size_ = whole->size();
  body_is_held_ = true;
}

bool Exchange::hold_more(std::uint64_t bytes) {
  if (!service_.shard.blocks.hold(bytes)) return false;
  counted_as_held_ += bytes;
  return true;
}

void Exchange::let_body_go() noexcept {
  held_.clear();
  blocks_.clear();
  service_.shard.blocks.release(std::exchange(counted_as_held_, 0));
}

// ---- agents

transport::Task<bool> Exchange::inspect_head(const config::Route& route) {
  if (route.filters.empty()) co_return true;
  thread_local std::string time;
  const auto optional_text = [](std::string_view text) { return text.empty() ? std::nullopt : std::optional{text}; };
  const base::Headers headers{forwarded_.fields.items()};
  const auto upstream =
      route.respond ? std::nullopt : std::optional<std::string_view>{service_.config.upstreams[route.upstream].id};
  const wire::RequestHeaders event{.metadata = {.correlation_id = id_.text(),
                                                .request_id = request_id_,
                                                .client_ip = forwarded_.origin.address,
                                                .client_port = forwarded_.origin.port,
                                                .server_name = optional_text(forwarded_.authority),
                                                .protocol = request_.version == 11 ? "HTTP/1.1" : "HTTP/1.0",
                                                .route_id = route.id,
                                                .upstream_id = upstream,
                                                .timestamp = arena_.copy(logs::rfc3339_now(time)),
                                                .traceparent = headers.find("traceparent")},
                                   .method = forwarded_.method,
                                   .uri = forwarded_.target,
                                   .headers = headers};
  watch_.start();
  auto verdict = co_await inspection_->request_headers(event, body_is_held_ ? &held_ : nullptr);
  co_return co_await take_verdict(std::move(verdict));
}

transport::Task<bool> Exchange::take_verdict(inspection::Verdict verdict) {
  watch_.stop();
  if (client_lost_) co_return false;
  if (verdict.goes_on()) co_return true;
  decision_ = verdict.decision;
  deciding_agent_ = verdict.agent;
  if (verdict.answer) {
    co_await answer(std::move(*verdict.answer));
  } else {
    co_await refuse(answers::reason_of(verdict.failure), inspection::status_of(verdict.failure));
  }
  co_return false;
}

/// What is known to be too large is refused before the client is told to send it.
transport::Task<bool> Exchange::take_body() {
  const bool is_inspected = inspection_->wants_request_body();
  const BodyLimits limits = body_limits();
  if (is_inspected && request_.content_length > limits.refuse_above) {
    co_await refuse(answers::Reason::body_too_large, 413);
    co_return false;
  }
  if (!is_inspected) {
    expect_goes_on_ = request_.expects_continue && !body_.is_buffered();
    co_return true;
  }
  bool goes_on = co_await continue_if_expected();
  if (!goes_on) co_return false;
  if (!body_is_held_) goes_on = co_await hold_body(limits);
  if (!goes_on) co_return false;
  watch_.start();
  // A chunked body does not say how long it is: at least what was read of it, which is too much for every agent.
  const std::uint64_t size = std::max(body_size_, request_.content_length);
  auto asked = body_is_held_ ? inspection_->request_body(held_) : inspection_->pass_request_body(size);
  auto verdict = co_await asked;
  co_return co_await take_verdict(std::move(verdict));
}

Exchange::BodyLimits Exchange::body_limits() const {
  const std::uint64_t own_limit = service_.config.limits.max_body_size;
  return {.inspect_up_to = inspection_->inspect_body_up_to(),
          .refuse_above = std::min(inspection_->refuse_body_above().value_or(own_limit), own_limit)};
}

transport::Task<bool> Exchange::continue_if_expected() {
  if (!request_.expects_continue || body_.is_buffered()) co_return true;
  iovec line = http::part("HTTP/1.1 100 Continue\r\n\r\n");
  const std::span<iovec> parts{&line, 1};
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  const auto written = co_await client_.write(parts, deadline);
  if (!written) client_left();
  co_return !client_lost_;
}

/// Reads the body, unless it is or turns out to be too large for every agent: then it goes on without them.
transport::Task<bool> Exchange::hold_body(BodyLimits limits) {
  const base::Deadline whole = base::Deadline::after(service_.worker.now(), service_.config.limits.held_body_time);
  body::BodyPace pace{service_.timeouts.body};
  bool has_room = hold_more(least_held);
  // Blocks are taken as the body comes: a declared length reserves nothing.
  std::size_t used = body::block_size;
  while (has_room && !body_.done() && std::max(body_size_, request_.content_length) <= limits.inspect_up_to) {
    if (used == body::block_size) {
      blocks_.push_back(service_.shard.blocks.take());
      held_.emplace_back(reinterpret_cast<const std::byte*>(blocks_.back().get()), 0);
      used = 0;
    }
    const std::span<char> space{blocks_.back().get() + used, body::block_size - used};
    const base::Deadline deadline = std::min(pace.begins(service_.worker.now(), body_size_), whole);
    const auto size = co_await body_.read(space, deadline);
    pace.ends(service_.worker.now());
    if (!size) {
      co_await refuse_unread(size.error());
      co_return false;
    }
    used += *size;
    body_size_ += *size;
    held_.back() = base::as_bytes({blocks_.back().get(), used});
    if (body_size_ > limits.refuse_above) {
      co_await refuse(answers::Reason::body_too_large, 413);
      co_return false;
    }
    has_room = hold_more(*size);
  }
  if (!has_room) {
    co_await refuse(answers::Reason::overloaded, 503);
    co_return false;
  }
  body_is_held_ = body_.done();
  co_return true;
}

// ---- answers of the gateway's own

/// What the client is told of its connection.
answers::AnswerTerms Exchange::terms() {
  // A body that nobody has read would be taken for the next request.
  if (!body_.done() || service_.shard.draining) keep_alive_ = false;
  return {.date = service_.shard.date.now(),
          .version = request_.version,
          .keep_alive = keep_alive_,
          .with_body = !request_.is_head()};
}

transport::Task<void> Exchange::answer(inspection::Answer answer, answers::Reason reason) {
  reason_ = reason;
  if (!has_content(answer.status)) answer.body = {};
  if (reason != answers::Reason::none) service_.shard.metrics.answers_by_reason[static_cast<std::size_t>(reason)].add();
  base::Buffer out = std::move(interim_);
  const answers::AnswerTerms terms = this->terms();
  answers::write_answer(out, answer, request_id_, terms);
  status_ = answer.status;
  iovec all = http::part(out.text());
  const std::span<iovec> parts{&all, 1};
  const base::Deadline deadline = base::Deadline::after(service_.worker.now(), service_.timeouts.write);
  watch_.start_writing();
  const auto written = co_await client_.write(parts, deadline);
  watch_.stop();
  if (written) {
    response_size_ = terms.with_body ? answer.body.size() : 0;
  } else {
    client_left();
  }
}

transport::Task<void> Exchange::refuse(answers::Reason reason, std::uint16_t status) {
  auto made = answers::refusal(reason, status, arena_);
  if (!reason_detail_.empty()) made.body = arena_.copy(fmt::format("{}{}\n", made.body, reason_detail_));
  co_await answer(std::move(made), reason);
}

/// RFC 9110 §9.3.7, §9.3.8: OPTIONS has nothing to say of resources that are the upstreams'; TRACE shows the way that
/// the request took.
transport::Task<void> Exchange::answer_here() {
  inspection::Answer here{.status = 200, .fields = http::FieldList{arena_}, .body = {}};
  if (request_.method == "TRACE") {
    here.fields.push_back({"content-type", "message/http"});
    base::Buffer shown;
    http::write_request_line(shown, forwarded_.method, forwarded_.target);
    for (const auto& field : forwarded_.fields.items())
      if (is_traced(field.name)) http::write_field(shown, field.name, field.value);
    shown.append("\r\n");
    here.body = arena_.copy(shown.text());
  }
  co_await answer(std::move(here));
}

transport::Task<void> Exchange::refuse_unread(const base::Error& error) {
  const bool malformed = error.kind() == base::ErrorKind::invalid_message;
  if (!malformed && error.kind() != base::ErrorKind::timeout) client_left();
  keep_alive_ = false;
  if (client_lost_) co_return;
  reason_detail_ = malformed ? arena_.copy(error.detail()) : "the body did not arrive in time";
  co_await refuse(answers::Reason::bad_request, malformed ? 400 : 408);
}

// ---- the end

void Exchange::client_left() noexcept {
  if (client_lost_) return;  // the gateway closed the connection itself
  client_lost_ = true;
  if (reason_ == answers::Reason::none) reason_ = answers::Reason::client_gone;
}

void Exchange::abandon(wire::CancelReason reason) {
  client_lost_ = true;
  client_.cancel();  // where the answer is being written
  if (upstream_ != nullptr) upstream_->close();
  if (inspection_) inspection_->cancel(reason);
}

void Exchange::conclude() {
  watch_.stop();
  const auto duration = base::Clock::now() - began_;
  if (client_lost_) keep_alive_ = false;
  service_.shard.metrics.requests_by_class[status_ / 100 < 6 ? status_ / 100 : 0].add();
  service_.shard.metrics.request_duration.record(duration);
  service_.shard.metrics.request_bytes.add(body_size_);
  service_.shard.metrics.response_bytes.add(response_size_);
  if (inspection_)
    inspection_->complete({.correlation_id = id_.text(),
                           .status = status_,
                           .duration_ms = static_cast<std::uint64_t>(
                               std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()),
                           .request_body_size = body_size_,
                           .response_body_size = response_size_,
                           .upstream_attempts = attempts_,
                           .error = reason_ == answers::Reason::none ? std::nullopt : std::optional{name(reason_)}});
  write_access_line(duration);
}

void Exchange::write_access_line(base::Duration duration) {
  if (service_.access == nullptr) return;
  logs::write_access_line(*service_.access,
                          {.id = id_.text(),
                           .client = forwarded_.origin.address,
                           .method = forwarded_.method,
                           .uri = forwarded_.target,
                           .status = status_,
                           .bytes_in = body_size_,
                           .bytes_out = response_size_,
                           .duration = duration,
                           .upstream = upstream_address_,
                           .upstream_error = upstream_error_,
                           .decision = decision_,
                           .agent = deciding_agent_,
                           .reason = reason_ == answers::Reason::none ? std::string_view{} : name(reason_),
                           .detail = reason_detail_});
}

}  // namespace picket::apps::gateway::exchange
