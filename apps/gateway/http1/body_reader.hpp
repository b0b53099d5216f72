#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"
#include "picket/http/chunked.hpp"
#include "picket/http/message.hpp"
#include "picket/http/trailers.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::gateway::http1 {

/// Bytes that are asked for at a time where a connection's bytes are looked at before anybody takes them: heads,
/// chunks.
inline constexpr std::size_t read_size = 16 * 1024;

/// Reads one message's body from a connection: first what was read along with the head, then from the socket, straight
/// into the caller's memory where nothing has to be decoded. Thread safety: the stream's worker. Lifetime: stream and
/// buffer outlive it. Errors: those of Stream::read_some, invalid_message for bad chunks, connection_closed where the
/// body ends before its length.
class BodyReader {
 public:
  BodyReader(transport::Stream& stream, base::Buffer& buffered, http::Framing framing, std::uint64_t content_length,
             bool of_response = false);

  /// Up to into.size() bytes; 0 at the end of the body. `into` is not empty.
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline deadline);
  /// All of the body as it stands in the connection's buffer, where all of it has come and its length was declared: up
  /// to `read_size` bytes, of which what came after the head's read is read now; never waits. Nothing otherwise, and
  /// nothing is lost then. Lifetime: until more is read from the connection.
  [[nodiscard]] std::optional<base::ByteView> take_whole();
  [[nodiscard]] bool done() const noexcept { return done_; }
  /// What stood behind the last chunk, once done. Lifetime: this one's; the list is the arena's.
  [[nodiscard]] base::Headers trailers(base::Arena& arena) const {
    return trailers_.empty() ? base::Headers{} : http::read_trailers(trailers_.text(), arena);
  }
  /// Whether the peer has sent all of the body already, so that reading it does not wait.
  [[nodiscard]] bool is_buffered() const noexcept {
    return done_ || (framing_ == http::Framing::length && buffered_.size() >= remaining_);
  }

 private:
  [[nodiscard]] std::size_t take_buffered(std::span<char> into) noexcept;

  transport::Stream& stream_;
  base::Buffer& buffered_;
  http::Framing framing_;
  std::uint64_t remaining_;
  std::optional<http::ChunkedDecoder> chunked_;
  base::Buffer trailers_;  // the lines
  bool done_;
};

}  // namespace picket::apps::gateway::http1
