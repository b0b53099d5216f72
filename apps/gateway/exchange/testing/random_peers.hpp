#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/gateway/exchange/testing/packed_body.hpp"
#include "apps/gateway/exchange/testing/played_exchange.hpp"
#include "apps/gateway/exchange/testing/random_walk.hpp"
#include "apps/gateway/exchange/testing/trailers_told.hpp"

/// One exchange with bodies between random peers.
namespace picket::apps::gateway::exchange::testing {

/// What the peers of an exchange say, and how; the same for the same chance.
struct PeersPlan {
  static constexpr std::size_t most_that_comes_whole = 16 * 1024;

  /// `usual`: bytes of a body, at most, but for some.
  explicit PeersPlan(Chance& chance, std::size_t usual = 3'000) {
    has_body = chance.one_in(2);
    if (has_body) body = bytes(chance, usual);
    comes_whole = !body.empty() && body.size() <= most_that_comes_whole && chance.one_in(2);
    answer = bytes(chance, usual);
    is_duplex = chance.one_in(3);
    if (has_body && !comes_whole) behind_body = some_trailers(chance);
    behind_answer = some_trailers(chance);
    wants_trailers = !chance.one_in(3);
  }
  /// Of the one direction, the other, or both; good or not.
  void pack(Chance& chance, bool may_burst) {
    if (has_body && chance.one_in(2)) packed_body.emplace(chance, body, may_burst);
    if (chance.one_in(2)) packed_answer.emplace(chance, answer, may_burst);
    comes_whole = comes_whole && !sent_body().empty() && sent_body().size() <= most_that_comes_whole;
  }
  /// What comes on the wire.
  [[nodiscard]] const std::string& sent_body() const { return packed_body ? packed_body->bytes : body; }
  [[nodiscard]] const std::string& sent_answer() const { return packed_answer ? packed_answer->bytes : answer; }
  /// A few, or more than a block.
  static std::string bytes(Chance& chance, std::size_t usual) {
    return Chance::text(chance.one_in(40) ? 60'000 + chance.below(90'000) : chance.one_in(4) ? 0 : chance.below(usual));
  }

  std::string target;
  bool has_body;
  std::string body;
  bool comes_whole;  ///< Along with its head, which then leaves with it (ADR 0010).
  std::string answer;
  std::optional<PackedBody> packed_body;  ///< How it is sent; none: as it is.
  std::optional<PackedBody> packed_answer;
  std::vector<base::Header> behind_body;  ///< Trailers.
  std::vector<base::Header> behind_answer;
  bool wants_trailers;            ///< The client.
  bool is_duplex;                 ///< The request may go on beside its answer.
  bool answers_in_turn = false;   ///< When it is asked, not before.
  bool may_be_disturbed = true;   ///< By what ends an exchange, or fails in it.
  std::size_t most_pieces = 3;    ///< Of each body.
  RandomScript::Act others = {};  ///< What somebody else does meanwhile.
  std::size_t times_of_others = 1;
};

/// One exchange whose peers do what the plan says: their bodies come in pieces, break off, or wait, the client leaves
/// or takes nothing, the upstream hangs up, the process ends.
class RandomPeers {
 public:
  RandomPeers(World& world, PeersPlan plan, Chance& chance)
      : plan_(std::move(plan)),
        steps_(disturbs(chance, 8) ? static_cast<int>(chance.below(10)) : Steps::none),
        played_(world, head(),
                {.steps = Steps{steps_},
                 .body = plan_.comes_whole ? std::optional{plan_.sent_body()} : std::nullopt,
                 .targets = 1 + static_cast<int>(chance.below(2)),
                 .duplex = plan_.is_duplex}) {
    played_.client.came_behind = plan_.behind_body;
    played_.client.wants_trailers = plan_.wants_trailers;
    played_.upstream.answers_behind = plan_.behind_answer;
    if (plan_.packed_answer)
      played_.upstream.answer_fields.push_back({"Content-Encoding", plan_.packed_answer->coding});
    write_clients(chance);
    write_upstreams(chance);
    write_others(chance);
  }
  RandomPeers(const RandomPeers&) = delete;
  RandomPeers& operator=(const RandomPeers&) = delete;

  [[nodiscard]] bool act(Chance& chance) { return script_.act(chance); }
  /// They have nothing more to do, either.
  [[nodiscard]] bool is_over() const { return played_.is_over && script_.is_played(); }
  [[nodiscard]] bool is_played() const { return script_.is_played(); }
  /// Whether one of them does what ends an exchange, or may.
  [[nodiscard]] bool are_disturbed() const noexcept { return are_disturbed_; }
  [[nodiscard]] const PeersPlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const FakeClient& client() const noexcept { return played_.client; }
  [[nodiscard]] const FakeUpstream& upstream() const noexcept { return played_.upstream; }
  [[nodiscard]] Stage stage() const { return played_.stage(); }
  [[nodiscard]] bool is_relayed() const { return client().status == 200; }
  [[nodiscard]] std::string told() const { return plan_.target + " " + std::string{name(stage())}; }

  /// What holds of an end, whatever became of the bodies.
  void expect_one_end() const {
    const bool has_whole_answer = client().status && client().answer_ended;
    EXPECT_EQ(stage() == Stage::answered, has_whole_answer);
    EXPECT_EQ(stage() == Stage::cut, client().was_reset.has_value());
    if (upstream().was_finished) EXPECT_TRUE(stage() == Stage::answered && is_relayed());
    if (has_whole_answer && client().announced) EXPECT_EQ(client().answer.size(), *client().announced);
    if (upstream().request_ended && upstream().announced)
      EXPECT_EQ(upstream().request_body.size(), *upstream().announced);
    expect_trailers();
  }
  /// Of those that stood behind the answer, in their order.
  [[nodiscard]] std::vector<std::string> passing_behind_answer(bool with_those_of_bytes) const {
    const bool are_taken = plan_.wants_trailers && !client().announced;
    return are_taken ? passing(plan_.behind_answer, false, with_those_of_bytes) : std::vector<std::string>{};
  }

 private:
  using Peer = RandomScript::Peer;

  /// What holds whatever agents make of the bodies.
  void expect_trailers() const {
    const bool is_body_as_sent = upstream().request_body == plan_.sent_body();
    const bool is_answer_as_sent = client().answer == plan_.sent_answer();
    if (upstream().request_ended)
      EXPECT_TRUE(are_some_of(upstream().got_behind, passing(plan_.behind_body, true, is_body_as_sent)));
    if (client().answer_ended && is_relayed())
      EXPECT_TRUE(are_some_of(client().got_behind, passing_behind_answer(is_answer_as_sent)));
  }
  [[nodiscard]] http::RequestHead head() {
    fields_.push_back({"Host", "a.test"});
    if (plan_.packed_body) fields_.push_back({"Content-Encoding", plan_.packed_body->coding});
    return {.method = plan_.has_body ? "PUT" : "GET",
            .target = plan_.target,
            .headers = std::span<const base::Header>{fields_},
            .framing = plan_.comes_whole ? http::Framing::length
                       : plan_.has_body  ? http::Framing::chunked
                                         : http::Framing::none,
            .content_length = plan_.comes_whole ? plan_.sent_body().size() : 0};
  }
  [[nodiscard]] bool disturbs(Chance& chance, std::size_t one_in) {
    const bool is_chosen = chance.one_in(one_in) && plan_.may_be_disturbed;
    are_disturbed_ = are_disturbed_ || is_chosen;
    return is_chosen;
  }

  void write_clients(Chance& chance) {
    if (!plan_.has_body || plan_.comes_whole) return;
    for (const std::string_view piece : chance.cut(plan_.sent_body(), plan_.most_pieces))
      script_.add(Peer::clients, [this, piece] { played_.client.body.push(piece); });
    if (!disturbs(chance, 16)) return script_.add(Peer::clients, [this] { played_.client.body.end(); });
    static constexpr std::array kinds{base::ErrorKind::connection_closed, base::ErrorKind::timeout,
                                      base::ErrorKind::invalid_message};
    const auto kind = kinds[chance.below(kinds.size())];
    script_.add(Peer::clients, [this, kind] { played_.client.body.fail(base::fail(kind, "broken")); });
  }
  /// Bytes of its body may have come before its head is read.
  void write_upstreams(Chance& chance) {
    if (plan_.answers_in_turn)
      script_.await(Peer::upstreams, [this] { return stage() >= Stage::awaiting_answer || played_.is_over; });
    if (disturbs(chance, 12)) script_.add(Peer::upstreams, [this] { played_.upstream.hangs_up(); });
    const bool breaks = disturbs(chance, 16);
    says_length_ = chance.one_in(3) && !plan_.sent_answer().empty();
    // What says how long it is has its end where that is.
    const auto pieces = chance.cut(without(plan_.sent_answer(), breaks && says_length_ ? 1 : 0), plan_.most_pieces);
    const std::size_t before = chance.one_in(3) ? chance.below(pieces.size() + 1) : 0;
    for (std::size_t i = 0; i <= pieces.size(); ++i) {
      if (i == before) script_.add(Peer::upstreams, [this] { answer(); });
      if (i < pieces.size()) script_.add(Peer::upstreams, [this, piece = pieces[i]] { push_answer(piece); });
    }
    script_.add(Peer::upstreams,
                [this, breaks] { breaks ? played_.upstream.body.fail(broken()) : played_.upstream.body.end(); });
  }
  static std::string_view without(std::string_view text, std::size_t last) {
    return text.substr(0, text.size() - last);
  }
  void answer() {
    says_length_ ? played_.upstream.answers_with_length(plan_.sent_answer().size()) : played_.upstream.answers(200);
  }
  void push_answer(std::string_view piece) {
    played_.upstream.body.push(piece);
    pushed_ += piece.size();
    if (says_length_ && pushed_ == plan_.sent_answer().size()) played_.upstream.body.end();
  }
  void write_others(Chance& chance) {
    const bool clients_wait = chance.one_in(6);
    const bool upstreams_wait = chance.one_in(12);
    if (clients_wait) script_.add(Peer::others, [this] { played_.client.stalls(); });
    if (upstreams_wait) script_.add(Peer::others, [this] { played_.upstream.stalls(); });
    for (std::size_t i = 0; i < plan_.times_of_others && plan_.others; ++i) script_.add(Peer::others, plan_.others);
    if (clients_wait) script_.add(Peer::others, [this] { played_.client.goes_on(); });
    if (upstreams_wait) script_.add(Peer::others, [this] { played_.upstream.goes_on(); });
    if (disturbs(chance, 8))
      script_.add(Peer::others, [this] {
        if (!played_.is_over) played_.client.leaves();
      });
    if (disturbs(chance, 24))
      script_.add(Peer::others, [this] {
        if (!played_.is_over) played_.abandon();
      });
  }

  PeersPlan plan_;
  std::vector<base::Header> fields_;  // of the request's head
  bool are_disturbed_ = false;
  bool says_length_ = false;  // the upstream
  std::size_t pushed_ = 0;    // by it
  int steps_;
  PlayedExchange played_;
  RandomScript script_;
};

}  // namespace picket::apps::gateway::exchange::testing
