#pragma once

#include <optional>

#include "apps/gateway/http/message.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"

namespace picket::apps::gateway::http {

/// Finds the head of a response in what has been read of it, past interim responses (RFC 9110 §15.2). Sans-I/O: whoever
/// has read more asks again. Thread safety: none. Lifetime: buffer and arena outlive it; what it finds is the arena's.
class ResponseReader {
 public:
  /// `to_head`: it answers a HEAD request.
  ResponseReader(base::Buffer& buffered, bool to_head, base::Arena& arena) noexcept
      : buffered_(buffered), arena_(arena), to_head_(to_head) {}

  /// The final head, taken out of the buffer; nothing while bytes are missing. Errors: invalid_message, also for a
  /// protocol that is switched unasked, for a head over the limits and for more than 16 interim responses.
  [[nodiscard]] std::optional<base::Result<ResponseHead>> take();

 private:
  base::Buffer& buffered_;
  base::Arena& arena_;
  bool to_head_;
  int interim_ = 0;          // responses that were passed over
  std::size_t checked_ = 0;  // bytes that are known not to end a head
};

}  // namespace picket::apps::gateway::http
