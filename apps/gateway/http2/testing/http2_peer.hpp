#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/gateway/testing/http2_end.hpp"

namespace picket::apps::gateway::http2::testing {

using gateway::testing::FarEnd;
using picket::http2::ErrorCode;
using picket::http2::StreamId;

/// A client of HTTP/2 at the far end of a connection.
class Http2Peer final : public gateway::testing::Http2End {
 public:
  Http2Peer(transport::Worker& worker, FarEnd& far) : Http2End(picket::http2::Role::client, worker, far) {}

  /// A request that has no body, or one that say() adds to.
  StreamId get(std::string_view path) { return ask("GET", path, {}, nullptr); }
  StreamId get(std::string_view path, const std::vector<base::Header>& more) { return ask("GET", path, more, nullptr); }
  StreamId put(std::string_view path, std::string_view body) {
    auto text = std::make_unique<Text>();
    text->bytes = body;
    const StreamId id = ask("PUT", path, {}, text.get());
    keep(id, std::move(text));
    return id;
  }

 private:
  StreamId ask(std::string_view method, std::string_view path, const std::vector<base::Header>& more, Text* body) {
    std::vector<base::Header> head{{":method", method}, {":scheme", "http"}, {":authority", "a.test"}, {":path", path}};
    head.insert(head.end(), more.begin(), more.end());
    return connection().request(base::Headers(head), body).value();
  }
};

}  // namespace picket::apps::gateway::http2::testing
