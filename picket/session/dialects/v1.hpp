#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/session/configuring.hpp"
#include "picket/session/dialects/translator.hpp"

/// The dialect v1: an event is {"version", "event_type", "payload"}, an answer names nothing, and answers come in the
/// order of the events. There is no handshake and there are no control messages (protocol.md §13).
namespace picket::session::dialects {

/// One event is in flight at a time, an end of an exchange among them, and the others wait here. An answer that nobody
/// waits for any more cannot be told from the next one. So where an event timed out the connection ends; where an
/// exchange was given up otherwise, its answer is awaited and dropped.
///
/// Thread safety, lifetime: Translator's. Errors: unavailable, where the dialect has no words for what is to be said;
/// timeout, where an event is given up that the agent has; message_too_large; invalid_message, where the agent says
/// something unasked, or in words that are none. Units: 10 MiB is the largest message that these agents take.
class V1Translator final : public Translator {
 public:
  [[nodiscard]] base::Status say(const wire::FrameView& frame, wire::Output& out) override;
  [[nodiscard]] base::Status hear(const wire::FrameView& frame, wire::Output& out) override;
  [[nodiscard]] std::size_t waiting() const noexcept override { return waiting_; }

 private:
  // What waits holds its whole text; the session sends nothing new while that is too much (ProxySession::full).
  struct Asked {
    wire::FrameType type;
    std::string id;    // its exchange's
    std::string text;  // as it is sent; empty once it was
    bool given_up = false;
  };

  [[nodiscard]] base::Status ask(const wire::FrameView& frame, wire::Output& out);
  [[nodiscard]] base::Status give_up(const wire::FrameView& frame);
  [[nodiscard]] base::Status answered(const Asked& asked, std::string_view payload);
  void send_first(wire::Output& out);

  std::deque<Asked> asked_;  // the first is in flight
  std::size_t waiting_ = 0;  // bytes of their texts
};

/// A connection of v1 is open at once: the agent says nothing of itself, and is sent what is configured. Its
/// configuration comes first, where it has one. Thread safety, lifetime: Opening's.
class V1Opening final : public ProxyOpening {
 public:
  explicit V1Opening(std::shared_ptr<const ProxyConfig> config);

  [[nodiscard]] base::Status begin(wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] base::Status take(const wire::FrameView& frame, wire::Output& output, base::TimePoint now) override;
  [[nodiscard]] const ProxyAgreement* agreement() const noexcept override;
  [[nodiscard]] base::TimePoint deadline() const noexcept override { return configuring_.deadline(); }
  [[nodiscard]] base::Error overdue() const override { return configuring_.overdue(); }
  [[nodiscard]] base::Error interrupted(base::Error reason) const override { return configuring_.interrupted(reason); }
  [[nodiscard]] std::optional<std::string> refusal() const override { return configuring_.refusal(); }

 private:
  Configuring configuring_;
};

}  // namespace picket::session::dialects
