#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/cli/conform/line.hpp"

namespace picket::apps::cli::conform::proxies {

/// A request of HTTP/1.1. Views outlive the call that it is made for.
struct HttpRequest {
  std::string_view method = "GET";
  std::string_view target = "/conform";
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::string_view body;
};

/// What was answered. Empty fields where nothing was.
struct HttpAnswer {
  int status = 0;
  std::string head;
  std::string body;
  /// The first value of a field; empty where there is none.
  [[nodiscard]] std::string field(std::string_view name) const;
};

/// One request on a connection of its own, as a client of the proxy makes it. Thread safety: its worker's.
class HttpCall {
 public:
  /// Sends the request. Throws Unreachable.
  HttpCall(transport::Worker& worker, const transport::Endpoint& endpoint, const HttpRequest& request,
           base::Duration patience);

  /// Takes what has come; whether the answer is whole.
  [[nodiscard]] bool poll();
  [[nodiscard]] HttpAnswer answer() const;
  /// The client goes away.
  void leave() { line_.reset(); }

 private:
  Line line_;
  base::Buffer received_;
  bool is_whole_ = false;
};

}  // namespace picket::apps::cli::conform::proxies
