#pragma once

#include <array>
#include <string>
#include <vector>

#include "picket/wire/messages.hpp"

namespace picket::tests {

/// One event of every kind, of the size that real ones have, for the id it is given.
class Events {
 public:
  Events() {
    for (std::size_t i = 0; i < values_.size(); ++i) {
      values_[i] = "value " + std::to_string(i) + std::string(20, 'v');
      fields_[i] = {names[i], values_[i]};
    }
    body_.assign(16 * 1024, 'b');
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  [[nodiscard]] wire::RequestHeaders head(std::string_view id) const {
    return {.metadata = {.correlation_id = id,
                         .request_id = id,
                         .client_ip = "192.0.2.1",
                         .client_port = 40000,
                         .server_name = "example.test",
                         .protocol = "HTTP/1.1",
                         .timestamp = "2026-01-01T00:00:00Z"},
            .method = "POST",
            .uri = "/a/path?with=\"quotes\"",
            .headers = std::span<const wire::Header>{fields_}};
  }
  /// Calls `use` with each event in the order of an exchange.
  template <class Use>
  void each(std::string_view id, Use&& use) const {
    use(head(id));
    const auto data = base::as_bytes(body_);
    use(wire::RequestBodyChunk{.correlation_id = id, .data = data.first(100), .chunk_index = 0});
    use(wire::RequestBodyChunk{.correlation_id = id, .data = data, .is_last = true, .chunk_index = 1});
    use(wire::ResponseHeaders{.correlation_id = id, .status = 200, .headers = std::span<const wire::Header>{fields_}});
    use(wire::ResponseBodyChunk{.correlation_id = id, .data = data, .is_last = true});
    use(wire::WebSocketFrame{.correlation_id = id, .data = data.first(1000), .client_ip = "192.0.2.1"});
    use(wire::GuardrailInspect{.correlation_id = id, .content = "a \"prompt\"", .categories = categories});
  }
  static constexpr std::size_t per_exchange = 7;

 private:
  static constexpr std::array<std::string_view, 20> names{"host",
                                                          "user-agent",
                                                          "accept",
                                                          "accept-language",
                                                          "accept-encoding",
                                                          "cookie",
                                                          "referer",
                                                          "origin",
                                                          "connection",
                                                          "x-a",
                                                          "x-b",
                                                          "x-c",
                                                          "content-type",
                                                          "content-length",
                                                          "x-d",
                                                          "x-e",
                                                          "x-f",
                                                          "x-g",
                                                          "x-h",
                                                          "cache-control"};
  static constexpr std::array<wire::Text, 2> categories{"one", "two"};
  std::array<std::string, 20> values_;
  std::array<wire::Header, 20> fields_;
  std::string body_;
};

}  // namespace picket::tests
