#pragma once

#include <deque>
#include <list>
#include <memory>
#include <string>
#include <string_view>

#include "apps/cli/conform/line.hpp"
#include "apps/cli/conform/proxies/http.hpp"
#include "apps/cli/conform/proxies/meeting.hpp"

namespace picket::apps::cli::conform::proxies {

/// The proxy's upstream, played by the tool: what has gone on is seen here. It answers each request once that is whole,
/// and closes; or it switches to WebSocket where it is asked to, and what comes then is the request's body.
///
/// Thread safety and lifetime: its worker's.
class Origin {
 public:
  struct Answer {
    std::string head = "HTTP/1.1 200 OK\r\nx-origin: conform\r\nx-origin-too: conform\r\n";
    std::string body = "conform\n";
  };

  explicit Origin(std::unique_ptr<Accepting> accepting) noexcept : accepting_(std::move(accepting)) {}

  /// Takes what has come, and answers what is whole.
  void poll();
  /// Closes every connection, and answers as it does by itself.
  void forget();
  void answer_with(Answer answer) noexcept { answer_ = std::move(answer); }
  /// Sends bytes on the connection that has switched.
  void say(std::string_view bytes);
  /// What has come since forget(), in order, whole or not. The heads begin with the line of the request.
  [[nodiscard]] const std::deque<HttpMessage>& requests() const noexcept { return requests_; }

 private:
  struct Client {
    Line line;
    HttpMessage* request;
    base::Buffer received;
    bool has_switched = false;
    bool is_over = false;
  };
  void poll(Client& client);
  void answer(Client& client);

  std::unique_ptr<Accepting> accepting_;
  std::deque<HttpMessage> requests_;
  std::list<Client> clients_;
  Answer answer_;
};

}  // namespace picket::apps::cli::conform::proxies
