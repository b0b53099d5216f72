#pragma once

#include <cstdint>
#include <string_view>

namespace picket::apps::gateway::exchange {

/// How far an exchange has come. What a sentence does not allow does not happen in that stage; the last three are ends.
enum class Stage : std::uint8_t {
  arrived,        ///< The head is whole and nobody has seen it: it gets a route, or the gateway's own answer.
  judging_head,   ///< Agents look at the head, and at a body that came along with it. Nothing goes upstream.
  inviting_body,  ///< Agents want a body that the client sends on a 100 only: the 100 is written.
  holding_body,   ///< The body is read and held, until it is whole, or agents let its beginning go on.
  judging_body,   ///< Agents look at what is held of the body, or at the news that it goes past. Nothing goes upstream.
  leasing,        ///< The verdicts are in: a connection to an upstream is got. Nothing of the request is on it.
  sending,        ///< The request goes upstream, the body as the client sends it and agents let it go on; what they
                  ///< stop is answered, and the upstream sees a cut. The upstream may answer early.
  awaiting_answer,  ///< The head of the upstream's answer is read. The request is sent, or goes on beside this and what
                    ///< follows.
  making_answer,    ///< The gateway answers in an upstream's place, as the route or Max-Forwards says.
  judging_answer,   ///< Agents look at the answer's head, and at the body that a route has. Nothing has gone to the
                    ///< client.
  opening_answer,   ///< The head waits for what is there of its body, and agents hold of it, to leave with it: another
                    ///< answer is possible.
  relaying,   ///< The head is out and the body follows, as agents let it: what goes wrong now, and what they stop,
              ///< can only cut the answer short.
  answering,  ///< The gateway's or an agent's own answer is written, in place of everything else.
  answered,   ///< The client has one whole answer.
  cut,        ///< The client has the beginning of an answer whose end there is not; its side is reset.
  gone,       ///< The client does not read any more, or the process ends. Nobody is answered.
};
inline constexpr std::size_t stage_count = 16;
static_assert(static_cast<std::size_t>(Stage::gone) + 1 == stage_count);
[[nodiscard]] std::string_view name(Stage stage) noexcept;

/// What happens to an exchange. Except for client_lost and cut_short, which come at any time, each is what the work of
/// a stage comes to.
enum class Event : std::uint8_t {
  decided,       ///< By an agent, the gateway or for want of an upstream: there is an answer of our own.
  head_passed,   ///< No agent stops the head, and none wants the body.
  body_wanted,   ///< No agent stops the head, and one wants the body.
  invited,       ///< The 100 is written.
  body_held,     ///< All of the body is held.
  body_outgrew,  ///< Its beginning goes on, and the rest behind it, as far as agents that still look at it let it.
  body_passed,   ///< No agent stops the body.
  leased,        ///< There is a connection.
  body_taken,  ///< Bytes behind those that are kept were taken from the client or from agents, if too late to be sent.
  sends_beside,   ///< The request goes on beside the answer: both peers can do both at once.
  sent,           ///< The request is written, to its end.
  cut_short,      ///< The upstream has spoken, or takes no more, before the request was sent.
  answer_came,    ///< The upstream's head is read.
  asks_again,     ///< The upstream hung up before it said a word, and there is another to ask.
  was_refused,    ///< The upstream has said that it did nothing for the request, and there is another to ask.
  answer_made,    ///< The answer in an upstream's place is there.
  answer_passed,  ///< No agent stops the answer.
  head_sent,      ///< The head of the upstream's answer is written.
  relayed,        ///< So is its body.
  broke,          ///< The answer has no end: the upstream's has none, an agent has stopped it, or the request
                  ///< that it is to has none.
  written,        ///< Our own answer is written.
  client_lost,    ///< The client left, its side failed, or the process ends.
};
inline constexpr std::size_t event_count = 22;
static_assert(static_cast<std::size_t>(Event::client_lost) + 1 == event_count);
[[nodiscard]] std::string_view name(Event event) noexcept;

/// Who answers a request that no agent stops.
enum class Destination : std::uint8_t {
  upstream,
  fixed,           ///< The route, by itself; agents see that answer as an upstream's.
  last_recipient,  ///< The gateway, where Max-Forwards is 0 (RFC 9110 §7.6.2).
};

/// What is known of a request once it has its route.
struct RequestFacts {
  Destination destination = Destination::upstream;
  bool has_body = false;
  bool body_has_come = false;  ///< All of it, along with the head.
  bool waits_for_100 = false;  ///< The client sends its body when it is told to (RFC 9110 §10.1.1).
  bool is_idempotent = false;

  [[nodiscard]] bool operator==(const RequestFacts&) const noexcept = default;
};

/// Which work that is under way an event ends.
enum class Ends : std::uint8_t {
  nothing,
  sending,     ///< Of the request, be it the client or the upstream that is waited for.
  everything,  ///< Nobody wants what it comes to.
};

struct Step;

/// One exchange's state, and the only place that says what may happen in it. A value: a step makes another one of it.
///
/// An event that does not belong to its stage, such as one of work that another event has ended, changes nothing. Every
/// stage but the ends takes client_lost, so that there is a way out of each. Thread safety: a value's.
class ExchangeState {
 public:
  [[nodiscard]] Step routed(const RequestFacts& facts) const noexcept;
  [[nodiscard]] Step after(Event event) const noexcept;

  [[nodiscard]] Stage stage() const noexcept { return stage_; }
  [[nodiscard]] bool is_over() const noexcept { return stage_ >= Stage::answered; }
  /// Whether the client can still be told of something else than what is under way.
  [[nodiscard]] bool may_answer() const noexcept {
    return stage_ < Stage::opening_answer || (stage_ == Stage::opening_answer && sending_ != Sending::beside);
  }
  /// Whether an upstream's answer has begun, or what stands in its place.
  [[nodiscard]] bool has_answer_begun() const noexcept { return stage_ > Stage::awaiting_answer; }
  /// Who answers, once routed().
  [[nodiscard]] Destination destination() const noexcept { return facts_.destination; }
  /// Whether agents were asked: they are told how it ended.
  [[nodiscard]] bool agents_know() const noexcept { return agents_know_; }

  /// Whether all of the body is held, so that its length is known and it can be sent again.
  [[nodiscard]] bool holds_body() const noexcept { return body_ == Body::held; }
  /// Whether more of it follows behind what is kept, if anything.
  [[nodiscard]] bool rest_follows() const noexcept { return body_ == Body::partly_held || body_ == Body::flowing; }
  /// What may have done something is not repeated (RFC 9110 §9.2.2), nor what was not kept.
  [[nodiscard]] bool may_repeat() const noexcept { return facts_.is_idempotent && may_send_again(); }
  /// Whether all of it is still there, so that it can be sent to somebody else, if nobody has done anything for it.
  [[nodiscard]] bool may_send_again() const noexcept {
    return stage_ == Stage::awaiting_answer && body_ != Body::flowing;
  }
  /// Whether more of the request is wanted from the client, to be sent on.
  [[nodiscard]] bool is_sending() const noexcept {
    return stage_ == Stage::sending || (!is_over() && sending_ == Sending::beside);
  }
  /// Whether it is for the upstream to say that the client is to send its body: nobody wanted it before.
  [[nodiscard]] bool passes_expectation_on() const noexcept { return facts_.waits_for_100 && !invited_; }
  /// Whether the client may be waiting for the upstream's word.
  [[nodiscard]] bool awaits_upstreams_100() const noexcept { return passes_expectation_on() && body_ == Body::unread; }

  [[nodiscard]] bool operator==(const ExchangeState&) const noexcept = default;

 private:
  enum class Body : std::uint8_t {
    none,
    unread,
    held,         // all of it
    partly_held,  // the rest is still the client's
    flowing,      // bytes of it have passed, and are not kept
  };

  /// How the request goes upstream.
  enum class Sending : std::uint8_t {
    in_turn,  ///< Before the answer is looked for.
    beside,   ///< While it comes.
    over,     ///< Nothing more of it is sent.
  };

  [[nodiscard]] ExchangeState in(Stage stage) const noexcept;
  [[nodiscard]] ExchangeState sending(Sending sending, Stage stage) const noexcept;
  [[nodiscard]] ExchangeState with(Body body, Stage stage) const noexcept;
  [[nodiscard]] ExchangeState to_its_body() const noexcept;
  [[nodiscard]] ExchangeState to_its_destination() const noexcept;
  [[nodiscard]] ExchangeState of_request(Event event) const noexcept;
  [[nodiscard]] ExchangeState of_upstream(Event event) const noexcept;
  [[nodiscard]] ExchangeState of_answer(Event event) const noexcept;

  Stage stage_ = Stage::arrived;
  Body body_ = Body::none;
  Sending sending_ = Sending::in_turn;
  bool agents_know_ = false;
  bool invited_ = false;
  RequestFacts facts_;
};

/// What an event makes of a state, and what it puts an end to.
struct Step {
  ExchangeState state;
  Ends ends = Ends::nothing;
};

}  // namespace picket::apps::gateway::exchange
