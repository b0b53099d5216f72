#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"

namespace picket::inspection::testing {

/// What an agent does with each kind of event; without a function it allows. Called on the agent's thread.
struct Script {
  std::function<agent::Reply(const wire::RequestHeaders&, agent::Context&)> request_headers;
  std::function<agent::Reply(const wire::RequestBodyChunk&, agent::Context&)> request_body;
  std::function<agent::Reply(const wire::ResponseHeaders&, agent::Context&)> response_headers;
  std::function<agent::Reply(const wire::ResponseBodyChunk&, agent::Context&)> response_body;
  std::function<agent::Reply(const wire::WebSocketFrame&, agent::Context&)> websocket_frame;
  std::function<agent::Reply(const wire::GuardrailInspect&, agent::Context&)> guardrail;
  wire::Limits limits;
};

/// A real agent on a Unix socket, in a thread of this process, that does what a script says and remembers what it saw.
/// Thread safety: its functions from any thread.
class ScriptedAgent {
 public:
  ScriptedAgent(const std::string& path, Script script) : script_(std::move(script)), server_(start(path)) {}
  ScriptedAgent(const ScriptedAgent&) = delete;
  ScriptedAgent& operator=(const ScriptedAgent&) = delete;
  ~ScriptedAgent() {
    held_.clear();
    stop();
  }
  void stop() { server_.reset(); }

  /// One line for each event in the order of arrival: "headers /uri", "body 3 'data'" ("body 3 'data' last"),
  /// "response 200", "response body 0 'data'", "frame > 0 text 'data'" (of the client; "<" of the server; "…" behind
  /// one that is not a message's last), "text 'data' of model", "complete 200", "cancel".
  [[nodiscard]] std::vector<std::string> seen() const {
    const std::lock_guard lock{mutex_};
    return seen_;
  }
  [[nodiscard]] bool has_seen(std::string_view line) const {
    const std::lock_guard lock{mutex_};
    return std::ranges::find(seen_, line) != seen_.end();
  }

  /// For scripts: the answer comes with answer_held().
  agent::Reply hold(agent::Context& context) {
    const std::lock_guard lock{mutex_};
    has_held_.notify_all();
    return held_.emplace_back(context.defer()).deferred();
  }
  /// Answers what is held longest.
  void answer_held(agent::Decision decision) {
    answer_one([](auto& held) { return held.begin(); }, std::move(decision));
  }
  /// Answers what is held shortest.
  void answer_held_last(agent::Decision decision) {
    answer_one([](auto& held) { return std::prev(held.end()); }, std::move(decision));
  }

 private:
  template <class Which>
  void answer_one(Which which, agent::Decision decision) {
    std::unique_lock lock{mutex_};
    // An event is noted a moment before it is held.
    ASSERT_TRUE(has_held_.wait_for(lock, std::chrono::seconds{30}, [this] { return !held_.empty(); }));
    const auto found = which(held_);
    auto completion = std::move(*found);
    held_.erase(found);
    lock.unlock();
    std::move(completion).complete(std::move(decision));
  }

  class Handler;
  std::unique_ptr<agent::Server> start(const std::string& path);
  void note(std::string line) {
    const std::lock_guard lock{mutex_};
    seen_.push_back(std::move(line));
  }

  Script script_;
  mutable std::mutex mutex_;
  std::vector<std::string> seen_;
  std::list<agent::Completion> held_;
  std::condition_variable has_held_;
  std::unique_ptr<agent::Server> server_;
};

class ScriptedAgent::Handler final : public agent::Handler {
 public:
  explicit Handler(ScriptedAgent& owner) : owner_(owner) {}

  [[nodiscard]] agent::Info info() const override {
    return {.id = "scripted", .version = "1", .limits = owner_.script_.limits};
  }
  agent::Reply on_request_headers(const wire::RequestHeaders& event, agent::Context& context) override {
    owner_.note("headers " + std::string{event.uri});
    return answer(owner_.script_.request_headers, event, context);
  }
  agent::Reply on_request_body(const wire::RequestBodyChunk& event, agent::Context& context) override {
    owner_.note("body " + words_for(event));
    return answer(owner_.script_.request_body, event, context);
  }
  agent::Reply on_response_headers(const wire::ResponseHeaders& event, agent::Context& context) override {
    owner_.note("response " + std::to_string(event.status));
    return answer(owner_.script_.response_headers, event, context);
  }
  agent::Reply on_response_body(const wire::ResponseBodyChunk& event, agent::Context& context) override {
    owner_.note("response body " + words_for(event));
    return answer(owner_.script_.response_body, event, context);
  }
  agent::Reply on_websocket_frame(const wire::WebSocketFrame& event, agent::Context& context) override {
    static constexpr auto opcodes =
        std::to_array<std::string_view>({"text", "binary", "ping", "pong", "close", "continuation"});
    owner_.note("frame " + std::string{event.client_to_server ? "> " : "< "} + std::to_string(event.frame_index) + " " +
                std::string{opcodes[static_cast<std::size_t>(event.opcode)]} + " '" +
                std::string{base::as_text(event.data)} + (event.fin ? "'" : "'…"));
    return answer(owner_.script_.websocket_frame, event, context);
  }
  agent::Reply on_guardrail(const wire::GuardrailInspect& event, agent::Context& context) override {
    owner_.note("text '" + std::string{event.content} + "' of " + std::string{event.model.value_or("-")});
    return answer(owner_.script_.guardrail, event, context);
  }
  void on_complete(const wire::RequestComplete& event, agent::Context&) override {
    owner_.note("complete " + std::to_string(event.status));
  }
  void on_cancel(agent::Context&) override { owner_.note("cancel"); }

 private:
  /// Long bodies are noted by their size.
  template <class Chunk>
  static std::string words_for(const Chunk& event) {
    const std::string_view data = base::as_text(event.data);
    return std::to_string(event.chunk_index) +
           (data.size() > 32 ? " of " + std::to_string(data.size()) : " '" + std::string{data} + "'") +
           (event.is_last ? " last" : "");
  }
  template <class Function, class Event>
  static agent::Reply answer(const Function& function, const Event& event, agent::Context& context) {
    return function ? function(event, context) : agent::Reply{agent::Decision::allow()};
  }
  ScriptedAgent& owner_;
};

inline std::unique_ptr<agent::Server> ScriptedAgent::start(const std::string& path) {
  auto server =
      std::make_unique<agent::Server>(agent::ServerOptions{.listen = {"unix:" + path}, .socket = {}, .log = {}},
                                      [this] { return std::make_unique<Handler>(*this); });
  const auto started = server->start();
  EXPECT_TRUE(started) << started.error().message();
  return server;
}

}  // namespace picket::inspection::testing
