#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <boost/intrusive/list.hpp>

#include "apps/gateway/downstream/admission.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/http2/http2_connection.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/recycled_memory.hpp"
#include "picket/http/request_head.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/tls/layer.hpp"

namespace picket::apps::gateway::serving {

class Shard;
struct Siblings;

/// What makes a connection one of its client's that wait for a request.
using OfClientHook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct OfClient>>;

/// One client's connection: shakes hands where it is of TLS, reads heads, refuses what is ambiguous, serves one
/// exchange after the other in the order in which they came; or hands over to an http2::Http2Connection. Each exchange
/// keeps the configuration that is in use when its head has arrived; between them the connection keeps none, so that an
/// idle client does not hold an old one and its agents. Most clients are idle, so what only a request needs is made
/// when one begins, and gone at its end. Thread safety: its shard's thread. Lifetime: until serve() has ended.
class ClientConnection final : public base::Recycled,
                               public boost::intrusive::list_base_hook<>,
                               public OfClientHook,
                               private http2::Http2Connection::Owner {
 public:
  /// `listener`: the address that the client came to, as its listener has it.
  ClientConnection(Shard& shard, std::string_view listener, const transport::Accepted& accepted);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection();

  /// The client was gone before it was accepted: what it sent is there, and nobody is to read an answer.
  [[nodiscard]] bool is_gone() const;
  /// Serves until either side closes.
  [[nodiscard]] transport::Task<void> serve();

  /// Says 503 to a client that has no place, in place of serving it. `lingers`: reads on for a moment, without which a
  /// client that has sent its request already may not get to read it.
  [[nodiscard]] transport::Task<void> turn_away(bool lingers);

  [[nodiscard]] const downstream::Peer& peer() const noexcept { return peer_; }
  [[nodiscard]] const std::string& listener() const noexcept { return listener_; }
  /// It is one of so many that its client may have, until it is evicted. `siblings`: null where they are not counted.
  void hold(downstream::Admission::Place place, Siblings* siblings) {
    place_.emplace(std::move(place));
    siblings_ = siblings;
  }
  [[nodiscard]] Siblings* siblings() const noexcept { return siblings_; }
  [[nodiscard]] bool is_waiting() const noexcept { return boost::intrusive::list_base_hook<>::is_linked(); }
  /// Whether a request has been served on it.
  [[nodiscard]] bool was_served() const noexcept { return served_ != 0; }
  /// Closes it, which waits for a request, for another one's sake.
  void evict() noexcept;
  [[nodiscard]] bool is_evicted() const noexcept { return is_evicted_; }
  /// Closes it where no request has begun to arrive, and has it end after what is under way otherwise.
  void drain() noexcept;
  /// Ends it whatever it is doing: agents are told.
  void abort();

 private:
  /// Whether the client is known: at once, unless a proxy has to name it first.
  [[nodiscard]] transport::Task<bool> hear_proxy();
  /// Whether the client may be served: at once in clear, else after the handshake.
  [[nodiscard]] transport::Task<bool> secure();
  /// Counts it, and tells the client where that has a chance to be understood.
  [[nodiscard]] transport::Task<void> refuse_handshake(const base::Error& error);
  /// Whether the client begins as one of HTTP/2 does, where its listener takes that; reads as much as that needs.
  [[nodiscard]] transport::Task<bool> begins_as_http2();
  [[nodiscard]] transport::Task<void> serve_http2();
  [[nodiscard]] const std::shared_ptr<generation::Service>& service() const noexcept override;
  /// Those of its listener, as the configuration has them now.
  [[nodiscard]] const config::Listener& settings() const noexcept { return service()->listener(listener_); }
  void on_idle() override;
  void on_busy() override;
  [[nodiscard]] base::TimePoint now() const noexcept;
  /// When the next request has to have begun.
  [[nodiscard]] base::Deadline patience() const noexcept;
  /// Whether a request has begun in what was read.
  [[nodiscard]] bool has_begun() noexcept;
  /// Waits for the first bytes of one, and reads them. Closes the stream where none come.
  [[nodiscard]] transport::Task<void> rest();
  /// Reads the rest of its head and serves it. Closes the stream where no other may follow.
  [[nodiscard]] transport::Task<void> serve_next();
  /// Nothing where the client is gone or too slow.
  [[nodiscard]] transport::Task<std::optional<http::RequestRead>> read_head(base::Arena& arena);
  /// Serves one request. Returns whether the connection may take another.
  [[nodiscard]] transport::Task<bool> serve_request(const http::RequestHead& request, base::Arena& arena);
  [[nodiscard]] transport::Task<void> refuse(const http::HeadError& error, base::Arena& arena);
  /// Reads on for a moment, so that the client reads the answer before it learns that its connection is closed.
  [[nodiscard]] transport::Task<void> linger();
  [[nodiscard]] std::unique_ptr<transport::Layer> make_layer();

  Shard& shard_;
  std::string listener_;
  downstream::Peer peer_;     // the client, once a proxy has named it
  bool has_proxy_;            // a trusted one, which names the client before its first byte
  bool has_skipped_ = false;  // the one empty line that may stand before a request
  bool is_evicted_ = false;
  generation::TlsContext tls_context_;       // null: in clear
  transport::tls::TlsLayer* tls_ = nullptr;  // the stream's, until a handshake has failed
  transport::Stream stream_;
  std::optional<downstream::Admission::Place> place_;
  Siblings* siblings_ = nullptr;
  base::Buffer buffer_;
  exchange::Exchange* exchange_ = nullptr;         // the one under way, of HTTP/1.x
  std::unique_ptr<http2::Http2Connection> http2_;  // null: it speaks HTTP/1.x
  base::TimePoint since_;                          // accepted, past the handshake, or done with its last request
  std::uint64_t served_ = 0;                       // requests; of HTTP/2: times that it began to be busy
};

/// The connections of one client to one worker.
struct Siblings {
  std::string client;                                                                           ///< Its address.
  boost::intrusive::list<ClientConnection, boost::intrusive::base_hook<OfClientHook>> waiting;  ///< The longest first.
  std::size_t count = 0;
};

}  // namespace picket::apps::gateway::serving
