#pragma once

#include <memory>
#include <unordered_map>

#include "apps/gateway/asking/upstream_stream.hpp"
#include "apps/gateway/upstream/pool.hpp"
#include "apps/gateway/upstream/shared_connection.hpp"
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
  [[nodiscard]] bool is_open() const noexcept override { return phase_ == Phase::open; }
  [[nodiscard]] std::string_view scheme() const noexcept { return scheme_; }

  /// Begins a request. `has_body`: more of it may be written. Errors: unavailable where it takes no more.
  [[nodiscard]] base::Result<UpstreamStream*> open(base::Headers head, bool has_body, bool to_head,
                                                   exchange::UpstreamListener& listener);
  /// Nobody asks on that stream any more: it is gone once what stands in frames of it is written.
  void release(UpstreamStream& stream);

  // ---- what streams want of it
  /// There is something to write of it. `last`: its end, behind that, with these trailers.
  void push(UpstreamStream& stream, bool last, base::Headers trailers);
  void reset(picket::http2::StreamId id, picket::http2::ErrorCode code);
  void taken(picket::http2::StreamId id, std::size_t size);
  [[nodiscard]] std::size_t promised(picket::http2::StreamId id) { return link_->connection().promised(id); }
  /// It was waited for in vain: is anybody there?
  void probe();

 private:
  using Streams = std::unordered_map<picket::http2::StreamId, std::unique_ptr<UpstreamStream>>;
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

  transport::Worker& worker_;
  upstream::SocketBudget::Place place_;
  upstream::ConnectionPlaces::Place upstream_place_;
  std::string_view scheme_;
  std::shared_ptr<transport::Http2Link> link_;
  Streams streams_;
  base::TimePoint heard_;  // when it last said something
  base::Timer silence_;    // while a sign of life is waited for
  Phase phase_ = Phase::open;
};

}  // namespace picket::apps::gateway::asking
