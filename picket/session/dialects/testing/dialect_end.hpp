#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "picket/session/testing/frames.hpp"
#include "picket/transport/dialect_framing.hpp"

/// For tests of dialects only.
namespace picket::session::testing {

/// A proxy's end that speaks a dialect, and its agent's side as bytes.
class DialectEnd {
 public:
  explicit DialectEnd(Dialect dialect, ProxyConfig config = {})
      : framing_(transport::DialectBeginning::of(dialect, std::make_shared<ProxyConfig>(std::move(config))),
                 start_time) {}

  Conversation<ProxySession>& conversation() { return framing_.conversation(); }
  ProxySession& session() { return *conversation().session(); }

  /// What the agent gets.
  std::string written() {
    (void)framing_.translate(start_time);
    std::string bytes = framing_.output().flatten();
    framing_.wrote(bytes.size(), start_time);
    return bytes;
  }
  void feed(std::string_view bytes) {
    if (auto* const session = conversation().session()) session->clear_actions();
    fed_.emplace_back(bytes);
    framing_.feed(fed_.back().view(), start_time);
  }

  /// Events of the kinds that a test needs; of each the most of it is empty.
  base::Status ask(const base::CorrelationId& id, Tag tag, base::Duration timeout = std::chrono::seconds{1}) {
    auto& event = heads_.emplace_back();
    event.metadata.protocol = "HTTP/1.1";
    event.method = "GET";
    event.uri = "/";
    return send(id, &event, tag, timeout);
  }
  base::Status ask_chunk(const base::CorrelationId& id, Tag tag, std::string_view data) {
    auto& event = chunks_.emplace_back();
    event.data = base::as_bytes(data);
    event.is_last = true;
    return send(id, &event, tag, std::chrono::seconds{1});
  }
  base::Status ask_response(const base::CorrelationId& id, Tag tag, std::uint16_t status) {
    auto& event = responses_.emplace_back();
    event.status = status;
    return send(id, &event, tag, std::chrono::seconds{1});
  }

  std::vector<Tag> answered() {
    std::vector<Tag> tags;
    for (const auto& action : session().actions())
      if (const auto* const found = std::get_if<Answered>(&action)) tags.push_back(found->tag);
    return tags;
  }
  const wire::AgentResponse* answer() {
    for (const auto& action : session().actions())
      if (const auto* const found = std::get_if<Answered>(&action)) return found->response;
    return nullptr;
  }
  /// Why it is over; empty while it is not.
  std::string end() { return conversation().end() ? conversation().end()->detail() : std::string{}; }

  const base::CorrelationId one{0, 0, 0x1111};
  const base::CorrelationId two{1, 0, 0x2222};

 private:
  base::Status send(const base::CorrelationId& id, const EventPointer& event, Tag tag, base::Duration timeout) {
    return session().send(id, event, base::Deadline{start_time + timeout}, tag, start_time);
  }

  std::deque<Padded> fed_;
  std::deque<wire::RequestHeaders> heads_;
  std::deque<wire::RequestBodyChunk> chunks_;
  std::deque<wire::ResponseHeaders> responses_;
  transport::DialectFraming framing_;
};

/// A message without a type.
inline std::string message(std::string_view json) {
  std::string bytes(4, '\0');
  transport::write_untyped_header(bytes.data(), wire::FrameType::agent_response, json.size());
  return bytes.append(json);
}

}  // namespace picket::session::testing
