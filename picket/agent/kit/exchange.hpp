#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/agent/handler.hpp"

/// For tests of your own handlers: runs one without sockets, in one line per exchange.
///
///   picket::agent::kit::Exchange exchange{handler};
///   EXPECT_EQ(exchange.get("/?q=' or 1=1", {{"host", "a"}}).block_status(), 403);
///
/// It depends on no test framework.
namespace picket::agent::kit {

/// One exchange of a handler under test, on a connection of its own. Its end calls the handler's on_complete, or
/// on_cancel after cancel().
///
/// Thread safety: none.
/// Lifetime: the handler must outlive it.
/// Errors: std::runtime_error for an event that the handler leaves unanswered, and for an answer that it defers and
/// does not complete within 10 s; std::logic_error for a decision that the event cannot honour (Decision::misfit).
class Exchange {
 public:
  using HeaderList = std::vector<std::pair<std::string, std::string>>;

  /// `announced_events`: what Context::announced_events() says.
  explicit Exchange(internal::AnyHandler& handler, std::vector<wire::EventKind> announced_events = {});
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  /// The head of a request, as request() with GET.
  Decision get(std::string_view uri, const HeaderList& headers = {});
  Decision request(std::string_view method, std::string_view uri, const HeaderList& headers = {});
  /// The next chunk of the request's body, or of the response's.
  Decision body(std::string_view data, bool is_last = true);
  Decision response(std::uint16_t status, const HeaderList& headers = {});
  Decision response_body(std::string_view data, bool is_last = true);

  /// What comes of a body that is sent in chunks.
  struct Streamed {
    std::string received;             ///< What the answers let through, in order: the receiver's bytes.
    std::optional<Decision> refusal;  ///< The first answer that is no allow. Nothing was asked after it.
    std::size_t answers = 0;          ///< Chunks that were asked about.
  };
  /// Sends a body of the request, or of the response, in these chunks, the last of them as the last one, and does with
  /// the answers what a proxy does in stream mode: what is allowed goes on, changed as they say, and with needs_more()
  /// waits for a later answer. Errors: as body(), and std::logic_error for needs_more() on the last chunk.
  Streamed stream_body(const std::vector<std::string_view>& chunks);
  Streamed stream_response_body(const std::vector<std::string_view>& chunks);
  /// A body in pieces of `size` bytes, which is not 0; at least one.
  [[nodiscard]] static std::vector<std::string_view> pieces(std::string_view body, std::size_t size);

  Decision websocket_frame(std::string_view data, bool client_to_server = true);
  /// A text for a language model, or with `pii_detection` one from it. `about`: the event's metadata.
  Decision guardrail(std::string_view content, wire::InspectionType type = wire::InspectionType::prompt_injection,
                     wire::TextList categories = {}, wire::TextMap about = {});
  void cancel();
  /// The proxy's configuration for the connection that this exchange is on.
  [[nodiscard]] base::Status configure(const wire::Value& config);

  /// What the handler said to the proxy unasked (Context::proxy(), Context::exchange()), as JSON.
  [[nodiscard]] const std::vector<std::string>& said() const noexcept;

  /// What of the request is not method, URI and headers; change it before request().
  wire::RequestMetadata metadata;

 private:
  class Proxy;
  struct Direction {
    std::uint32_t next_chunk = 0;
    std::uint64_t received = 0;
    std::uint64_t next_frame = 0;
  };
  [[nodiscard]] Reply handle(const session::EventMessage& event);
  using Send = Decision (Exchange::*)(std::string_view data, bool is_last);
  [[nodiscard]] Streamed stream(const std::vector<std::string_view>& chunks, Send send);
  [[nodiscard]] Decision decide(const session::EventMessage& event);

  internal::AnyHandler& handler_;
  internal::ConnectionState connection_;
  internal::ExchangeState state_;
  std::unique_ptr<Proxy> proxy_;
  Direction request_;
  Direction response_;
  std::uint16_t status_ = 0;
  bool over_ = false;
};

}  // namespace picket::agent::kit
