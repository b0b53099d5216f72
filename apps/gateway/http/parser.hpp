#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "apps/gateway/http/message.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"

namespace picket::apps::gateway::http {

/// Parses a whole request head that check_request_head() has passed. Views point into `head`; the list of fields lives
/// in `arena`. Errors: invalid_message.
[[nodiscard]] base::Result<RequestHead> parse_request_head(std::string_view head, base::Arena& arena);

/// Parses a whole response head, its empty line included. `to_head`: it answers a HEAD request, so there is no body.
/// Errors: invalid_message, also for framing that two parties could read in two ways.
[[nodiscard]] base::Result<ResponseHead> parse_response_head(std::string_view head, bool to_head, base::Arena& arena);

/// Decodes the chunked transfer coding (RFC 9112 §7.1); extensions and trailers are dropped.
/// Thread safety: none; one per body.
class ChunkedDecoder {
 public:
  ChunkedDecoder();
  ChunkedDecoder(ChunkedDecoder&&) noexcept;
  ChunkedDecoder& operator=(ChunkedDecoder&&) noexcept;
  ~ChunkedDecoder();

  struct Step {
    std::size_t consumed = 0;  ///< of the input
    std::size_t produced = 0;  ///< written to `into`
  };
  /// Decodes as much of `input` as fits `into`. Errors: invalid_message.
  [[nodiscard]] base::Result<Step> decode(std::string_view input, std::span<char> into);
  /// Whether the last chunk and the trailer section have been read.
  [[nodiscard]] bool done() const noexcept;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace picket::apps::gateway::http
