#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "apps/gateway/asking/stream_bytes.hpp"
#include "apps/gateway/asking/stream_wait.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/base/shared_bytes.hpp"
#include "picket/http/message.hpp"
#include "picket/http2/connection.hpp"
#include "picket/http2/outgoing.hpp"

namespace picket::apps::gateway::asking {

class UpstreamConnection;

/// One stream of a connection to an upstream, as it is on the way: what came of the answer and was not read, which
/// counts as held, and what of the request stands to be written, from where it is. Who waits for either waits here.
///
/// Thread safety: its worker's. Lifetime: its connection's, until the stream is closed and nobody asks on it any more.
class UpstreamStream final : public picket::http2::Outgoing, public base::Recycled {
 public:
  /// How far the answer is.
  enum class Answer : std::uint8_t {
    awaited,  ///< Nothing of it has come but interim ones.
    begun,    ///< Its head is there.
    whole,    ///< So is its end.
    failed,   ///< There is nothing more to be had: why_failed().
  };

  UpstreamStream(UpstreamConnection& connection, transport::Worker& worker, bool to_head,
                 exchange::UpstreamListener& listener);
  ~UpstreamStream() = default;

  // ---- what the connection tells it
  void take_head(picket::http2::HeadKind kind, const base::Headers& fields, bool ends);
  void take_data(std::string_view bytes);
  void take_end();
  void take_close(picket::http2::ErrorCode code);
  /// The connection has ended.
  void lose(const base::Error& why);

  picket::http2::StreamId id = 0;
  bool is_closed = false;
  bool is_released = false;  ///< Nobody asks on it any more.
  bool has_ended = false;    ///< The request's end is to be written behind what was offered.

  // ---- the answer
  [[nodiscard]] Answer answer() const noexcept { return answer_; }
  [[nodiscard]] const http::ResponseHead& head() const noexcept { return head_; }
  [[nodiscard]] const base::Error& why_failed() const noexcept { return *error_; }
  [[nodiscard]] bool has_bytes() const noexcept { return !unread_.empty(); }
  /// Where bytes that come go, as StreamBytes has it: until they are read, or awaited no more.
  void await_bytes(std::span<char> into) noexcept { unread_.await(into); }
  void await_no_bytes() { unread_.await_no_more(); }
  [[nodiscard]] std::size_t read(std::span<char> into);
  [[nodiscard]] base::Headers trailers() const noexcept {
    return base::Headers{std::span<const base::Header>{trailers_.items()}};
  }
  StreamWait reading;

  // ---- the request
  /// Bytes to write, which stay where they are until they are written, or kept.
  void offer(std::span<const base::SharedBytes> pieces);
  /// The same of bytes that are copied, where nothing else is to be written.
  void offer_copy(std::string_view bytes);
  /// The memory of what was offered goes: `promised` bytes of it have to be written all the same.
  void keep(std::size_t promised);
  /// Nobody wants the answer any more, nor to write: who waits goes on.
  void stop() noexcept;
  void release();
  StreamWait writing;

  // ---- picket::http2::Outgoing
  [[nodiscard]] std::size_t size() const noexcept override { return unwritten_; }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override;
  void consume(std::size_t size) override;

 private:
  void fail_with(base::Error why);
  void refuse(base::Error why, picket::http2::ErrorCode code = picket::http2::ErrorCode::protocol_error);
  void done_with(std::size_t size);

  UpstreamConnection& connection_;
  exchange::UpstreamListener& listener_;
  const bool to_head_;
  base::Arena arena_{2048};
  http::ResponseHead head_;
  base::ArenaList<base::Header> trailers_{arena_};
  std::optional<base::Error> error_;
  StreamBytes unread_;
  base::RecycledVector<std::string_view> parts_;  // to write; the first `written_` bytes are
  std::size_t written_ = 0;
  std::size_t unwritten_ = 0;
  base::Buffer kept_;
  int interims_ = 0;
  Answer answer_ = Answer::awaited;
};

}  // namespace picket::apps::gateway::asking
