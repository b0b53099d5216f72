#include "picket/http2/connection.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <nghttp2/nghttp2.h>

#include "picket/http2/internal/memory.hpp"
#include "picket/http2/internal/stream.hpp"

namespace picket::http2 {
namespace {

using base::ErrorKind;
using base::fail;

// What RFC 9113 §6.5.2 adds to name and value of each field.
constexpr std::size_t field_overhead = 32;
// That a stream takes whatever is sent on it: gRPC and Firefox raise its window as they begin it, gRPC that of the
// connection, too; browsers change its priority as the page is laid out and as tabs come and go.
constexpr std::size_t frames_of_a_stream = 4;
// PRIORITY_UPDATE (RFC 9218 §7.1), which nothing here depends on.
constexpr std::uint8_t priority_update = 0x10;
// Of a head: a list that grows to them from one moves four times.
constexpr std::size_t usual_fields = 16;
// Iovecs that one look at a body fills.
constexpr std::size_t parts_of_a_body = 64;
// What a block of fields may take that is sent: more than the largest head that any limit lets through, with what
// agents and routes add. Of nghttp2's own 64 KiB each field takes 12 beside its text.
constexpr std::size_t largest_block = std::size_t{4} * 1024 * 1024;
// Pieces that are written before the rest of a list that is never empty moves up.
constexpr std::size_t most_written = 64;

/// Field lines for nghttp2, which copies them.
base::RecycledVector<nghttp2_nv> lines(base::Headers fields) {
  base::RecycledVector<nghttp2_nv> result;
  result.reserve(fields.size());
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));  // it is only read
  };
  for (const base::Header& field : fields)
    result.push_back(
        {bytes(field.name), bytes(field.value), field.name.size(), field.value.size(), NGHTTP2_NV_FLAG_NONE});
  return result;
}

/// A frame that may bring nothing, as what there may be too much of.
Excess excess_of(std::uint8_t frame_type) noexcept {
  switch (frame_type) {
    case NGHTTP2_RST_STREAM: return Excess::streams;
    case NGHTTP2_PING: return Excess::pings;
    default: return Excess::invalid_frames;
  }
}

/// What nghttp2 stopped by a bound of its own; nothing where it did not.
std::optional<Excess> excess_of(ssize_t outcome) noexcept {
  switch (outcome) {
    case NGHTTP2_ERR_FLOODED: return Excess::pings;  // acknowledgements that the peer does not read
    case NGHTTP2_ERR_TOO_MANY_SETTINGS: return Excess::settings;
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS: return Excess::header_blocks;
    default: return std::nullopt;
  }
}

base::Error describe(int outcome) {
  return fail(ErrorKind::invalid_message, fmt::format("HTTP/2: {}", nghttp2_strerror(outcome)));
}

}  // namespace

namespace internal {

/// What nghttp2 calls.
struct Callbacks {
  static Connection& of(void* user) noexcept { return *static_cast<Connection*>(user); }

  static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Connection& connection = of(user);
    Stream* stream = connection.find(frame->hd.stream_id);
    if (stream == nullptr) {
      stream = &connection.add(frame->hd.stream_id);
      connection.frames_.count_idle(Excess::streams);  // given back when it comes to its end
      connection.frames_.expect(frames_of_a_stream);
    }
    stream->arena.reset();
    stream->fields.clear();
    stream->fields.reserve(usual_fields);
    stream->head_size = 0;
    stream->is_oversized = false;
    connection.events_.on_head_begins(frame->hd.stream_id);
    return 0;
  }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size,
                       const std::uint8_t* value, std::size_t value_size, std::uint8_t, void* user) {
    Connection& connection = of(user);
    Stream* const stream = connection.find(frame->hd.stream_id);
    if (stream == nullptr) return 0;
    stream->head_size += name_size + value_size + field_overhead;
    if (stream->head_size > connection.limits_.head_size) return exceed(connection, *stream);
    stream->fields.push_back({stream->arena.copy({reinterpret_cast<const char*>(name), name_size}),
                              stream->arena.copy({reinterpret_cast<const char*>(value), value_size})});
    return 0;
  }

  /// A request that is too large can be told so; what else is ends its stream.
  static int exceed(Connection& connection, Stream& stream) {
    if (connection.is_client_ || stream.has_request) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (!std::exchange(stream.is_oversized, true)) connection.frames_.count_oversized();
    stream.fields.clear();
    return 0;
  }

  /// nghttp2 would leave the field out (RFC 9113 §8.1.1: the message is malformed).
  static int on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                               const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    Connection& connection = of(user);
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS: on_head(connection, *frame); break;
      case NGHTTP2_DATA: on_data_frame(connection, *frame); break;
      case NGHTTP2_GOAWAY:
        connection.events_.on_goaway(
            frame->goaway.last_stream_id, static_cast<ErrorCode>(frame->goaway.error_code),
            {reinterpret_cast<const char*>(frame->goaway.opaque_data), frame->goaway.opaque_data_len});
        connection.frames_.count_idle(Excess::invalid_frames);
        break;
      case NGHTTP2_SETTINGS:
        connection.frames_.count_idle(Excess::settings);
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) connection.has_peers_settings_ = true;
        connection.resume_held_back(0);
        break;
      case NGHTTP2_WINDOW_UPDATE:
        connection.frames_.count_expected(Excess::window_updates);
        connection.resume_held_back(frame->hd.stream_id);
        break;
      case NGHTTP2_PRIORITY: connection.frames_.count_expected(Excess::priorities); break;
      default: connection.frames_.count_idle(excess_of(frame->hd.type));
    }
    return connection.frames_.excess() ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  static void on_head(Connection& connection, const nghttp2_frame& frame) {
    Stream* const stream = connection.find(frame.hd.stream_id);
    if (stream == nullptr) return;
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    connection.events_.on_head(stream->id, kind_of(connection, *stream), base::Headers(stream->fields), ends);
    if (ends) connection.events_.on_end(frame.hd.stream_id);
  }

  static HeadKind kind_of(const Connection& connection, Stream& stream) {
    bool& has_head = connection.is_client_ ? stream.has_response : stream.has_request;
    if (has_head) return HeadKind::trailers;
    if (stream.is_oversized) {
      has_head = true;
      return HeadKind::oversized;
    }
    const auto status = base::Headers(stream.fields).find(":status");
    if (connection.is_client_ && status && status->starts_with('1')) return HeadKind::interim;
    has_head = true;
    return HeadKind::head;
  }

  static void on_data_frame(Connection& connection, const nghttp2_frame& frame) {
    const bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame.hd.length == frame.data.padlen && !ends) connection.frames_.count_idle(Excess::empty_frames);
    if (ends) connection.events_.on_end(frame.hd.stream_id);
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size,
                     void* user) {
    Connection& connection = of(user);
    if (connection.find(id) == nullptr) return 0;
    // A server's bytes are what was asked for, however few. Of a client's a few pay for nothing: it may end the stream.
    connection.frames_.count_useful(connection.is_client_ ? 1 : size / SendWindow::worth_an_update);
    connection.events_.on_data(id, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int on_stream_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    Connection& connection = of(user);
    Stream* const stream = connection.find(id);
    if (stream == nullptr) return 0;
    stream->has_closed = true;
    stream->code = static_cast<ErrorCode>(code);
    std::erase(connection.held_back_, id);
    if (stream->code == ErrorCode::no_error) connection.frames_.count_useful(1);
    if (stream->promised != 0) connection.events_.on_cut(id);
    connection.remove_if_over(*stream);
    return 0;
  }

  static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    of(user).frames_.count_idle(Excess::invalid_frames);
    return of(user).frames_.excess() ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
  }

  /// Of a type that nobody here knows: passed over (RFC 9113 §5.5), and counted.
  static int on_unknown_frame(nghttp2_session*, void**, const nghttp2_frame_hd* head, void* user) {
    if (head->type == priority_update) {
      of(user).frames_.count_expected(Excess::priorities);
    } else {
      of(user).frames_.count_idle(Excess::invalid_frames);
    }
    return of(user).frames_.excess() ? NGHTTP2_ERR_CALLBACK_FAILURE : NGHTTP2_ERR_CANCEL;
  }

  static int on_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR) of(user).is_broken_ = true;
    const bool may_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) of(user).events_.on_sent(frame->hd.stream_id);
    return 0;
  }

  /// nghttp2 would say nothing of a head or trailers that it does not send, and the peer wait for ever. It closes
  /// streams by itself whose request has not left.
  static int on_frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat == NGHTTP2_HCAT_REQUEST) return 0;
    const Stream* const stream = of(user).find(frame->hd.stream_id);
    if (stream != nullptr && !stream->has_closed) of(user).reset(stream->id, ErrorCode::internal_error);
    return 0;
  }

  static ssize_t send(nghttp2_session*, const std::uint8_t* bytes, std::size_t size, int, void* user) {
    Connection& connection = of(user);
    if (connection.is_full()) return NGHTTP2_ERR_WOULDBLOCK;
    connection.queue({reinterpret_cast<const char*>(bytes), size});
    return static_cast<ssize_t>(size);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header, std::size_t size,
                       nghttp2_data_source* source, void* user) {
    constexpr std::size_t header_size = 9;
    Connection& connection = of(user);
    if (connection.is_full()) return NGHTTP2_ERR_WOULDBLOCK;
    connection.queue({reinterpret_cast<const char*>(header), header_size});
    if (size == 0) return 0;
    auto& stream = *static_cast<Stream*>(source->ptr);
    connection.pieces_.push_back({&stream, size});
    connection.queued_ += size;
    return 0;
  }

  /// How much of a body goes into the next frame.
  static ssize_t read_body(nghttp2_session* session, std::int32_t, std::uint8_t*, std::size_t most,
                           std::uint32_t* flags, nghttp2_data_source* source, void* user) {
    Connection& connection = of(user);
    auto& stream = *static_cast<Stream*>(source->ptr);
    const std::size_t there = stream.body == nullptr ? 0 : stream.body->size() - stream.promised;
    const std::size_t size = std::min(there, most);
    if (size == there && stream.ending != Stream::Ending::open) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (stream.ending == Stream::Ending::trailers) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto fields = lines(base::Headers(stream.trailers));
        nghttp2_submit_trailer(session, stream.id, fields.data(), fields.size());
      }
    } else if (size == 0) {
      stream.is_waiting = true;
      return NGHTTP2_ERR_DEFERRED;
    } else if (!connection.lets_out(stream)) {
      connection.held_back_.push_back(stream.id);
      return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    connection.use_windows(stream, size);
    return static_cast<ssize_t>(size);
  }

  /// As large a frame as both ends allow.
  static ssize_t frame_size(nghttp2_session*, std::uint8_t, std::int32_t, std::int32_t connection_window,
                            std::int32_t stream_window, std::uint32_t peers_limit, void*) {
    const std::int32_t window = std::min(connection_window, stream_window);
    return std::min<ssize_t>(window, static_cast<ssize_t>(peers_limit));
  }

  static nghttp2_data_provider provider(Stream& stream) {
    nghttp2_data_provider result{};
    result.source.ptr = &stream;
    result.read_callback = &read_body;
    return result;
  }
};

}  // namespace internal

using internal::Callbacks;
using internal::Stream;

namespace {

struct FreeCallbacks {
  void operator()(nghttp2_session_callbacks* callbacks) const noexcept { nghttp2_session_callbacks_del(callbacks); }
};
struct FreeOption {
  void operator()(nghttp2_option* option) const noexcept { nghttp2_option_del(option); }
};

}  // namespace

void Connection::Free::operator()(nghttp2_session* session) const noexcept { nghttp2_session_del(session); }

Connection::Connection(Role role, const Limits& limits, Events& events)
    : limits_(limits), events_(events), frames_(limits.idle_frames), is_client_(role == Role::client) {
  nghttp2_session_callbacks* made = nullptr;
  nghttp2_session_callbacks_new(&made);
  const std::unique_ptr<nghttp2_session_callbacks, FreeCallbacks> callbacks(made);
  nghttp2_session_callbacks_set_on_begin_headers_callback(made, &Callbacks::on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(made, &Callbacks::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(made, &Callbacks::on_frame);
  nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, &Callbacks::on_invalid_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, &Callbacks::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(made, &Callbacks::on_stream_close);
  nghttp2_session_callbacks_set_on_invalid_header_callback(made, &Callbacks::on_invalid_header);
  nghttp2_session_callbacks_set_on_frame_send_callback(made, &Callbacks::on_frame_sent);
  nghttp2_session_callbacks_set_unpack_extension_callback(made, &Callbacks::on_unknown_frame);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(made, &Callbacks::on_frame_not_sent);
  nghttp2_session_callbacks_set_send_callback(made, &Callbacks::send);
  nghttp2_session_callbacks_set_send_data_callback(made, &Callbacks::send_data);
  nghttp2_session_callbacks_set_data_source_read_length_callback(made, &Callbacks::frame_size);
  nghttp2_option* opened = nullptr;
  nghttp2_option_new(&opened);
  const std::unique_ptr<nghttp2_option, FreeOption> option(opened);
  nghttp2_option_set_no_auto_window_update(opened, 1);
  nghttp2_option_set_max_send_header_block_length(opened, largest_block);
  // Others nghttp2 passes over without a word.
  for (unsigned type = NGHTTP2_CONTINUATION + 1; type <= UINT8_MAX; ++type)
    nghttp2_option_set_user_recv_extension_type(opened, static_cast<std::uint8_t>(type));
  nghttp2_session* session = nullptr;
  const auto make = is_client_ ? &nghttp2_session_client_new3 : &nghttp2_session_server_new3;
  nghttp2_mem memory = internal::memory();
  make(&session, made, this, opened, &memory);
  session_.reset(session);

  std::vector<nghttp2_settings_entry> settings{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.concurrent_streams},
                                               {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits.stream_window},
                                               {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits.frame_size},
                                               {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_size}};
  if (is_client_) settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
  if (!is_client_ && limits.extended_connect) settings.push_back({NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1});
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                        static_cast<std::int32_t>(limits.connection_window));
}

Connection::~Connection() = default;

// ---- bytes

base::Status Connection::feed(std::string_view bytes, base::TimePoint now) {
  frames_.forgive(now);
  const auto taken =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  frames_.exceed(excess_of(taken));
  if (const auto excess = frames_.excess()) {
    go_away(ErrorCode::enhance_your_calm);
    return fail(ErrorKind::invalid_message,
                fmt::format("HTTP/2: the peer sent too many frames that bring nothing ({})", name(*excess)));
  }
  if (taken < 0) return describe(static_cast<int>(taken));
  return {};
}

bool Connection::has_output() const { return queued_ != 0 || nghttp2_session_want_write(session_.get()) != 0; }

void Connection::fill() {
  if (!is_full()) nghttp2_session_send(session_.get());
}

std::size_t Connection::gather(std::span<iovec> out) {
  fill();
  std::size_t used = 0;
  std::size_t at = 0;  // in bytes_
  for (std::size_t i = written_; i < pieces_.size() && used < out.size(); ++i) {
    const Piece& piece = pieces_[i];
    if (piece.stream == nullptr) {
      out[used++] = {bytes_.data() + at, piece.size};
      at += piece.size;
      continue;
    }
    std::size_t before = 0;  // of that body, in earlier pieces
    for (std::size_t j = written_; j < i; ++j)
      if (pieces_[j].stream == piece.stream) before += pieces_[j].size;
    std::array<iovec, parts_of_a_body> parts;
    const std::size_t wanted = std::min(parts.size(), out.size() - used);
    const std::size_t count = piece.stream->body->gather(before, std::span{parts}.first(wanted));
    std::size_t left = piece.size;
    for (std::size_t k = 0; k < count && left > 0; ++k) {
      out[used] = {parts[k].iov_base, std::min(parts[k].iov_len, left)};
      left -= out[used++].iov_len;
    }
    if (left > 0) break;  // the rest with the next call
  }
  return used;
}

void Connection::wrote(std::size_t size) {
  queued_ -= size;
  while (size > 0) {
    Piece& piece = pieces_[written_];
    const std::size_t part = std::min(size, piece.size);
    Stream* const stream = piece.stream;
    if (stream == nullptr) {
      bytes_.consume(part);
    } else {
      stream->body->consume(part);
      stream->promised -= part;
    }
    piece.size -= part;
    size -= part;
    if (piece.size == 0) ++written_;
    if (stream != nullptr) remove_if_over(*stream);
  }
  forget_written();
}

void Connection::forget_written() noexcept {
  if (written_ != pieces_.size() && written_ < most_written) return;
  pieces_.erase(pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(written_));
  written_ = 0;
}

bool Connection::is_over() const {
  return streams_.empty() && queued_ == 0 && nghttp2_session_want_write(session_.get()) == 0 &&
         nghttp2_session_want_read(session_.get()) == 0;
}

void Connection::queue(std::string_view bytes) {
  bytes_.append(bytes);
  queued_ += bytes.size();
  if (written_ != pieces_.size() && pieces_.back().stream == nullptr) {
    pieces_.back().size += bytes.size();
  } else {
    pieces_.push_back({nullptr, bytes.size()});
  }
}

// ---- streams

Stream* Connection::find(StreamId id) const noexcept {
  const auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second.get();
}

Stream& Connection::add(StreamId id) { return *streams_.emplace(id, std::make_unique<Stream>(id)).first->second; }

void Connection::remove_if_over(Stream& stream) {
  if (!stream.has_closed || stream.promised != 0) return;
  const StreamId id = stream.id;
  const ErrorCode code = stream.code;
  streams_.erase(id);
  events_.on_closed(id, code);
}

base::Result<StreamId> Connection::request(base::Headers head, Outgoing* body) {
  auto stream = std::make_unique<Stream>(0);
  stream->body = body;
  const auto fields = lines(head);
  const auto provider = Callbacks::provider(*stream);
  const auto id = nghttp2_submit_request(session_.get(), nullptr, fields.data(), fields.size(),
                                         body != nullptr ? &provider : nullptr, nullptr);
  if (id < 0) return fail(ErrorKind::unavailable, fmt::format("HTTP/2: {}", nghttp2_strerror(id)));
  stream->id = id;
  streams_.emplace(id, std::move(stream));
  frames_.expect(frames_of_a_stream);
  return id;
}

void Connection::respond(StreamId id, base::Headers head, Outgoing* body) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->has_closed) return;
  stream->body = body;
  const auto fields = lines(head);
  const auto provider = Callbacks::provider(*stream);
  nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(), body != nullptr ? &provider : nullptr);
}

void Connection::respond_interim(StreamId id, base::Headers head) {
  const auto fields = lines(head);
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, id, nullptr, fields.data(), fields.size(), nullptr);
}

void Connection::resume(StreamId id) {
  Stream* const stream = find(id);
  if (stream == nullptr || !std::exchange(stream->is_waiting, false)) return;
  nghttp2_session_resume_data(session_.get(), id);
}

void Connection::finish(StreamId id, base::Headers trailers) {
  Stream* const stream = find(id);
  if (stream == nullptr) return;
  stream->ending = trailers.empty() ? Stream::Ending::finished : Stream::Ending::trailers;
  stream->trailers.assign(trailers.begin(), trailers.end());
  for (base::Header& field : stream->trailers) field = {stream->sent.copy(field.name), stream->sent.copy(field.value)};
  resume(id);
}

void Connection::taken(StreamId id, std::size_t size) { nghttp2_session_consume(session_.get(), id, size); }

void Connection::reset(StreamId id, ErrorCode code) {
  Stream* const stream = find(id);
  if (stream == nullptr || stream->has_closed || std::exchange(stream->is_reset, true)) return;
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, static_cast<std::uint32_t>(code));
}

std::size_t Connection::promised(StreamId id) const noexcept {
  const Stream* const stream = find(id);
  return stream == nullptr ? 0 : stream->promised;
}

// ---- the connection

void Connection::go_away(ErrorCode code) {
  if (code != ErrorCode::no_error) {
    nghttp2_session_terminate_session(session_.get(), static_cast<std::uint32_t>(code));
    return;
  }
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_.get()),
                        static_cast<std::uint32_t>(code), nullptr, 0);
}

void Connection::ping() { nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr); }

std::size_t Connection::most_streams() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

std::optional<bool> Connection::takes_extended_connect() const {
  if (!has_peers_settings_) return std::nullopt;
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) != 0;
}

}  // namespace picket::http2
