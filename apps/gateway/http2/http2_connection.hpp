#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "apps/gateway/downstream/peer.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/generation/service.hpp"
#include "apps/gateway/http2/http2_client.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/transport/channel.hpp"
#include "picket/transport/http2_link.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::http2 {

/// What a client of HTTP/2 begins with (RFC 9113 §3.4).
inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One client's connection of HTTP/2: an exchange for each of its streams, all at once, up to the listener's
/// max-concurrent-streams. An exchange counts until it is over, whatever its client has reset meanwhile: so nobody has
/// more under way than that (CVE-2023-44487, CVE-2025-8671).
///
/// Thread safety: its worker's. Lifetime: until serve() has ended; the owner, the peer and the listener's name outlive
/// it.
class Http2Connection final : private transport::Http2Link::Owner {
 public:
  /// What serves it, and who is told whether it may be closed for another one's sake.
  class Owner {
   public:
    /// The configuration that a request is served by which comes now.
    [[nodiscard]] virtual const std::shared_ptr<generation::Service>& service() const noexcept = 0;
    /// Nothing is under way on it.
    virtual void on_idle() = 0;
    /// The first request of several, or of the connection, has come.
    virtual void on_busy() = 0;

   protected:
    ~Owner() = default;
  };

  /// `listener`: the address that the client came to.
  Http2Connection(Owner& owner, transport::Channel channel, const downstream::Peer& peer, std::string_view listener);
  Http2Connection(const Http2Connection&) = delete;
  Http2Connection& operator=(const Http2Connection&) = delete;
  ~Http2Connection();

  /// Serves until either side closes. `already_read`: what was read of the connection, from the preface on.
  [[nodiscard]] transport::Task<void> serve(base::Buffer already_read);
  /// Takes no new request: GOAWAY, and an end once what is under way is over.
  void drain();
  /// Ends it now; exchanges are told that their client is gone.
  void close();
  /// The same, for the process's sake.
  void abort();

 private:
  struct Stream;
  /// When the client of a stream is told that nobody reads the rest of its request.
  struct NotWanted {
    picket::http2::StreamId id = 0;
    base::TimePoint due;
  };
  /// How far its end is.
  enum class Phase : std::uint8_t {
    open,
    leaving,    ///< GOAWAY was said; what is under way goes on.
    lingering,  ///< Nothing is sent any more: the client is to read what is on its way, and to close.
    over,
  };

  void on_connected() override {}
  void on_head_begins(picket::http2::StreamId id) override;
  void on_head(picket::http2::StreamId id, picket::http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(picket::http2::StreamId id, std::string_view bytes) override;
  void on_end(picket::http2::StreamId id) override;
  void on_sent(picket::http2::StreamId id) override;
  void on_cut(picket::http2::StreamId id) override;
  void on_closed(picket::http2::StreamId id, picket::http2::ErrorCode code) override;
  void on_goaway(picket::http2::StreamId, picket::http2::ErrorCode, std::string_view) override {}
  void on_over(const base::Error& reason) override;

  [[nodiscard]] Stream* find(picket::http2::StreamId id) const noexcept;
  [[nodiscard]] transport::Task<void> serve_stream(Stream& stream);
  [[nodiscard]] transport::Task<bool> serve_exchange(Stream& stream);
  [[nodiscard]] transport::Task<void> refuse(Stream& stream);
  void served(Stream& stream, bool is_answered);
  void rest_is_not_wanted(picket::http2::StreamId id);
  void say_not_wanted(base::TimePoint now);
  [[nodiscard]] base::TimePoint when_all_is_said() const;
  void became_idle();
  void is_over();
  static void on_due(void* self, base::TimePoint now);
  static void on_head_due(void* self, base::TimePoint now);
  static void on_not_wanted_due(void* self, base::TimePoint now);

  Owner& owner_;
  const downstream::Peer& peer_;
  std::string_view listener_;
  transport::Worker& worker_;
  std::size_t most_exchanges_;
  std::shared_ptr<transport::Http2Link> link_;
  base::RecycledMap<picket::http2::StreamId, std::unique_ptr<Stream>> streams_;
  std::size_t exchanges_ = 0;                  // that are not over
  base::Timer timer_;                          // of who is idle, or lingers
  base::Timer head_timer_;                     // of a head that has begun while exchanges are under way
  picket::http2::StreamId head_ = 0;           // whose that is
  base::RecycledDeque<NotWanted> not_wanted_;  // answered, and their clients may still send
  base::Timer not_wanted_timer_;               // when those are told
  transport::Resumption end_;
  Phase phase_ = Phase::open;
  std::uint64_t requests_ = 0;
};

}  // namespace picket::apps::gateway::http2
