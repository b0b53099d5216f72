#pragma once

#include <array>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/session/proxy_session.hpp"
#include "picket/session/terms.hpp"
#include "picket/session/testing/frames.hpp"

/// For tests of this folder only.
namespace picket::session::testing {

struct Peer {
  bool raw_bytes = false;
  bool event_reply = false;
  bool one_way_complete = false;
  std::vector<std::int32_t> events{1, 2, 3, 5, 8};
  wire::Encoding encoding = wire::Encoding::json;
  bool config_reply = false;
};

/// A proxy's end and the agent's side of it, played by hand.
class ProxySessionTest : public ::testing::Test {
 protected:
  /// A session whose handshake was answered.
  ProxySession& ready(const Peer& peer = {}, ProxyConfig config = {}) {
    start(std::move(config));
    answer_handshake(peer);
    ProxySession& session = *conversation().session();
    session.clear_actions();
    return session;
  }
  Conversation<ProxySession>& start(ProxyConfig config = {}) {
    end_.emplace(handshake(std::move(config)), start_time);
    (void)written();
    return conversation();
  }
  Conversation<ProxySession>& conversation() { return end_->conversation(); }
  std::string written() { return take_output(*end_); }
  void answer_handshake(const Peer& peer = {}) {
    std::vector<wire::Text> extensions;
    if (peer.raw_bytes) extensions.push_back(wire::extension_raw_bytes);
    if (peer.event_reply) extensions.push_back(wire::extension_event_reply);
    if (peer.one_way_complete) extensions.push_back(wire::extension_one_way_complete);
    if (peer.config_reply) extensions.push_back(extension_config_reply);
    const wire::HandshakeResponse response{
        .protocol_version = 2,
        .capabilities = {.agent_id = "a", .name = "n", .version = "1", .supported_events = peer.events},
        .success = true,
        .encoding = peer.encoding,
        .extensions = extensions};
    format_ = {.encoding = peer.encoding, .raw_bytes = peer.raw_bytes, .event_reply = peer.event_reply};
    feed(frame_of({}, response));
  }
  void feed(std::string_view bytes, base::TimePoint now = start_time) {
    fed_.emplace_back(bytes);
    end_->feed(fed_.back().view(), now);
  }

  base::Status send_headers(ProxySession& session, const base::CorrelationId& id, Tag tag,
                            base::Duration timeout = std::chrono::seconds{1}) {
    auto& event = requests_.emplace_back();
    event.metadata.timestamp = "2026-01-01T00:00:00Z";
    event.method = "GET";
    event.uri = "/";
    return session.send(ids_.emplace_back(id), &event, base::Deadline{start_time + timeout}, tag, start_time);
  }
  base::Status send_chunk(ProxySession& session, const base::CorrelationId& id, std::uint32_t index, Tag tag,
                          std::string_view data = "x") {
    auto& event = chunks_.emplace_back();
    event.data = base::as_bytes(data);
    event.chunk_index = index;
    return session.send(ids_.emplace_back(id), &event, base::Deadline{start_time + std::chrono::seconds{1}}, tag,
                        start_time);
  }
  std::string answer(const base::CorrelationId& id, std::optional<wire::ReplyTo> to = {}) const {
    return frame_of(format_, wire::AgentResponse{.correlation_id = id.text(), .reply_to = to});
  }

  static std::vector<Tag> answered(ProxySession& session) {
    std::vector<Tag> tags;
    for (const auto& action : session.actions())
      if (const auto* const found = std::get_if<Answered>(&action)) tags.push_back(found->tag);
    return tags;
  }
  static std::vector<std::pair<Tag, base::ErrorKind>> failed(ProxySession& session) {
    std::vector<std::pair<Tag, base::ErrorKind>> tags;
    for (const auto& action : session.actions())
      if (const auto* const found = std::get_if<Failed>(&action)) tags.emplace_back(found->tag, found->error.kind());
    return tags;
  }

  const base::CorrelationId one_{0, 0, 0x1111};
  const base::CorrelationId two_{1, 0, 0x2222};

 private:
  std::optional<transport::StreamFraming<ProxySession>> end_;
  wire::Format format_;
  std::deque<Padded> fed_;
  std::deque<wire::RequestHeaders> requests_;
  std::deque<wire::RequestBodyChunk> chunks_;
  std::deque<base::CorrelationId> ids_;
};

}  // namespace picket::session::testing
