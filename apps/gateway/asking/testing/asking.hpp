#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/asking/asked_upstream.hpp"
#include "apps/gateway/exchange/testing/world.hpp"
#include "apps/gateway/testing/loop.hpp"

namespace picket::apps::gateway::asking::testing {

using gateway::testing::FarEnd;

inline base::SharedBytes piece(std::string_view text) { return base::SharedBytes::borrowed(base::as_bytes(text)); }

/// What an exchange would hear.
struct Heard final : exchange::UpstreamListener {
  void on_upstream_error(std::string_view address, const base::Error& error) override {
    errors.push_back(std::string{address} + ": " + error.detail());
  }
  void on_interim(const http::ResponseHead& head) override { interims.push_back(head.status); }
  void on_early_answer() override { ++early; }

  std::vector<std::string> errors;
  std::vector<int> interims;
  int early = 0;
};

/// Requests to an upstream whose end the test holds. One at a time, where it does not say otherwise.
class Asking {
 public:
  /// `targets`: the first one listens.
  explicit Asking(int targets, const config::Upstream& upstream = {.id = "app"}) {
    std::vector<transport::Endpoint> endpoints;
    for (int i = 0; i < targets; ++i) endpoints.push_back(gateway::testing::free_endpoint());
    world_.emplace(std::string{}, exchange::testing::World::asked_about_requests, endpoints, upstream);
    listener_.emplace(endpoints[0], &world_->worker);
    next();
    fields.push_back({"Host", "a.test"});
  }
  transport::Worker& worker() { return world_->worker; }
  generation::Service& service() { return world_->service(); }
  upstream::Pool& pool() { return *service().upstreams[0]; }
  base::Arena& arena() noexcept { return arena_; }
  /// Another request, behind the one before.
  void next(bool to_head = false) { side.emplace(service(), cancel, to_head, arena_); }

  base::Status connect() {
    const exchange::UpstreamTerms terms;
    return gateway::testing::run(worker(), side->connect(terms, heard));
  }
  FarEnd accept() { return {worker(), ::dup(listener_->accept().descriptor())}; }
  bool is_connected_to() const { return listener_->has_connection(); }
  void begin(exchange::BodyLength length, bool waits_for_100 = false) {
    side->begin({.method = "PUT", .target = "/a", .fields = fields, .length = length, .waits_for_100 = waits_for_100});
  }
  base::Status write(const std::vector<base::SharedBytes>& pieces, bool last) {
    return gateway::testing::run(worker(), side->write(pieces, last));
  }
  base::Result<const http::ResponseHead*> answer() { return gateway::testing::run(worker(), side->answer()); }
  base::Result<std::size_t> read(std::span<char> into) { return gateway::testing::run(worker(), side->read(into)); }
  /// All of the body; what it ended with, where that is an error.
  std::string read_all() {
    std::string body;
    std::string memory(100, '\0');
    while (!side->body_is_read()) {
      const auto size = read(memory);
      if (!size) return body + "!" + size.error().detail();
      body += memory.substr(0, *size);
    }
    return body;
  }

 private:
  std::optional<exchange::testing::World> world_;
  std::optional<transport::testing::RawListener> listener_;
  base::Arena arena_;

 public:
  http::FieldList fields{arena_};
  transport::Cancel cancel;
  Heard heard;
  std::optional<AskedUpstream> side;
};

}  // namespace picket::apps::gateway::asking::testing
