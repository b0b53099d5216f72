#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conform/options.hpp"
#include "apps/cli/conform/peer.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::cli::conform::agents {

/// An agent's answer to one event. Lifetime: its own memory, also after a move.
struct Answer {
  Frame frame;
  base::Arena arena;
  wire::AgentResponse response;

  [[nodiscard]] std::string_view id() const noexcept { return response.correlation_id; }
  [[nodiscard]] bool allows() const noexcept { return std::holds_alternative<wire::Allow>(response.decision); }
};

/// An open connection to an agent: events go out, answers come in. What else the agent says meanwhile is looked at and
/// put aside.
class Talk {
 public:
  Talk(Peer peer, std::string_view rule, wire::Encoding encoding, const Options& options);

  // ---- the beginning
  /// Throws Violation where the handshake fails, Skipped where the agent does not speak the encoding.
  void shake_hands(const wire::HandshakeRequest& request);
  /// Answers an agent that has registered: those of the extensions are taken that it offers. Throws as shake_hands().
  void welcome(Frame registration, wire::ReverseAnswer answer, wire::TextList extensions);
  /// What it answered, or what was agreed to when it registered.
  [[nodiscard]] const wire::HandshakeResponse& hello() const noexcept { return hello_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }
  [[nodiscard]] bool takes(wire::EventKind kind) const;
  /// Throws Skipped where it does not.
  void need_kind(wire::EventKind kind) const;

  // ---- what is sent
  /// An id of an exchange that is new. Lifetime: the talk's.
  [[nodiscard]] std::string_view mint();
  /// A head; the default has fields that any request has.
  [[nodiscard]] static wire::RequestHeaders head(std::string_view id);
  [[nodiscard]] static wire::RequestBodyChunk chunk(std::string_view id, std::uint32_t index, std::string_view data,
                                                    bool is_last);
  [[nodiscard]] static wire::RequestComplete complete(std::string_view id);
  template <class Message>
  void say(const Message& message) {
    peer_.say(format_, message);
  }
  [[nodiscard]] Peer& peer() noexcept { return peer_; }

  // ---- what is heard
  /// The next answer.
  [[nodiscard]] Answer answer(std::string_view wanted = "answer");
  /// Sends an event, and takes the answer to it, which must name it.
  template <class Event>
  Answer ask(const Event& event) {
    say(event);
    return answer_to(wire::correlation_id_of(event), name(Event::type));
  }
  [[nodiscard]] Answer answer_to(std::string_view id, std::string_view event);
  /// Takes as many answers as there are ids, in any order: one for each.
  std::vector<Answer> answers_to(std::multiset<std::string> ids);
  /// Writes so many events in one piece, whose bytes are `bytes_of(id)`, and takes the answer to each.
  template <class BytesOf>
  void ask_together(int count, BytesOf bytes_of) {
    std::string together;
    std::multiset<std::string> ids;
    while (ids.size() != static_cast<std::size_t>(count)) {
      const std::string_view id = mint();
      ids.emplace(id);
      together += bytes_of(id);
    }
    peer_.write(together);
    (void)answers_to(std::move(ids));
  }
  /// All answers that come before the pong to a ping: those that were on their way.
  std::vector<Answer> settle();
  /// The answer to a message that may not be understood: none where the agent closes.
  [[nodiscard]] std::optional<Answer> answer_or_end(std::string_view wanted);
  /// Throws Violation where the agent answers what it was sent, instead of closing.
  void expect_refused(std::string_view cause);
  /// An event of a new exchange is still answered.
  void expect_alive();
  /// Begins an exchange as proxies do, with the head where the agent wants it. Throws Skipped unless the agent goes on
  /// to look at what follows.
  [[nodiscard]] std::string_view begin_exchange();

  /// What it has said that answers nothing.
  [[nodiscard]] const std::vector<Frame>& unasked() const noexcept { return unasked_; }

 private:
  void begin();
  void configure();
  [[nodiscard]] Answer read(Frame frame) const;
  /// Whether it was an answer; takes everything else.
  [[nodiscard]] bool is_answer(const Frame& frame);
  void look_at(const Frame& frame);
  template <class Message>
  void look_at_as(const Frame& frame);

  Peer peer_;
  std::string rule_;
  wire::Format format_;
  const Options* options_;
  std::optional<Frame> hello_frame_;
  base::Arena arena_;
  wire::HandshakeResponse hello_;
  std::set<std::string> ids_;
  std::vector<Frame> unasked_;
  std::uint64_t pings_ = 0;
};

}  // namespace picket::apps::cli::conform::agents
