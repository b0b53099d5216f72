#include "apps/gateway/answers/call_answer.hpp"
#include "apps/gateway/exchange/answer_body.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/header_edits.hpp"

namespace picket::apps::gateway::exchange {
namespace {

/// RFC 9110 §8.6, §15.4.5.
constexpr bool says_length(std::uint16_t status) noexcept { return status != 204 && status != 304; }

/// What TRACE may show of a request: never what may be secret (RFC 9110 §9.3.8).
bool is_traced(std::string_view name) noexcept {
  return base::same_name(name, "host") || base::same_name(name, "via") || base::same_name(name, "max-forwards");
}

}  // namespace

// ---- the gateway's own

transport::Task<void> Exchange::make_answer() {
  answer_ = state_.destination() == Destination::last_recipient ? last_recipients_answer() : fixed_answer();
  happened(Event::answer_made);
  co_return;
}

inspection::Answer Exchange::fixed_answer() const {
  const config::FixedAnswer& fixed = *route_->respond;
  inspection::Answer own{.status = fixed.status, .fields = http::FieldList{arena_}, .body = fixed.text};
  if (!fixed.text.empty()) own.fields.push_back({"content-type", "text/plain; charset=utf-8"});
  return own;
}

/// RFC 9110 §9.3.7, §9.3.8: OPTIONS has nothing to say of resources that are the upstreams'; TRACE shows the way that
/// the request took.
inspection::Answer Exchange::last_recipients_answer() const {
  inspection::Answer here{.status = 200, .fields = http::FieldList{arena_}, .body = {}};
  if (request_.method != "TRACE") return here;
  here.fields.push_back({"content-type", "message/http"});
  base::Buffer shown;
  http::write_request_line(shown, forwarded_.method, forwarded_.target);
  for (const auto& field : forwarded_.fields.items())
    if (is_traced(field.name)) http::write_field(shown, field.name, field.value);
  shown.append("\r\n");
  here.body = arena_.copy(shown.text());
  return here;
}

transport::Task<void> Exchange::write_answer() {
  upstream_.reset(ResetCode::cancelled);
  if (record_.reason != answers::Reason::none)
    service_.shard.metrics.answers_by_reason[static_cast<std::size_t>(record_.reason)].add();
  const std::uint16_t said = answer_->status;
  const bool ends_call =
      request_.version == 20 && said != 200 && !request_.must_switch && answers::is_grpc(request_.headers);
  if (ends_call) answers::make_grpc(*answer_, arena_);
  const std::uint16_t status = answer_->status;
  std::string_view body = has_content(status) ? answer_->body : std::string_view{};
  begin_answer(status, {}, answer_->fields,
               !ends_call && says_length(status) ? BodyLength::of(body.size()) : BodyLength{});
  if (ends_call) record_.status = said;  // what a call of gRPC is told by its own
  if (request_.is_head()) body = {};
  const auto written = co_await client_.write(body, true);
  if (written) record_.response_size = body.size();
  happened(written ? Event::written : Event::client_lost);
}

void Exchange::begin_answer(std::uint16_t status, std::string_view reason, http::FieldList& fields, BodyLength length) {
  const bool switches = status == 101;
  // Who asked for nothing but a switch would take any 2xx for one (RFC 8441 §5).
  if (request_.must_switch && status / 100 == 2) status = 403;
  if (http::find(fields, "date") == nullptr) fields.push_back({"Date", service_.shard.date.now()});
  if (http::find(fields, "x-request-id") == nullptr) fields.push_back({"X-Request-Id", request_id_});
  if (route_ != nullptr) apply(route_->response_edits, fields, arena_);
  record_.status = status;
  client_.begin({.status = status,
                 .reason = reason,
                 .fields = fields,
                 .length = length,
                 .is_last_of_connection = service_.shard.draining || !forwarded_.refusal.empty(),
                 .upgrade = switches ? upgrade() : std::string_view{}});
}

// ---- agents

/// An upstream may answer while agents owe a word on what it was sent no more. Not every one of them tells answers
/// apart, so none is asked about the answer meanwhile.
transport::Task<void> Exchange::settle_request() {
  inspection::BodyInspection& body = inspection_->request_body();
  while (state_.stage() == Stage::judging_answer && !state_.is_sending() && body.is_asking()) {
    co_await judge_what_came(body);
    static_cast<void>(collect(body, outgoing_));
    outgoing_.clear();
  }
}

/// A route's own answer goes the way of an upstream's.
transport::Task<void> Exchange::judge_answer() {
  const bool is_ours = state_.destination() == Destination::fixed;
  if (inspection_->request_body().is_asking()) co_await settle_request();
  if (state_.stage() != Stage::judging_answer) co_return;
  if (!is_ours) inspection_->response_body().set_coding(response_->headers);
  if (inspection_->wants_response_headers()) {
    const base::Headers headers =
        is_ours ? base::Headers{std::span<const base::Header>{answer_->fields.items()}} : shown_headers();
    const wire::ResponseHeaders event{.status = is_ours ? answer_->status : response_->status, .headers = headers};
    const bool has_body = !request_.is_head() && !switches_protocols() && says_length(event.status);
    auto verdict = co_await inspection_->response_headers(event, has_body);
    if (!obey(std::move(verdict))) co_return;
  }
  if (is_ours) co_await judge_own_body();
  if (state_.stage() != Stage::judging_answer) co_return;
  if (is_ours) http::apply(inspection_->response_operations(), answer_->fields, arena_);
  happened(Event::answer_passed);
}

/// Of a body that is shown as what it contains the coding is not told: rules about packed ones would pass by it. That
/// there is none is told where the upstream said it by the end of its stream (RFC 9113 §8.1): agents wait for one.
base::Headers Exchange::shown_headers() {
  const bool is_unpacked = inspection_->response_body().is_unpacked();
  const bool ends_here = upstream_.body_is_read() && !request_.is_head() && !switches_protocols() &&
                         says_length(response_->status) && !response_->headers.find("content-length");
  if (!is_unpacked && !ends_here) return response_->headers;
  http::FieldList fields{arena_};
  for (const auto& field : response_->headers) fields.push_back(field);
  if (is_unpacked) take_coding_off(fields, arena_);
  if (ends_here) fields.push_back({"content-length", "0"});
  return base::Headers{std::span<const base::Header>{fields.items()}};
}

// ---- the upstream's

transport::Task<void> Exchange::open_answer() {
  if (!state_.is_sending()) {
    outgoing_.clear();  // a response may take its time
    intake_.clear();
  }
  inspection::BodyInspection& body = inspection_->response_body();
  // A model answers what it was asked, and well: errors, lists, pages and the like need have no shape that is known.
  if (!request_.has_body() || response_->status < 200 || response_->status > 299) body.expect_no_texts();
  if (!switches_protocols() && !upstream_.body_is_read() && body.begin(response_->content_length))
    return open_inspected();
  begin_relayed(length_of(*response_));
  return switches_protocols() ? open_tunnel() : pass_piece(false);
}

transport::Task<void> Exchange::relay() {
  if (switches_protocols()) return tunnel();
  return inspection_->response_body().is_inspected() ? relay_inspected() : pass_piece(true);
}

void Exchange::begin_relayed(BodyLength length) {
  http::FieldList fields{arena_};
  fields.reserve(response_->headers.size() + 4);
  http::copy_end_to_end(response_->headers, fields);
  http::apply(inspection_->response_operations(), fields, arena_);
  // A 304 does not say whether the body that the client has was packed: a weak tag names it either way (RFC 9111
  // §4.3.4).
  const inspection::BodyInspection& body = inspection_->response_body();
  const bool is_unpacked = body.is_unpacked();
  if (is_unpacked || (response_->status == 304 && body.wants_unpacked())) take_coding_off(fields, arena_);
  const bool tells_of_another = response_->status == 304 || (request_.is_head() && response_->status != 204);
  const bool may_change = body.may_change() || (tells_of_another && body.would_change());
  if (may_change) take_digests_off(fields, arena_);
  // What a GET's answer would have is told to a HEAD.
  const auto declared = response_->headers.find("content-length");
  if (declared && !is_unpacked && !may_change && length.kind == BodyLength::Kind::none && request_.is_head() &&
      response_->status != 204)
    fields.push_back({"Content-Length", *declared});
  begin_answer(response_->status, response_->reason, fields, length);
}

/// A short body takes no block: a hundred streams would have one each, more than the worker keeps.
std::span<char> Exchange::space_to_pass() {
  constexpr std::uint64_t short_body = 4096;
  if (response_->framing == http::Framing::length && response_->content_length <= short_body) {
    if (short_space_.empty()) short_space_ = arena_.allocate_array<char>(response_->content_length);
    return short_space_;
  }
  if (!block_) block_ = service_.worker.blocks().take();
  return block_.bytes();
}

/// Passes on what there is of the body, along with the head where that waits. `may_wait`: for bytes that have not come;
/// a head that came alone goes on alone, since its body may take its time.
transport::Task<void> Exchange::pass_piece(bool may_wait) {
  std::string_view piece;
  if (!upstream_.body_is_read() && (may_wait || upstream_.has_bytes())) {
    const std::span<char> space = space_to_pass();
    const auto size = co_await upstream_.read(space);
    if (state_.is_over()) co_return;
    if (!size) {
      fail_upstream(size.error());
      co_return;
    }
    piece = {space.data(), *size};
  }
  const bool is_last = upstream_.body_is_read();
  if (is_last) end_relayed();
  const auto written = co_await client_.write(piece, is_last);
  if (!written) happened(Event::client_lost);
  if (state_.is_over()) co_return;
  record_.response_size += piece.size();
  happened(Event::head_sent);
  if (!is_last) co_return;
  upstream_.finish();
  happened(Event::relayed);
}

}  // namespace picket::apps::gateway::exchange
