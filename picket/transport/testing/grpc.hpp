#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/session/handshake.hpp"
#include "picket/transport/grpc_link.hpp"
#include "picket/transport/grpc_server.hpp"
#include "picket/transport/testing.hpp"

/// Both ends of gRPC connections on one worker, and clients by hand: what tests of gRPC share.
namespace picket::transport::testing {

/// Answers what an agent is asked with what the test says.
class AgentEnd final : public AgentLink::Owner {
 public:
  void begin(const MakeAgentLink& make, const session::AgentConfig& config) {
    ++begun;
    link = make(std::make_unique<session::AgentHandshake>(std::make_shared<const session::AgentConfig>(config),
                                                          session::grpc_handshake),
                *this);
  }
  void on_actions(AgentLink& from) override {
    for (std::size_t i = 0; i < from.session()->actions().size(); ++i) {
      const auto action = from.session()->actions()[i];
      const auto* const arrived = std::get_if<session::Arrived>(&action);
      if (arrived == nullptr) continue;
      seen.push_back(std::string(wire::name(arrived->ref.key.type)));
      if (const auto* const* head = std::get_if<const wire::RequestHeaders*>(&arrived->message)) {
        uri = (*head)->uri;
        http_version = (*head)->http_version;
      }
      if (const auto* const* chunk = std::get_if<const wire::RequestBodyChunk*>(&arrived->message))
        body += base::as_text((*chunk)->data);
      if (answers) {
        from.session()->respond(arrived->ref, answer, from.worker().now());
      } else {
        unanswered.push_back(arrived->ref);
      }
    }
    from.session()->clear_actions();
    from.flush_later();
  }
  void on_closed(AgentLink&, const base::Error& reason) override { ends.push_back(reason.message()); }

  std::shared_ptr<AgentLink> link;
  std::vector<std::string> seen;
  std::vector<std::string> ends;
  std::vector<session::EventRef> unanswered;
  std::string uri;
  std::string http_version;
  std::string body;
  wire::AgentResponse answer;
  bool answers = true;
  int begun = 0;  // conversations
};

/// Notes what a proxy hears.
class ProxyEnd final : public ProxyLink::Owner {
 public:
  void on_actions(ProxyLink& from) override {
    for (auto& action : from.session()->actions()) {
      if (const auto* const answered = std::get_if<session::Answered>(&action))
        decisions.push_back(answered->response->decision.index());
      if (const auto* const failed = std::get_if<session::Failed>(&action)) failures.push_back(failed->error.message());
    }
    from.session()->clear_actions();
  }
  void on_closed(ProxyLink&, const base::Error& reason) override { ends.push_back(reason.message()); }

  std::vector<std::size_t> decisions;
  std::vector<std::string> failures;
  std::vector<std::string> ends;
};

class Grpc : public ::testing::Test {
 protected:
  Grpc() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    server_ = std::make_shared<GrpcServer>(
        Channel{worker_, ends[0]}, [this](const MakeAgentLink& make) { agent_.begin(make, agent_config_); },
        [this](GrpcServer&) { is_over_ = true; },
        [this](const grpc::ControlSaid& said, const grpc::ControlAnswer& answer) {
          controlled_ +=
              std::visit([](const auto* message) { return std::string(wire::name(message->type)) + " "; }, said);
          if (const auto* const* request = std::get_if<const wire::ConfigUpdateRequest*>(&said))
            answer({.request_id = (*request)->request_id, .accepted = true});
        });
    server_->start();
    client_descriptor_ = ends[1];
  }
  ~Grpc() override {
    if (link_) link_->close();
    server_->close();
    if (agent_.link) agent_.link->close();
  }

  void connect(session::ProxyConfig config = {}) {
    link_ =
        GrpcLink::adopt(Channel{worker_, client_descriptor_}, "localhost",
                        std::make_unique<session::ProxyHandshake>(
                            std::make_shared<const session::ProxyConfig>(std::move(config)), session::grpc_handshake),
                        proxy_);
    ASSERT_TRUE(turn_until(worker_, [&] { return link_->session() != nullptr || !proxy_.ends.empty(); }));
  }
  template <class Event>
  void ask(const base::CorrelationId& id, Event& event) {
    const auto status = link_->session()->send(id, &event, base::Deadline{}, {}, worker_.now());
    EXPECT_TRUE(status) << status.error().message();
    link_->flush_later();
  }

  Worker worker_;
  session::AgentConfig agent_config_{.info = {.agent_id = "a", .name = "n", .version = "1"}};
  AgentEnd agent_;
  ProxyEnd proxy_;
  std::shared_ptr<GrpcServer> server_;
  std::shared_ptr<GrpcLink> link_;
  int client_descriptor_ = -1;
  bool is_over_ = false;
  std::string controlled_;  // what was said on a ControlStream
};

/// A client of HTTP/2 by hand.
class Client final : public Http2Link::Owner {
 public:
  Client(Worker& worker, int descriptor)
      : link_(std::make_shared<Http2Link>(Channel{worker, descriptor}, http2::Role::client, http2::Limits{}, *this)) {
    link_->serve();
  }
  ~Client() { link_->close(); }

  [[nodiscard]] static std::string prefixed(std::string_view message) {
    std::string bytes(http2::grpc_prefix_size, '\0');
    http2::write_grpc_prefix(bytes.data(), message.size());
    return bytes.append(message);
  }
  /// With one message.
  void call(std::string_view path, std::string_view message, std::string_view type = "application/grpc") {
    send(path, prefixed(message), true, type);
  }
  void send(std::string_view path, std::string_view bytes, bool ends = true,
            std::string_view type = "application/grpc") {
    const std::array<base::Header, 6> head{{{":method", "POST"},
                                            {":scheme", "http"},
                                            {":path", path},
                                            {":authority", "a"},
                                            {"te", "trailers"},
                                            {"content-type", type}}};
    body_.text.assign(bytes);
    const auto id = link_->connection().request(base::Headers(head), &body_);
    ASSERT_TRUE(id);
    if (ends) link_->connection().finish(*id);
    link_->flush_later();
  }

  /// Forgets what came of the last call.
  void next() {
    heads.clear();
    answered.clear();
    has_ended = false;
  }

  std::string heads;
  std::string answered;
  bool has_ended = false;
  bool takes = true;  // what comes

 private:
  struct Text final : http2::Outgoing {
    [[nodiscard]] std::size_t size() const noexcept override { return text.size(); }
    [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
      out[0] = {const_cast<char*>(text.data()) + skip, text.size() - skip};
      return 1;
    }
    void consume(std::size_t size) override { text.erase(0, size); }
    std::string text;
  };
  void on_connected() override {}
  void on_head(http2::StreamId, http2::HeadKind, base::Headers fields, bool) override {
    for (const auto& [name, value] : fields) heads.append(name).append("=").append(value).append(" ");
  }
  void on_data(http2::StreamId stream, std::string_view bytes) override {
    answered += bytes;
    if (takes) link_->connection().taken(stream, bytes.size());
  }
  void on_end(http2::StreamId) override { has_ended = true; }
  void on_closed(http2::StreamId, http2::ErrorCode) override {}
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}
  void on_over(const base::Error&) override { has_ended = true; }

  Text body_;
  std::shared_ptr<Http2Link> link_;
};

}  // namespace picket::transport::testing
