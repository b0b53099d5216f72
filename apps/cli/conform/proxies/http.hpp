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

/// A request or an answer, as far as it has come. A value.
struct HttpMessage {
  int status = 0;  ///< Of an answer; 0 where there is none, and of requests.
  std::string head;
  std::string body;  ///< Without what cuts it into chunks.
  bool is_whole = false;

  /// The first value of a field; empty where there is none.
  [[nodiscard]] std::string field(std::string_view name) const;
  /// All values of a field, with a comma and a space between them.
  [[nodiscard]] std::string values(std::string_view name) const;
};

/// Reads what has come of one. A body that does not say how long it is, is what is there.
[[nodiscard]] HttpMessage read_message(std::string_view bytes);

/// One request on a connection of its own, as a client of the proxy makes it. Thread safety: its worker's.
class HttpCall {
 public:
  /// Sends the request. Throws Unreachable.
  HttpCall(transport::Worker& worker, const transport::Endpoint& endpoint, const HttpRequest& request,
           base::Duration patience);

  /// Takes what has come; whether the answer is whole.
  [[nodiscard]] bool poll();
  [[nodiscard]] HttpMessage answer() const;
  /// Sends more, behind the request.
  void write(std::string_view bytes);
  /// The client goes away.
  void leave() { line_.reset(); }

 private:
  Line line_;
  base::Duration patience_;
  base::Buffer received_;
  bool is_whole_ = false;
};

}  // namespace picket::apps::cli::conform::proxies
