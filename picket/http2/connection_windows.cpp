#include <algorithm>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "picket/http2/connection.hpp"
#include "picket/http2/internal/stream.hpp"

/// What the peer's windows let out of a connection's bodies.
namespace picket::http2 {
namespace {

// Bytes that a receiver may take before it gives its window back, of the stream and of the connection.
constexpr std::size_t bytes_per_update = 2048;
constexpr std::size_t updates_of(std::size_t size) { return 2 + size / bytes_per_update; }

/// What the peer lets this end send, of the connection and of one stream.
struct Windows {
  std::size_t connection;
  std::size_t stream;
};

Windows windows_of(nghttp2_session* session, StreamId id) {
  return {static_cast<std::size_t>(std::max(nghttp2_session_get_remote_window_size(session), 0)),
          static_cast<std::size_t>(std::max(nghttp2_session_get_stream_remote_window_size(session, id), 0))};
}

}  // namespace

using internal::Stream;

std::size_t Connection::worth_a_frame() const {
  return SendWindow::worth_a_frame(
      nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE));
}

/// Whether the next frame of its body, which has one, may leave: all that is there, or what is worth it.
bool Connection::lets_out(const Stream& stream) const {
  const auto [ours, its] = windows_of(session_.get(), stream.id);
  const std::size_t worth = worth_a_frame();
  const bool is_cut = stream.body->size() - stream.promised > std::min(ours, its);
  return !is_cut || (window_.lets_out(ours, worth) && stream.window.lets_out(its, worth));
}

/// A frame of `size` leaves.
void Connection::use_windows(Stream& stream, std::size_t size) {
  stream.promised += size;
  if (size == 0) return;
  pay_for(stream, size);
  const auto [ours, its] = windows_of(session_.get(), stream.id);
  const std::size_t worth = worth_a_frame();
  window_.use(size, ours, worth);
  stream.window.use(size, its, worth);
}

/// The peer may give the window back. That of the last bytes of a window, too, as there were more before them.
void Connection::pay_for(const Stream& stream, std::size_t size) {
  const bool is_cut = stream.body->size() > stream.promised;
  const bool is_by_the_way = worth_a_frame() != 0 && !window_.is_hurried() && !stream.window.is_hurried();
  if (size < SendWindow::worth_an_update && is_cut && !is_by_the_way) return;
  frames_.count_useful(updates_of(size));
  frames_.expect(updates_of(size));
}

/// `grown`: whose window has; 0: that of all.
void Connection::resume_held_back(StreamId grown) {
  std::erase_if(held_back_, [this, grown](StreamId id) {
    if ((grown != 0 && grown != id) || !lets_out(*find(id))) return false;
    nghttp2_session_resume_data(session_.get(), id);
    return true;
  });
}

void Connection::hurry() {
  window_.hurry();
  for (const StreamId id : held_back_) {
    find(id)->window.hurry();
    nghttp2_session_resume_data(session_.get(), id);
  }
  held_back_.clear();
}

}  // namespace picket::http2
