#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/agent/handler.hpp"

/// Runs a handler without sockets, in one line per exchange:
///
///   picket::agent::testing::Exchange exchange{handler};
///   EXPECT_EQ(exchange.get("/?q=' or 1=1", {{"host", "a"}}).block_status(), 403);
namespace picket::agent::testing {

/// One exchange of a handler under test. Its end calls the handler's on_complete, or on_cancel after cancel().
/// Thread safety: none. A handler that defers is waited for, at most 10 s; std::runtime_error is thrown then, and for
/// an event that it leaves unanswered.
class Exchange {
 public:
  using HeaderList = std::vector<std::pair<std::string, std::string>>;

  explicit Exchange(Handler& handler, std::vector<wire::EventKind> announced_events = {});
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  Decision get(std::string_view uri, const HeaderList& headers = {});
  Decision request(std::string_view method, std::string_view uri, const HeaderList& headers = {});
  Decision body(std::string_view data, bool is_last = true);
  Decision response(std::uint16_t status, const HeaderList& headers = {});
  void cancel();
  /// The proxy's configuration for the connection that this exchange is on, which is its own.
  [[nodiscard]] base::Status configure(const wire::Value& config);

  /// What of the request is not method, URI and headers; change it before request().
  wire::RequestMetadata metadata;

 private:
  class Completions;
  Decision take(Reply reply);

  Handler& handler_;
  ConnectionState connection_;
  ExchangeState state_;
  std::unique_ptr<Completions> completions_;
  std::uint32_t next_chunk_ = 0;
  std::uint64_t received_ = 0;
  std::uint16_t status_ = 0;
  bool over_ = false;
};

}  // namespace picket::agent::testing
