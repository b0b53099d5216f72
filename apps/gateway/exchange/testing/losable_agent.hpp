#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "picket/agent/server.hpp"

namespace picket::apps::gateway::exchange::testing {

/// An agent on a Unix socket that is lost now and then, with all its connections and what it owes, and comes back in
/// the same place. Thread safety: lose() and is_away() are the test's thread's.
class LosableAgent {
 public:
  /// Says how handlers are made; they call `was_asked` with a head.
  using Make = std::function<agent::HandlerFactory(std::function<void()> was_asked)>;

  LosableAgent(std::string path, Make make) : path_(std::move(path)), make_(std::move(make)) {
    start();
    was_asked_->store(true);
  }
  /// Another one, who knows nothing of what went before.
  void lose() {
    server_.reset();
    start();
  }
  /// Whether it may be unreachable still.
  [[nodiscard]] bool is_away() const { return !was_asked_->load(); }

 private:
  void start() {
    was_asked_ = std::make_shared<std::atomic<bool>>(false);
    server_ =
        std::make_unique<agent::Server>(agent::ServerOptions{.listen = {"unix:" + path_}, .socket = {}, .log = {}},
                                        make_([was_asked = was_asked_] { was_asked->store(true); }));
    EXPECT_TRUE(server_->start());
  }

  std::string path_;
  Make make_;
  std::shared_ptr<std::atomic<bool>> was_asked_;  // by whoever is there now
  std::unique_ptr<agent::Server> server_;
};

}  // namespace picket::apps::gateway::exchange::testing
