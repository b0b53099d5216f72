#include "apps/gateway/exchange/exchange.hpp"

#include <utility>

#include <fmt/format.h>

#include "apps/gateway/generation/router.hpp"
#include "picket/http/authority.hpp"
#include "picket/http/target.hpp"

namespace picket::apps::gateway::exchange {
namespace {

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

ForwardingTerms forwarding_terms(const config::Config& config, const config::Listener& listener,
                                 std::string_view request_id) {
  return {.trusted_proxies = listener.trusted_proxies,
          .underscores_in_headers = config.limits.underscores_in_headers,
          .request_id = request_id};
}

/// Why nobody reads the answer any more, for the log.
answers::Reason reason_of(wire::CancelReason reason) noexcept {
  switch (reason) {
    case wire::CancelReason::client_disconnect: return answers::Reason::client_gone;
    case wire::CancelReason::proxy_shutdown: return answers::Reason::proxy_shutdown;
    default: return answers::Reason::none;
  }
}

Destination destination_of(const ForwardedRequest& request, const config::Route& route) noexcept {
  if (request.ends_here) return Destination::last_recipient;
  return route.respond ? Destination::fixed : Destination::upstream;
}

}  // namespace

Exchange::Exchange(generation::Service& service, ClientSide& client, UpstreamSide& upstream, transport::Cancel& cancel,
                   const downstream::Peer& peer, const config::Listener& listener, base::Arena& arena)
    : service_(service),
      client_(client),
      upstream_(upstream),
      request_(client.request()),
      peer_(peer),
      listener_(listener),
      arena_(arena),
      cancel_(cancel),
      id_(service.worker.ids().mint()),
      request_id_(request_id_of(request_, id_)),
      forwarded_(exchange::forward(request_, peer, forwarding_terms(service.config, listener, request_id_), arena)),
      handshake_(request_),
      intake_(service.worker.blocks()),
      answer_intake_(service.worker.blocks()),
      sender_(service.worker),
      record_{.began = base::Clock::now(), .protocol = http::version_name(request_.version)} {}

Exchange::~Exchange() = default;

transport::Task<void> Exchange::serve() {
  client_.on_gone([this] { abandon(wire::CancelReason::client_disconnect); });
  arrive();
  while (!state_.is_over()) co_await work();
  co_await end_sending();
  conclude();
}

transport::Task<void> Exchange::work() {
  switch (state_.stage()) {
    case Stage::judging_head: return judge_head();
    case Stage::inviting_body: return invite_body();
    case Stage::holding_body: return hold_body();
    case Stage::judging_body: return judge_body();
    case Stage::leasing: return lease();
    case Stage::sending: return send();
    case Stage::awaiting_answer: return await_answer();
    case Stage::making_answer: return make_answer();
    case Stage::judging_answer: return judge_answer();
    case Stage::opening_answer: return open_answer();
    case Stage::relaying: return relay();
    case Stage::arrived:
    case Stage::answering:
    case Stage::answered:
    case Stage::cut:
    case Stage::gone: break;
  }
  return write_answer();
}

void Exchange::happened(Event event, wire::CancelReason reason) {
  const Step step = state_.after(event);
  state_ = step.state;
  if (step.ends == Ends::nothing) return;
  stop_sending();
  if (step.ends == Ends::sending) return;
  client_.stop();
  if (record_.reason == answers::Reason::none) record_.reason = reason_of(reason);
  cancel_.request(reason);
}

void Exchange::decide(inspection::Answer answer, answers::Reason reason) {
  if (!state_.may_answer()) return;
  answer_ = std::move(answer);
  record_.reason = reason;
  happened(Event::decided);
}

void Exchange::refuse(answers::Reason reason, std::uint16_t status) {
  auto made = answers::refusal(reason, status, arena_);
  if (!record_.reason_detail.empty()) made.body = arena_.copy(fmt::format("{}{}\n", made.body, record_.reason_detail));
  decide(std::move(made), reason);
}

// ---- the beginning

void Exchange::arrive() {
  const auto [route, ambiguity] = service_.router.find({.method = forwarded_.method,
                                                        .authority = forwarded_.authority,
                                                        .path = http::path_of(forwarded_.target),
                                                        .query = http::query_of(forwarded_.target),
                                                        .headers = base::Headers{forwarded_.fields.items()}});
  record_.reason_detail = forwarded_.refusal.empty() ? ambiguity : forwarded_.refusal;
  if (!record_.reason_detail.empty()) {
    refuse(answers::Reason::bad_request, 400);
  } else if (!came_the_right_way()) {
    refuse(answers::Reason::misdirected_request, 421);
  } else if (route == nullptr) {
    decide({.status = 404, .fields = http::FieldList{arena_}, .body = "no route takes this request\n"});
  } else if (route->redirect_to_https && forwarded_.origin.scheme == "http") {
    redirect_to_https();
  } else if (request_.must_switch && (!route->websocket || route->respond)) {
    record_.reason_detail = "no WebSocket is spoken here";
    refuse(answers::Reason::bad_request, 400);
  } else if (request_.framing == http::Framing::length &&
             request_.content_length > route->max_body_size.value_or(service_.config.limits.max_body_size)) {
    refuse(answers::Reason::body_too_large, 413);
  } else {
    take_route(*route);
  }
}

/// Over TLS it is for a host whose certificate the client was shown: what holds for one host does not for another.
bool Exchange::came_the_right_way() const noexcept {
  return !peer_.tls || forwarded_.authority.empty() || peer_.tls->is_for(http::host_name(forwarded_.authority));
}

/// 308 keeps the method. The port is the scheme's own: which one clients see is not known here.
void Exchange::redirect_to_https() {
  const std::string_view asked = forwarded_.origin.host.empty() ? forwarded_.authority : forwarded_.origin.host;
  if (asked.empty()) {
    record_.reason_detail = "no Host to redirect to";
    return refuse(answers::Reason::bad_request, 400);
  }
  const std::string_view target = forwarded_.target.starts_with('/') ? forwarded_.target : "/";
  inspection::Answer answer{.status = 308, .fields = http::FieldList{arena_}, .body = {}};
  answer.fields.push_back({"Location", arena_.copy(fmt::format("https://{}{}", http::host_name(asked), target))});
  decide(std::move(answer));
}

void Exchange::take_route(const config::Route& route) {
  route_ = &route;
  inspection_.emplace(service_.worker, service_.chain(route), &service_.audit, id_, arena_);
  inspection_guard_.emplace(
      cancel_,
      [](void* self) {
        auto& exchange = *static_cast<Exchange*>(self);
        exchange.inspection_->cancel(exchange.cancel_.reason());
      },
      this);
  if (request_.has_body()) inspection_->request_body().set_coding(request_.headers);
  // A body that has come already goes along with the head, to the agent and to the upstream, and is not copied.
  const auto whole = client_.take_whole();
  if (whole) {
    record_.request_size = whole->size();
    inspection_->request_body().feed(*whole, true);
  }
  const RequestFacts facts{.destination = destination_of(forwarded_, route),
                           .has_body = request_.has_body(),
                           .body_has_come = whole.has_value(),
                           .waits_for_100 = request_.expects_continue && !client_.body_has_come(),
                           .is_idempotent = http::is_idempotent(request_.method)};
  state_ = state_.routed(facts).state;
  // One that is too large is refused before anybody is asked, as it is where it comes later.
  if (whole) static_cast<void>(obey(inspection_->request_body().refusal()));
}

// ---- the end

void Exchange::conclude() {
  if (state_.stage() == Stage::cut) client_.reset(ResetCode::broken);
  const auto duration = base::Clock::now() - record_.began;
  record_.count(service_.shard.metrics, duration);
  if (state_.agents_know()) inspection_->complete(record_.summary(duration));
  record_.write(service_, id_, forwarded_, peer_, duration);
}

}  // namespace picket::apps::gateway::exchange
