#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "apps/gateway/asking/upstream_stream.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "apps/gateway/upstream/shared_connection.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/http2/connection.hpp"
#include "picket/transport/http2_link.hpp"

namespace picket::apps::gateway::asking {

/// One connection to an upstream that speaks HTTP/2: a stream for each request.
///
/// What an upstream may cost is bounded: bytes of answers that nobody reads (windows, max-held-bytes), heads, and
/// frames that bring nothing (picket::http2::Limits). One that is silent is asked for a sign of life when somebody
/// begins to ask, or waited in vain, and is given up without. Thread safety: its worker's. Lifetime: shared
/// (SharedConnection); outlives who asks on it.
class UpstreamConnection final : public upstream::SharedConnection, private transport::Http2Link::Owner {
 public:
  UpstreamConnection(transport::Worker& worker, upstream::Socket socket);
  ~UpstreamConnection() override;

  [[nodiscard]] std::size_t room() const noexcept override;
  [[nodiscard]] std::optional<std::size_t> most() const noexcept override;
  [[nodiscard]] bool is_open() const noexcept override { return phase_ == Phase::open; }
  [[nodiscard]] bool is_over() const noexcept { return phase_ == Phase::over; }
  [[nodiscard]] std::string_view scheme() const noexcept { return scheme_; }
  [[nodiscard]] transport::Worker& worker() const noexcept { return worker_; }

  /// Begins a request. `has_body`: more of it may be written. Errors: unavailable where it takes no more.
  [[nodiscard]] base::Result<UpstreamStream*> open(base::Headers head, bool has_body, bool to_head,
                                                   exchange::UpstreamListener& listener);
  /// Whether a WebSocket may be asked for (RFC 8441); nothing as long as the upstream has not said so.
  [[nodiscard]] std::optional<bool> takes_websockets() const { return link_->connection().takes_extended_connect(); }
  /// `wait`, which is awaited next, is woken once it has, or never will. Say forget() behind that, whoever woke it:
  /// until then it counts as a request.
  void await_settings(StreamWait& wait) { awaiting_settings_.push_back(&wait); }
  void forget(StreamWait& wait) noexcept { std::erase(awaiting_settings_, &wait); }
  /// Nobody asks on that stream any more: it is gone once what stands in frames of it is written. One whose ends are
  /// said, or will be (`has_last_word`), ends by itself; others are reset.
  void release(UpstreamStream& stream, bool has_last_word = false);

  // ---- what streams want of it
  /// There is something to write of it. `last`: its end, behind that, with these trailers.
  void push(UpstreamStream& stream, bool last, base::Headers trailers);
  void reset(picket::http2::StreamId id, picket::http2::ErrorCode code);
  void taken(picket::http2::StreamId id, std::size_t size);
  [[nodiscard]] std::size_t promised(picket::http2::StreamId id) { return link_->connection().promised(id); }
  /// It was waited for in vain: is anybody there?
  void probe();

 private:
  using Streams = base::RecycledMap<picket::http2::StreamId, std::unique_ptr<UpstreamStream>>;
  enum class Phase : std::uint8_t {
    open,
    leaving,  ///< It takes no new requests; those under way go on.
    over,
  };

  void on_connected() override {}
  void before_answering() override;
  void on_head(picket::http2::StreamId id, picket::http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(picket::http2::StreamId id, std::string_view bytes) override;
  void on_end(picket::http2::StreamId id) override;
  void on_cut(picket::http2::StreamId id) override;
  void on_closed(picket::http2::StreamId id, picket::http2::ErrorCode code) override;
  void on_goaway(picket::http2::StreamId last, picket::http2::ErrorCode code, std::string_view words) override;
  void on_over(const base::Error& reason) override;
  static void on_silence(void* self, base::TimePoint now);
  [[nodiscard]] UpstreamStream* find(picket::http2::StreamId id) const noexcept;
  void wake_for_settings() noexcept;
  [[nodiscard]] std::size_t streams_at_once() const noexcept;

  transport::Worker& worker_;
  upstream::SocketBudget::Place place_;
  upstream::ConnectionPlaces::Place upstream_place_;
  std::string_view scheme_;
  std::shared_ptr<transport::Http2Link> link_;
  Streams streams_;
  base::RecycledVector<StreamWait*> awaiting_settings_;
  base::TimePoint heard_;  // when it last said something
  base::Timer silence_;    // while a sign of life is waited for
  Phase phase_ = Phase::open;
};

}  // namespace picket::apps::gateway::asking
