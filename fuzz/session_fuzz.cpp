#include <deque>
#include <string>
#include <vector>

#include "fuzz/check.hpp"
#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/testing/frames.hpp"

namespace {

using namespace picket;
using namespace std::chrono_literals;
using session::testing::handshake;
using session::testing::Padded;

/// The input, taken byte by byte; zero when it is used up.
class Script {
 public:
  explicit Script(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool over() const { return bytes_.empty(); }
  std::size_t number() {
    if (bytes_.empty()) return 0;
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string_view piece(std::size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view bytes_;
};

/// Two ends, the bytes between them, and what became of each event.
class Connection {
 public:
  explicit Connection(std::size_t options)
      : proxy_(handshake(session::ProxyConfig{
                   .encodings = {options % 2 == 0 ? wire::Encoding::json : wire::Encoding::msgpack},
                   .extensions = options / 2 % 2 == 0,
                   .config_json = options / 4 % 2 == 0 ? std::nullopt : std::optional<std::string>{R"({"a":1})"}}),
               now_),
        agent_(handshake(session::AgentConfig{.max_exchanges = 4}), now_) {}

  void step(Script& script) {
    switch (script.number() % 10) {
      case 0: ids_.size() < 16 ? ids_.push_back(minter_.mint()) : void(); break;
      case 1: return send<wire::RequestHeaders>(script);
      case 2: return send<wire::RequestBodyChunk>(script);
      case 3: return end_exchange(script);
      case 4: return to_agent(take(proxy_.output(), script.number()));
      case 5: return to_proxy(take(agent_.output(), script.number()));
      case 6: return answer(script);
      case 7: return pass_time(script);
      case 8: return to_agent(std::string{script.piece(script.number() * 4)});
      default: return to_proxy(std::string{script.piece(script.number() * 4)});
    }
  }

  /// Every event has ended once, unless its exchange was ended before.
  void finish() {
    proxy_.conversation().disconnected(base::fail(base::ErrorKind::connection_closed, "the end"));
    collect();
    for (const Event& event : events_)
      fuzz::require(event.ends == (event.abandoned ? 0 : 1), "an event without an end");
    fuzz::require(proxy() == nullptr || proxy()->in_flight() == 0, "something in flight on a closed connection");
    agent_.conversation().disconnected(base::fail(base::ErrorKind::connection_closed, "the end"));
    fuzz::require(agent() == nullptr || (agent()->unanswered() == 0 && agent()->exchanges() == 0),
                  "an exchange on a closed connection");
  }

 private:
  struct Event {
    std::size_t exchange;
    wire::RequestHeaders headers;
    wire::RequestBodyChunk chunk;
    int ends = 0;
    bool abandoned = false;
  };

  [[nodiscard]] session::ProxySession* proxy() { return proxy_.conversation().session(); }
  [[nodiscard]] session::AgentSession* agent() { return agent_.conversation().session(); }

  template <class Message>
  void send(Script& script) {
    if (proxy() == nullptr || ids_.empty() || events_.size() == 256) return;
    const std::size_t exchange = script.number() % ids_.size();
    Event& event = events_.emplace_back(Event{.exchange = exchange, .headers = {}, .chunk = {}});
    event.headers.metadata.correlation_id = event.chunk.correlation_id = ids_[exchange].text();
    event.chunk.chunk_index = static_cast<std::uint32_t>(script.number());
    event.chunk.data = base::as_bytes(body_).first(script.number() * 16);
    const base::Deadline deadline{now_ + std::chrono::milliseconds{script.number() + 1}};
    const session::Tag tag = events_.size() - 1;
    base::Status sent;
    if constexpr (std::is_same_v<Message, wire::RequestHeaders>) {
      sent = proxy()->send(ids_[exchange], &event.headers, deadline, tag, now_);
    } else {
      sent = proxy()->send(ids_[exchange], &event.chunk, deadline, tag, now_);
    }
    if (!sent) events_.pop_back();
  }

  void end_exchange(Script& script) {
    if (proxy() == nullptr || ids_.empty()) return;
    const std::size_t exchange = script.number() % ids_.size();
    if (script.number() % 2 == 0) {
      proxy()->cancel(ids_[exchange], wire::CancelReason::client_disconnect, now_);
    } else {
      proxy()->complete(ids_[exchange], {}, now_);
    }
    for (Event& event : events_)
      if (event.exchange == exchange && event.ends == 0) event.abandoned = true;
  }

  void answer(Script& script) {
    if (unanswered_.empty()) return;
    const std::size_t at = script.number() % unanswered_.size();
    (void)agent()->respond(unanswered_[at], {}, now_);
    if (script.number() % 8 != 0) unanswered_.erase(unanswered_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void pass_time(Script& script) {
    now_ += std::chrono::milliseconds{script.number() * 16};
    proxy_.conversation().tick(now_);
    agent_.conversation().tick(now_);
    collect();
  }

  static std::string take(wire::Output& output, std::size_t size) {
    std::string bytes = output.flatten().substr(0, size * 8);
    output.consume(bytes.size());
    return bytes;
  }
  void to_agent(const std::string& bytes) {
    agent_.feed(Padded{bytes}.view(), now_);
    if (agent() == nullptr) return;
    for (const auto& action : agent()->actions())
      if (const auto* const arrived = std::get_if<session::Arrived>(&action)) unanswered_.push_back(arrived->ref);
    agent()->clear_actions();
  }
  void to_proxy(const std::string& bytes) {
    proxy_.feed(Padded{bytes}.view(), now_);
    collect();
  }
  void collect() {
    if (proxy() == nullptr) return;
    for (const auto& action : proxy()->actions()) {
      const auto* const answered = std::get_if<session::Answered>(&action);
      const auto* const failed = std::get_if<session::Failed>(&action);
      if (answered == nullptr && failed == nullptr) continue;
      Event& event = events_.at(answered != nullptr ? answered->tag : failed->tag);
      fuzz::require(++event.ends == 1 && !event.abandoned, "an event ended twice, or after its exchange");
    }
    proxy()->clear_actions();
  }

  base::TimePoint now_{1h};
  transport::StreamFraming<session::ProxySession> proxy_;
  transport::StreamFraming<session::AgentSession> agent_;
  base::CorrelationIds minter_;
  std::deque<base::MintedId> ids_;  // stable addresses: events carry views of them
  std::deque<Event> events_;        // the same: the session borrows them
  std::vector<session::EventRef> unanswered_;
  const std::string body_ = std::string(4096, 'b');
};

}  // namespace

/// Both ends of a connection, driven by the input: events, answers, time, pieces of the streams and bytes that no peer
/// of ours would send.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Script script{fuzz::text_of(data, size)};
  Connection connection{script.number()};
  while (!script.over()) connection.step(script);
  connection.finish();
  return 0;
}
