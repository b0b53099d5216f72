#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>

#include "picket/session/agent_session.hpp"
#include "picket/session/handshake.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/transport/stream_framing.hpp"

namespace picket::bench {

/// Both ends of a connection that take each other's bytes from memory: what an event costs without sockets.
/// One encoding, extensions on. The time stands still. Throws std::runtime_error where the two do not get on.
class SessionPair {
 public:
  explicit SessionPair(wire::Encoding encoding)
      : proxy_(std::make_unique<session::ProxyHandshake>(
                   std::make_shared<session::ProxyConfig>(session::ProxyConfig{.encodings = {encoding}})),
               now_),
        agent_(std::make_unique<session::AgentHandshake>(std::make_shared<session::AgentConfig>(session::AgentConfig{
                   .info = {.agent_id = "a", .name = "n", .version = "1"}, .max_exchanges = 100'000})),
               now_),
        wire_(256 * 1024, '\0') {
    deliver_events();
    on_its_way_ = carry(agent_.output());
    proxy_.feed(on_its_way_, now_);
    if (proxy_.conversation().session() == nullptr) throw std::runtime_error{"no handshake"};
    proxy().clear_actions();
  }
  SessionPair(const SessionPair&) = delete;
  SessionPair& operator=(const SessionPair&) = delete;

  [[nodiscard]] base::CorrelationIds& ids() noexcept { return ids_; }

  /// Puts an event in flight; it arrives at the agent. The event must live until it is answered.
  template <class Event>
  void ask(const base::CorrelationId& id, Event& event) {
    if (!proxy().send(id, &event, base::Deadline{now_ + std::chrono::seconds{1}}, 1, now_))
      throw std::runtime_error{"an event was refused"};
    deliver_events();
  }
  /// The agent allows the event that it has had longest; the answer is on its way.
  void answer() {
    if (!agent().respond(arrived_.front(), {}, now_)) throw std::runtime_error{"an answer was refused"};
    arrived_.pop_front();
    on_its_way_ = carry(agent_.output());
  }
  /// What is on its way reaches the proxy: true where that is one answer.
  [[nodiscard]] bool take_answer() {
    proxy_.feed(on_its_way_, now_);
    const bool answered =
        proxy().actions().size() == 1 && std::holds_alternative<session::Answered>(proxy().actions().front());
    proxy().clear_actions();
    return answered;
  }
  void complete(const base::CorrelationId& id) {
    proxy().complete(id, {.status = 200}, now_);
    deliver_events();
  }

 private:
  [[nodiscard]] session::ProxySession& proxy() noexcept { return *proxy_.conversation().session(); }
  [[nodiscard]] session::AgentSession& agent() noexcept { return *agent_.conversation().session(); }
  void deliver_events() {
    agent_.feed(carry(proxy_.output()), now_);
    for (const auto& action : agent().actions()) {
      const auto* const event = std::get_if<session::Arrived>(&action);
      if (event == nullptr) continue;
      if (std::holds_alternative<const wire::RequestComplete*>(event->message))
        (void)agent().respond(event->ref, {}, now_);
      else
        arrived_.push_back(event->ref);
    }
    agent().clear_actions();
  }
  /// What the kernel does: all of `from`, now in memory of the other end.
  std::string_view carry(wire::Output& from) {
    std::size_t size = 0;
    while (!from.empty()) {
      std::array<iovec, 16> parts;
      const std::size_t used = from.gather(parts);
      std::size_t taken = 0;
      for (const iovec& part : std::span{parts}.first(used)) {
        if (size + taken + part.iov_len + base::limits::tail_padding > wire_.size())
          throw std::runtime_error{"more than a read buffer"};
        std::memcpy(wire_.data() + size + taken, part.iov_base, part.iov_len);
        taken += part.iov_len;
      }
      from.consume(taken);
      size += taken;
    }
    return {wire_.data(), size};
  }

  base::TimePoint now_{std::chrono::hours{100}};
  base::CorrelationIds ids_;
  transport::StreamFraming<session::ProxySession> proxy_;
  transport::StreamFraming<session::AgentSession> agent_;
  std::string wire_;
  std::string_view on_its_way_;
  std::deque<session::EventRef> arrived_;
};

}  // namespace picket::bench
