#pragma once

#include <functional>
#include <optional>

#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// Finds the head of a response in what has been read of it, past interim responses (RFC 9110 §15.2). Sans-I/O: whoever
/// has read more asks again. Thread safety: none. Lifetime: buffer and arena outlive it; what it finds is the arena's.
///
///   while (!(head = reader.take())) {  // nothing yet: more bytes are needed
///     const auto got = co_await stream.read_some(into, deadline);
///     …                                // and into the buffer
///   }
///
/// Complexity: each byte is looked at once for the end of the head. Units: at most 16 interim responses.
class ResponseReader {
 public:
  using OnInterim = std::function<void(const ResponseHead&)>;

  /// `to_head`: it answers a HEAD request. `on_interim`: is told of each interim response.
  ResponseReader(base::Buffer& buffered, bool to_head, base::Arena& arena, OnInterim on_interim = {}) noexcept
      : buffered_(buffered), arena_(arena), on_interim_(std::move(on_interim)), to_head_(to_head) {}

  /// The request asked to switch to another protocol: a 101 is a final head from now on.
  void allow_switch() noexcept { allows_switch_ = true; }

  /// The final head, taken out of the buffer; nothing while bytes are missing. Errors: invalid_message, also for a
  /// protocol that is switched unasked, for a head over the limits and for more than 16 interim responses.
  [[nodiscard]] std::optional<base::Result<ResponseHead>> take();
  /// Whether the upstream has said anything at all: what it has begun to answer it has begun to do.
  [[nodiscard]] bool has_begun() const noexcept { return interim_ != 0 || !buffered_.empty(); }

 private:
  base::Buffer& buffered_;
  base::Arena& arena_;
  OnInterim on_interim_;
  bool to_head_;
  bool allows_switch_ = false;
  bool keep_alive_ = true;   // as far as the interim ones say
  int interim_ = 0;          // responses that were passed over
  std::size_t checked_ = 0;  // bytes that are known not to end a head
};

}  // namespace picket::http
