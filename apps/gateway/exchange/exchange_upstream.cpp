#include <algorithm>

#include <spdlog/logger.h>

#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/header_edits.hpp"
#include "apps/gateway/upstream/place_hash.hpp"
#include "picket/http/trailers.hpp"
#include "picket/inspection/stickiness.hpp"

namespace picket::apps::gateway::exchange {
transport::Task<void> Exchange::lease() {
  // The turn may have begun before the request: no upstream takes longer than that did.
  if (!record_.asked) record_.asked = std::max(service_.worker.now(), record_.began);
  const UpstreamTerms terms{.upstream = route_->upstream, .key = balancing_key(), .request_time = route_->request_time};
  const auto connected = co_await upstream_.connect(terms, *this);
  if (!connected) {
    // Nobody is to blame where there is no socket left, or the upstream has as many as it may.
    const auto kind = connected.error().kind();
    const bool is_ours = kind == base::ErrorKind::io || kind == base::ErrorKind::unavailable;
    const auto theirs =
        upstream_.is_untrusted() ? answers::Reason::upstream_certificate : answers::Reason::upstream_error;
    refuse(is_ours ? answers::Reason::overloaded : theirs, is_ours ? 503 : 502);
    co_return;
  }
  record_.upstream_error.clear();
  record_.upstream_address = arena_.copy(upstream_.address());
  ++record_.attempts;
  happened(Event::leased);
}

/// What the request's target goes by; of requests that have nothing of the kind their client's address.
std::uint64_t Exchange::balancing_key() const {
  const inspection::Stickiness& by = service_.config.upstreams[route_->upstream].hash_by;
  if (by.by == inspection::Stickiness::By::none) return 0;
  const wire::RequestHeaders request{.metadata = {.client_ip = forwarded_.origin.address},
                                     .headers = base::Headers{forwarded_.fields.items()}};
  const std::string_view named = inspection::session_of(by, request);
  return upstream::hash_of(named.empty() ? forwarded_.origin.address : named);
}

/// Where the upstream has spoken as soon as the request began nothing is sent beside its answer: what is sent first,
/// and where it is kept, is then nobody's but the write's.
transport::Task<void> Exchange::send() {
  inspection::BodyInspection& body = inspection_->request_body();
  static_cast<void>(collect(body, outgoing_));
  begin_request();
  body.has_left();
  if (!body.may_go_beside() || !sends_beside()) return send_all();
  happened(Event::sends_beside);
  if (!state_.is_sending()) return send_all();
  sender_.run(send_beside());
  return await_answer();
}

/// What leaves in one write is not worth it.
bool Exchange::sends_beside() const noexcept {
  constexpr std::uint64_t one_write = 16 * 1024;
  const bool is_small = is_collected() && base::size_of(outgoing_) <= one_write;
  return !is_small && client_.is_duplex() && upstream_.is_duplex();
}

/// Whether what was collected is the request's body to its end.
/// What a client sends behind an extended CONNECT is no body.
bool Exchange::is_collected() const noexcept {
  return !state_.rest_follows() && (request_.must_switch || client_.body_is_read());
}

transport::Task<void> Exchange::send_all() {
  const bool is_whole = is_collected();
  if (is_whole) end_request();
  const auto written = co_await upstream_.write(outgoing_, is_whole);
  if (!written) {
    fail_sending(written.error());
  } else if (is_whole) {
    happened(Event::sent);
  } else {
    co_await send_rest();
  }
}

/// A request that does not come to its end ends what waits for its answer.
transport::Task<void> Exchange::send_beside() {
  co_await send_all();
  if (state_.is_sending()) happened(Event::broke);
  if (state_.stage() != Stage::answering && state_.stage() != Stage::cut) co_return;
  upstream_.reset(ResetCode::cancelled);
  if (state_.stage() == Stage::cut) client_.stop();
}

/// Whatever is awaited to send more of the request.
void Exchange::stop_sending() {
  client_.stop_reading();
  upstream_.stop_writing();
  if (inspection_) inspection_->request_body().stop_waiting();
}

/// Nothing more of the request is sent.
transport::Task<void> Exchange::end_sending() {
  if (!sender_.is_running()) co_return;
  happened(Event::cut_short);
  stop_sending();
  // An agent's word on what is sent no more is not waited for, once nothing else comes of it.
  const bool is_settled = state_.is_over() || state_.stage() == Stage::answering;
  if (is_settled && inspection_->request_body().is_asking()) inspection_->cancel(wire::CancelReason::manual);
  transport::Beside::End end{sender_};
  co_await end;
}

/// All of a body that may go on now. Whether its end is there.
bool Exchange::collect(inspection::BodyInspection& body, base::RecycledVector<base::SharedBytes>& pieces) {
  bool has_end = false;
  while (body.lets_out()) {
    body::Part part = body.take();
    has_end = has_end || part.is_last;
    if (!part.bytes.empty()) pieces.push_back(std::move(part.bytes));
  }
  return has_end;
}

void Exchange::begin_request() {
  const base::HeaderOps operations = inspection_->request_operations();
  const bool is_unpacked = inspection_->request_body().is_unpacked();
  const bool may_change = request_.has_body() && inspection_->request_body().may_change();
  const bool wants_unpacked = inspection_->response_body().wants_unpacked();
  const bool wants_whole = inspection_->response_body().is_wanted();
  const bool drops_extensions = inspects_frames();
  const std::string_view key = handshake_.key();
  const std::size_t changes = operations.size() + route_->request_edits.size() + (is_unpacked ? 1 : 0) +
                              (may_change ? 1 : 0) + (wants_unpacked ? 1 : 0) +
                              (wants_whole && asks_for_parts(forwarded_.fields) ? 1 : 0) + (drops_extensions ? 1 : 0) +
                              (key.empty() ? 0 : 1);
  http::FieldList changed{arena_};
  if (changes != 0) {
    changed.reserve(forwarded_.fields.size() + changes);
    for (const auto& field : forwarded_.fields.items()) changed.push_back(field);
    http::apply(operations, changed, arena_);
    if (is_unpacked) take_coding_off(changed, arena_);
    if (may_change) take_digests_off(changed, arena_);
    if (wants_whole) ask_for_the_whole(changed, arena_);
    if (wants_unpacked) ask_for_what_can_be_undone(changed, arena_);
    apply(route_->request_edits, changed, arena_);
    if (drops_extensions) offer_no_extension(changed, arena_);
    if (!key.empty()) changed.push_back({"Sec-WebSocket-Key", key});
  }
  upstream_.begin({.method = forwarded_.method,
                   .target = forwarded_.target,
                   .fields = changes == 0 ? forwarded_.fields : changed,
                   .length = length_to_send(),
                   .wants_trailers = http::wants_trailers(request_.headers),
                   .waits_for_100 = state_.passes_expectation_on(),
                   .upgrade = upgrade()});
}

BodyLength Exchange::length_to_send() {
  // What stands behind a body of known length has no place in HTTP/1.1.
  if (state_.holds_body() && trailers_to_send().empty()) return BodyLength::of(base::size_of(outgoing_));
  const bool is_as_sent = !state_.holds_body() && !inspection_->request_body().may_change();
  if (request_.framing == http::Framing::length && is_as_sent) return BodyLength::of(request_.content_length);
  return {.kind = request_.framing == http::Framing::none ? BodyLength::Kind::none : BodyLength::Kind::unknown};
}

/// A body goes on as it comes and agents let it, the slowest of all being the client's pace, until the upstream
/// answers. A client that waits for a 100 begins once the upstream's has been passed on, or when it tires of waiting
/// (RFC 9110 §10.1.1).
transport::Task<void> Exchange::send_rest() {
  BodyPace pace{listener_.body_timeout};
  inspection::BodyInspection& body = inspection_->request_body();
  while (state_.is_sending()) {
    if (has_to_wait(body)) {
      co_await await_agents(body);
    } else {
      const bool has_more = co_await read_rest(pace);
      if (!has_more) co_return;
    }
    if (state_.is_sending() && body.lets_out()) co_await send_collected();
  }
}

/// Whether the request goes on.
transport::Task<bool> Exchange::read_rest(BodyPace& pace) {
  const bool waits_for_upstream = state_.awaits_upstreams_100();
  const base::Deadline deadline = waits_for_upstream ? upstream_.patience() : rest_deadline(pace);
  const std::span<char> space = intake_.space(inspection_->request_body().credit());
  const auto size = co_await client_.read(space, deadline);
  if (!waits_for_upstream) pace.ends(service_.worker.now());
  const bool was_late = !size && size.error().kind() == base::ErrorKind::timeout;
  if (was_late && !deadline.never() && state_.has_answer_begun() && state_.is_sending()) co_return true;
  co_return take_rest(size, waits_for_upstream);
}

/// Nothing of what was kept is sent again once bytes behind it go on.
transport::Task<void> Exchange::send_collected() {
  happened(Event::body_taken);
  outgoing_.clear();
  const bool is_last = collect(inspection_->request_body(), outgoing_);
  if (is_last) end_request();
  const auto written = co_await upstream_.write(outgoing_, is_last);
  outgoing_.clear();  // nor is it sent again: its block is read into
  if (!written) {
    fail_sending(written.error());
  } else if (is_last) {
    happened(Event::sent);
  }
}

/// Who has begun to be answered speaks when he has something to say: the two have a conversation, whose pauses are the
/// upstream's to bound.
base::Deadline Exchange::rest_deadline(BodyPace& pace) const {
  if (state_.has_answer_begun()) return {};
  return pace.begins(service_.worker.now(), record_.request_size);
}

/// Lets agents have what was read of the body, where it is not too late. Whether the request goes on.
bool Exchange::take_rest(const base::Result<std::size_t>& size, bool waited_for_upstream) {
  if (size) happened(Event::body_taken);
  if (!state_.is_sending()) return false;
  if (!size && waited_for_upstream && size.error().kind() == base::ErrorKind::timeout) {
    fail_upstream(base::fail(base::ErrorKind::timeout, "no answer in time"));
    return false;
  }
  if (!size) {
    refuse_unread(size.error());
    return false;
  }
  record_.request_size += *size;
  outgoing_.clear();
  inspection::BodyInspection& body = inspection_->request_body();
  base::SharedBytes bytes = intake_.commit(*size);
  if (body.is_watched() && !bytes.block().count(*size)) return obey({.failure = inspection::Failure::overloaded});
  body.feed(std::move(bytes), client_.body_is_read());
  return obey(body.refusal());
}

/// An upstream may answer before it has taken all of a body, whatever becomes of the rest.
void Exchange::fail_sending(const base::Error& error) {
  if (state_.is_sending() && error.kind() == base::ErrorKind::timeout) fail_upstream(error);
  happened(Event::cut_short);
}

transport::Task<void> Exchange::await_answer() {
  const auto head = co_await upstream_.answer();
  if (state_.stage() != Stage::awaiting_answer) co_return;
  if (const auto wrong = head ? handshake_.wrong_with(**head, inspects_frames()) : std::nullopt) {
    fail_upstream(*wrong);
    co_return;
  }
  if (head) {
    response_ = *head;
    record_.upstream_time = service_.worker.now() - *record_.asked;
    happened(Event::answer_came);
    co_return;
  }
  const base::Error why = head.error();
  const bool has_another = upstream_.has_another(why);  // it notes the failure, whatever is done about it
  if (has_another) co_await end_sending();
  const bool was_refused = why.kind() == base::ErrorKind::unavailable;
  if (has_another && (was_refused ? state_.may_send_again() : state_.may_repeat())) {
    on_upstream_error(upstream_.address(), why);
    service_.shard.metrics.upstream_retries.add();
    happened(was_refused ? Event::was_refused : Event::asks_again);
  } else if (state_.stage() == Stage::awaiting_answer) {
    fail_upstream(why);
  }
}

void Exchange::fail_upstream(const base::Error& error) {
  on_upstream_error(upstream_.address(), error);
  const bool is_ours = error.kind() == base::ErrorKind::message_too_large;
  const auto reason = is_ours ? answers::Reason::overloaded : answers::Reason::upstream_error;
  if (state_.may_answer()) {
    const bool is_late = error.kind() == base::ErrorKind::timeout;
    refuse(reason, is_ours ? 503 : is_late ? 504 : 502);
  } else {
    record_.reason = reason;
    happened(Event::broke);
  }
}

void Exchange::on_upstream_error(std::string_view address, const base::Error& error) {
  record_.upstream_address = arena_.copy(address);
  record_.upstream_error = error.detail();
  service_.shard.log.warn("upstream {}: {} (request {})", address, error.detail(), id_.text());
}

/// Interim answers go on to clients that know of them (RFC 9110 §15.2), but for a 100 that this client has had from the
/// gateway. Where agents look at answers, theirs is the word on its fields, and they are asked about the final one.
void Exchange::on_interim(const http::ResponseHead& interim) {
  // Where an answer of our own is decided it may have left, and nothing goes behind it.
  if (state_.stage() != Stage::sending && state_.stage() != Stage::awaiting_answer) return;
  const bool is_continue = interim.status == 100;
  const bool is_inspected = inspection_->wants_response_headers();
  if (is_inspected && !is_continue) return;
  if (is_continue && request_.expects_continue && !state_.passes_expectation_on()) return;
  http::FieldList fields{arena_};
  if (!is_inspected) http::copy_end_to_end(interim.headers, fields);
  client_.interim(interim.status, interim.reason, fields);
}

}  // namespace picket::apps::gateway::exchange
