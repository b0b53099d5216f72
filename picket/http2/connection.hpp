#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "picket/base/buffer.hpp"
#include "picket/base/headers.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/http2/error_code.hpp"
#include "picket/http2/frame_budget.hpp"
#include "picket/http2/limits.hpp"
#include "picket/http2/outgoing.hpp"
#include "picket/http2/send_window.hpp"

struct nghttp2_session;

namespace picket::http2 {

namespace internal {
struct Callbacks;
struct Stream;
}  // namespace internal

/// Odd numbers are the client's; 0 is the connection itself.
using StreamId = std::int32_t;

enum class Role : std::uint8_t { client, server };

enum class HeadKind : std::uint8_t {
  head,       ///< Of the request, or of the final response.
  interim,    ///< 1xx, of a response that is still to come.
  trailers,   ///< Behind the body.
  oversized,  ///< Of a request, larger than the limits: none of its fields is kept.
};

/// What a connection tells its owner, out of feed(), gather() and wrote(): a stream may close by what is written. The
/// owner may call the connection meanwhile, but none of these three. Thread safety: called on the thread that calls it.
class Events {
 public:
  /// The first bytes of a head came, the rest may take its time. on_head() follows, unless it is none.
  virtual void on_head_begins(StreamId /*stream*/) {}
  /// A head came. Pseudo-fields stand first, with their colons. `ends`: nothing follows it. Lifetime: the call.
  virtual void on_head(StreamId stream, HeadKind kind, base::Headers fields, bool ends) = 0;
  /// A piece of a body, in what was fed. Give its size back with Connection::taken() once it is done with.
  virtual void on_data(StreamId stream, std::string_view bytes) = 0;
  /// The peer sends nothing more on it.
  virtual void on_end(StreamId stream) = 0;
  /// All that this end sends on the stream stands in frames, its end included.
  virtual void on_sent(StreamId /*stream*/) {}
  /// The stream is over, though bytes of its Outgoing that stand in frames have still to be written: on_closed()
  /// follows once they are.
  virtual void on_cut(StreamId /*stream*/) {}
  /// The stream is over, both ways; its Outgoing is not asked any more. no_error: it came to its end.
  virtual void on_closed(StreamId stream, ErrorCode code) = 0;
  /// The peer takes no streams above `last`.
  virtual void on_goaway(StreamId last, ErrorCode code, std::string_view words) = 0;

 protected:
  ~Events() = default;
};

/// One end of an HTTP/2 connection as bytes: what is read is fed in, what is to be written is gathered. Sans-I/O, over
/// nghttp2, which checks frames, states and fields (RFC 9113).
///
/// Bodies are not copied: DATA frames are written around the pieces of their Outgoing. What the peer may have under way
/// grows only as its owner takes what came.
///
///   connection.feed(bytes, now);                       // events come out of it
///   std::array<iovec, 64> parts;
///   while (connection.has_output()) {
///     const std::size_t count = connection.gather(parts);
///     connection.wrote(written(parts, count));         // events may come out of it, too
///   }
///
/// A client: request(), then resume() whenever its body has grown, finish() at its end. A server: on_head(), then
/// respond(), resume(), finish(). Either: taken() for what on_data() brought, on_closed() as the last word of a stream.
///
/// Thread safety: none; one owner. Lifetime: `events`, and each Outgoing until its on_closed(), outlive the connection.
/// Errors: a stream's end it (on_closed); those of feed() end the connection, whose last words are still gathered.
class Connection {
 public:
  Connection(Role role, const Limits& limits, Events& events);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // ---- bytes
  /// Bytes from the peer. Views of bodies lie in them. After an error nothing is fed any more.
  [[nodiscard]] base::Status feed(std::string_view bytes, base::TimePoint now);
  /// Whether something is to be written.
  [[nodiscard]] bool has_output() const;
  /// Fills `out` with what to write first; returns how many entries it used.
  [[nodiscard]] std::size_t gather(std::span<iovec> out);
  /// The first `size` bytes of what was gathered were written.
  void wrote(std::size_t size);
  /// Both ends have nothing to say any more.
  [[nodiscard]] bool is_over() const;
  /// It was ended for an error, of which the peer is told: what is under way on it comes to nothing.
  [[nodiscard]] bool is_broken() const noexcept { return is_broken_; }
  /// What there was too much of; none where the peer kept to the limits.
  [[nodiscard]] std::optional<Excess> excess() const noexcept { return frames_.excess(); }

  // ---- streams
  /// Begins a request (clients). `body`: null where there is none. Errors: unavailable, where the peer or the limits
  /// take no more streams.
  [[nodiscard]] base::Result<StreamId> request(base::Headers head, Outgoing* body);
  /// Begins a response (servers), or a 1xx before it, which has no body.
  void respond(StreamId stream, base::Headers head, Outgoing* body);
  void respond_interim(StreamId stream, base::Headers head);
  /// Something was added to its Outgoing.
  void resume(StreamId stream);
  /// Nothing more is added: it ends behind what is there, with trailers where there are any.
  void finish(StreamId stream, base::Headers trailers = {});
  /// So many bytes of what on_data() brought are done with: the peer may send as many more.
  void taken(StreamId stream, std::size_t size);
  void reset(StreamId stream, ErrorCode code);
  /// Bytes of its Outgoing that stand in frames and have to be written, whatever becomes of the stream.
  [[nodiscard]] std::size_t promised(StreamId stream) const noexcept;
  /// Whether bodies wait for a larger window though there is some: a frame of next to nothing is not worth it. The
  /// peer gives more as it reads, and they go on by themselves. As it need not, say hurry() where they wait for long.
  [[nodiscard]] bool holds_back() const noexcept { return !held_back_.empty(); }
  /// They take what there is.
  void hurry();

  // ---- the connection
  /// Says that no stream above those that are known is taken any more. With no_error those go on.
  void go_away(ErrorCode code);
  /// Has the peer show that it lives.
  void ping();
  /// Streams that this end may have open at once, as the peer says. Before its settings have come 100, the fewest that
  /// a peer should take (RFC 9113 §6.5.2); afterwards as many as there are numbers, where they do not say.
  [[nodiscard]] std::size_t most_streams() const;
  /// Whether the peer lets its clients ask to speak another protocol on a stream (RFC 8441), by a request with a
  /// `:protocol`. Nothing as long as its settings have not come: nobody may ask before.
  [[nodiscard]] std::optional<bool> takes_extended_connect() const;
  /// Streams that are not over.
  [[nodiscard]] std::size_t streams() const noexcept { return streams_.size(); }

 private:
  friend struct internal::Callbacks;

  /// What is written next: bytes of ours, or of a stream's body.
  struct Piece {
    internal::Stream* stream;  // null: of bytes_
    std::size_t size;
  };

  [[nodiscard]] internal::Stream* find(StreamId id) const noexcept;
  internal::Stream& add(StreamId id);
  void remove_if_over(internal::Stream& stream);
  void queue(std::string_view bytes);
  void forget_written() noexcept;
  void fill();
  [[nodiscard]] bool is_full() const noexcept { return queued_ >= limits_.queued; }
  [[nodiscard]] std::size_t worth_a_frame() const;
  [[nodiscard]] bool lets_out(const internal::Stream& stream) const;
  void pay_for(const internal::Stream& stream, std::size_t size);
  void use_windows(internal::Stream& stream, std::size_t size);
  void resume_held_back(StreamId grown);

  struct Free {
    void operator()(nghttp2_session* session) const noexcept;
  };

  Limits limits_;
  Events& events_;
  base::RecycledMap<StreamId, std::unique_ptr<internal::Stream>> streams_;
  base::Buffer bytes_;         // frames and frame headers that wait
  std::vector<Piece> pieces_;  // no deque: that takes memory anew for every few of them
  std::size_t written_ = 0;    // of pieces_, from the front
  std::size_t queued_ = 0;
  SendWindow window_;  // of the connection
  base::RecycledVector<StreamId> held_back_;
  FrameBudget frames_;  // of the peer's
  bool is_broken_ = false;
  bool has_peers_settings_ = false;
  bool is_client_;
  std::unique_ptr<nghttp2_session, Free> session_;
};

}  // namespace picket::http2
