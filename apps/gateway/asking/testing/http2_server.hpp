#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "apps/gateway/testing/http2_end.hpp"

namespace picket::apps::gateway::asking::testing {

using gateway::testing::FarEnd;
using picket::http2::ErrorCode;
using picket::http2::StreamId;

/// An upstream that speaks HTTP/2, at the far end of a connection.
class Http2Server final : public gateway::testing::Http2End {
 public:
  Http2Server(transport::Worker& worker, FarEnd& far, bool takes_websockets = false)
      : Http2End(picket::http2::Role::server, worker, far, takes_websockets) {}

  /// Waits for a request behind those that have come.
  [[nodiscard]] StreamId asked() {
    const StreamId before = last_begun();
    EXPECT_TRUE(until([&] { return last_begun() != before; })) << "no request comes";
    return last_begun();
  }
  /// Begins an answer whose body say() adds to, and finish() ends.
  void answer(StreamId id, std::string_view status, const std::vector<base::Header>& more = {}) {
    auto body = std::make_unique<Text>();
    connection().respond(id, head(status, more), body.get());
    keep(id, std::move(body));
  }
  void interim(StreamId id, std::string_view status) { connection().respond_interim(id, head(status, {})); }
  /// A whole answer.
  void answer_with(StreamId id, std::string_view status, std::string_view body) {
    answer(id, status);
    say(id, body);
    finish(id);
  }

 private:
  /// Good until the next one.
  [[nodiscard]] base::Headers head(std::string_view status, const std::vector<base::Header>& more) {
    head_.assign(1, {":status", status});
    head_.insert(head_.end(), more.begin(), more.end());
    return base::Headers(head_);
  }

  std::vector<base::Header> head_;
};

}  // namespace picket::apps::gateway::asking::testing
