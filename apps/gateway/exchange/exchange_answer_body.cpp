#include <algorithm>

#include "apps/gateway/exchange/answer_body.hpp"
#include "apps/gateway/exchange/exchange.hpp"

/// The body of an answer that agents look at.
namespace picket::apps::gateway::exchange {

/// The head leaves with the first bytes that may go on. Alone only where nothing has come of the body, and nobody will
/// hold what comes: it may take its time.
transport::Task<void> Exchange::open_inspected() {
  inspection::BodyInspection& body = inspection_->response_body();
  auto refusal = body.refusal();
  co_await obey_about_answer(std::move(refusal));
  while (state_.stage() == Stage::opening_answer && !body.lets_out() && (body.holds_any() || upstream_.has_bytes()))
    co_await move_inspected();
  if (state_.stage() != Stage::opening_answer) co_return;
  const bool is_whole = collect(body, let_out_);
  const bool has_length = is_whole && upstream_.trailers(arena_).empty();
  const BodyLength unknown{.kind = BodyLength::Kind::unknown};
  begin_relayed(has_length          ? BodyLength::of(base::size_of(let_out_))
                : body.may_change() ? unknown
                                    : length_of(*response_));
  body.has_left();
  co_await write_collected(is_whole);
}

transport::Task<void> Exchange::relay_inspected() {
  inspection::BodyInspection& body = inspection_->response_body();
  if (!body.lets_out()) co_await move_inspected();
  if (state_.is_over() || !body.lets_out()) co_return;
  const bool is_last = collect(body, let_out_);
  co_await write_collected(is_last);
}

/// One step: agents are asked, or more is read for them. While they owe an answer, or want no more, nothing is read:
/// the upstream's own network holds it back.
transport::Task<void> Exchange::move_inspected() {
  return has_to_wait(inspection_->response_body()) ? await_agents(inspection_->response_body()) : read_inspected();
}

transport::Task<void> Exchange::read_inspected() {
  inspection::BodyInspection& body = inspection_->response_body();
  const std::span<char> space = answer_intake_.space(body.credit());
  const auto size = co_await upstream_.read(space);
  if (state_.is_over()) co_return;
  if (!size) {
    fail_upstream(size.error());
    co_return;
  }
  base::SharedBytes bytes = answer_intake_.commit(*size);
  const bool has_room = !body.is_watched() || bytes.block().count(*size);
  if (has_room) body.feed(std::move(bytes), upstream_.body_is_read());
  inspection::Verdict verdict =
      has_room ? body.refusal() : inspection::Verdict{.failure = inspection::Failure::overloaded};
  co_await obey_about_answer(std::move(verdict));
}

/// While the request is still sent the client can be told nothing else: that ends first. What agents owed a word on is
/// withdrawn with it, which is no word of theirs: this one counts.
transport::Task<void> Exchange::obey_about_answer(inspection::Verdict verdict) {
  const bool tells_instead = !verdict.goes_on() && state_.stage() == Stage::opening_answer;
  if (tells_instead) happened(Event::cut_short);
  static_cast<void>(obey(std::move(verdict)));
  if (tells_instead) co_await end_sending();
}

/// Writes what agents let go on of the answer, the head before it where that waits.
transport::Task<void> Exchange::write_collected(bool is_last) {
  const std::size_t writes = std::max<std::size_t>(let_out_.size(), 1);
  for (std::size_t i = 0; i < writes; ++i) {
    const std::string_view piece = let_out_.empty() ? std::string_view{} : base::as_text(let_out_[i].view());
    const bool is_end = is_last && i + 1 == writes;
    if (is_end) end_relayed();
    const auto written = co_await client_.write(piece, is_end);
    if (!written) happened(Event::client_lost);
    if (state_.is_over()) co_return;
    record_.response_size += piece.size();
    happened(Event::head_sent);
  }
  let_out_.clear();  // its blocks are read into
  if (!is_last) co_return;
  upstream_.finish();
  happened(Event::relayed);
}

// ---- a route's own

/// It goes the way of an upstream's, and is there from the beginning.
transport::Task<void> Exchange::judge_own_body() {
  std::string_view left = answer_->body;
  inspection::BodyInspection& body = inspection_->response_body();
  body.expect_no_texts();
  if (left.empty() || request_.is_head() || !has_content(answer_->status) || !body.begin(left.size())) co_return;
  static_cast<void>(obey(body.refusal()));
  bool is_whole = false;
  while (state_.stage() == Stage::judging_answer && !is_whole) {
    if (has_to_wait(body)) {
      co_await await_agents(body);
    } else {
      const std::string_view piece = left.substr(0, body.credit());
      left.remove_prefix(piece.size());
      body.feed(base::SharedBytes::borrowed(base::as_bytes(piece)), left.empty());
    }
    is_whole = collect(body, let_out_);
  }
  if (state_.stage() == Stage::judging_answer) answer_->body = join_collected();
  let_out_.clear();
}

std::string_view Exchange::join_collected() {
  const auto all = arena_.allocate_array<char>(base::size_of(let_out_));
  auto to = all.begin();
  for (const auto& piece : let_out_) to = std::ranges::copy(base::as_text(piece.view()), to).out;
  return {all.data(), all.size()};
}

}  // namespace picket::apps::gateway::exchange
