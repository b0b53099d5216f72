#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/answers/answer_writer.hpp"
#include "apps/gateway/answers/refusal.hpp"
#include "apps/gateway/body/block_pool.hpp"
#include "apps/gateway/body/body_reader.hpp"
#include "apps/gateway/downstream/client_watch.hpp"
#include "apps/gateway/exchange/forwarded_request.hpp"
#include "apps/gateway/generation/service.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/message.hpp"
#include "picket/http/response_reader.hpp"
#include "picket/inspection/inspection.hpp"

namespace picket::apps::gateway::exchange {

class EarlyAnswer;

/// One request from its validated head to its last response byte: agents, upstream, relay, log line.
///
/// Thread safety: its worker's thread. Lifetime: head, stream and buffer outlive it.
class Exchange {
 public:
  /// `listener`: whose client it is; null where the configuration has it no more.
  Exchange(generation::Service& service, transport::Stream& client, base::Buffer& client_buffer,
           const downstream::Peer& peer, const config::Listener* listener, const http::RequestHead& request,
           base::Arena& arena);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();

  /// Serves the request. Whatever happens, the client has been answered or is gone afterwards, the agents have been
  /// told, and the log line is written.
  [[nodiscard]] transport::Task<void> serve();

  /// Nobody will read the answer any more: what is awaited ends.
  void abandon(wire::CancelReason reason);

  /// Whether the client's connection may take another request.
  [[nodiscard]] bool keeps_alive() const noexcept { return keep_alive_; }
  /// Whether the client may still be sending a body that nobody reads, so that the connection must linger.
  [[nodiscard]] bool lingers() const noexcept { return !body_.done() && !client_lost_; }

 private:
  /// How many bytes of a body are too many. Taken once per request: the agents' limits may change while it is read.
  struct BodyLimits {
    std::uint64_t inspect_up_to = 0;
    std::uint64_t refuse_above = 0;
  };

  // Each step returns false where the request has been answered, or cannot be any more.
  void hold_what_came();
  [[nodiscard]] bool hold_more(std::uint64_t bytes);
  void let_body_go() noexcept;
  [[nodiscard]] transport::Task<bool> inspect_head(const config::Route& route);
  [[nodiscard]] transport::Task<bool> take_body();
  [[nodiscard]] transport::Task<bool> hold_body(BodyLimits limits);
  [[nodiscard]] transport::Task<bool> take_verdict(inspection::Verdict verdict);
  [[nodiscard]] transport::Task<bool> continue_if_expected();
  [[nodiscard]] transport::Task<void> forward(const config::Route& route);
  [[nodiscard]] transport::Task<std::optional<upstream::Lease>> send_upstream(upstream::Pool& pool);
  [[nodiscard]] transport::Task<base::Status> ask(upstream::Lease& lease);
  [[nodiscard]] transport::Task<base::Status> send_request(upstream::Lease& lease, EarlyAnswer& early);
  [[nodiscard]] transport::Task<base::Status> stream_body(transport::Stream& upstream, EarlyAnswer& early);
  [[nodiscard]] transport::Task<base::Result<http::ResponseHead>> read_response_head(upstream::Lease& lease,
                                                                                     http::ResponseReader& reader);
  [[nodiscard]] base::Status take_response(const base::Result<http::ResponseHead>& head,
                                           const http::ResponseReader& reader);
  void pass_interim(const http::ResponseHead& interim);
  [[nodiscard]] bool may_ask_again(upstream::Lease& lease, const base::Error& error, upstream::Tried& tried);
  /// Says why an upstream gave no whole answer, and keeps it for the access line.
  void note_upstream_error(std::string_view address, const base::Error& error);
  /// Shows the head of an answer to the agents that want it; false where that ended the exchange.
  [[nodiscard]] transport::Task<bool> inspect_response_head(std::uint16_t status, base::Headers headers);
  [[nodiscard]] transport::Task<void> respond_fixed(const config::FixedAnswer& fixed);
  [[nodiscard]] transport::Task<void> respond(upstream::Lease lease);
  [[nodiscard]] transport::Task<void> relay(upstream::Lease lease, const http::FieldList& fields);
  [[nodiscard]] transport::Task<void> give_up_response(base::Error error, bool has_begun);
  [[nodiscard]] transport::Task<void> answer(inspection::Answer answer, answers::Reason reason = answers::Reason::none);
  [[nodiscard]] transport::Task<void> refuse(answers::Reason reason, std::uint16_t status);
  /// The gateway is the last recipient: Max-Forwards says so.
  [[nodiscard]] transport::Task<void> answer_here();
  /// Answers a request whose body could not be read to its end, where anybody is left to answer.
  [[nodiscard]] transport::Task<void> refuse_unread(const base::Error& error);

  /// Nobody is left to answer, by the client's doing.
  void client_left() noexcept;
  [[nodiscard]] BodyLimits body_limits() const;
  void build_request(base::Buffer& out, const std::string& upstream_address);
  void build_response(base::Buffer& out, const http::FieldList& fields, bool to_chunks);
  [[nodiscard]] answers::AnswerTerms terms();
  void conclude();
  void write_access_line(base::Duration duration);

  generation::Service& service_;
  transport::Stream& client_;
  const http::RequestHead& request_;
  base::Arena& arena_;
  body::BodyReader body_;
  downstream::ClientWatch watch_;  // of the client, while nobody reads from it
  base::CorrelationId id_;
  std::string_view request_id_;
  ForwardedRequest forwarded_;
  std::optional<inspection::Inspection> inspection_;
  base::TimePoint began_;

  // The body, where it came with the head or agents look at it: blocks as read, pieces as they go on.
  std::vector<body::BlockPool::Block> blocks_;
  std::vector<base::ByteView> held_;
  std::uint64_t body_size_ = 0;
  std::uint64_t counted_as_held_ = 0;  // of the worker's budget
  bool body_is_held_ = false;          // all of it, even where there is none of it
  bool request_is_sent_ = false;       // all of it, to the upstream that answers
  bool body_started_ = false;          // bytes of it were taken from the socket to go upstream: no retry
  bool expect_goes_on_ = false;        // the upstream says whether the client is to send its body

  base::Buffer interim_;  // what the client could not take of interim answers yet: goes before the final one
  base::Buffer upstream_buffer_;
  transport::Stream* upstream_ = nullptr;  // while it is waited for: closed when the client goes
  http::ResponseHead response_;

  // For the log.
  std::uint16_t status_ = 0;
  std::uint64_t response_size_ = 0;
  std::string upstream_address_;
  std::string upstream_error_;
  std::string_view decision_ = "allow";
  std::string_view deciding_agent_;
  answers::Reason reason_ = answers::Reason::none;
  std::string_view reason_detail_;
  std::uint32_t attempts_ = 0;
  bool keep_alive_ = true;
  bool client_lost_ = false;
};

}  // namespace picket::apps::gateway::exchange
