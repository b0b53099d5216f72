#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/result.hpp"

namespace picket::http {

/// Decodes the chunked transfer coding (RFC 9112 §7.1), from any split of its bytes.
///
/// Strict where parties differ: sizes are hexadecimal digits and nothing else, every line ends in CRLF. Responses may
/// have white space behind a size (RFC 9112 §7.1.1, BWS), which servers pad with; in requests it is a means of
/// smuggling. Extensions are dropped as they come, trailers go to whoever wants them; both are bounded: without a
/// bound a client could keep a connection busy for ever with a body that never grows.
///
///   while (!decoder.done()) {
///     auto step = decoder.decode(input, into);
///     if (!step) return step.error();
///     use(into.first(step->produced));
///     input.remove_prefix(step->consumed);  // neither of both: more input is needed
///   }
///
/// Thread safety: none; one per body. Memory: holds no bytes and allocates nothing. Complexity: linear in the input.
class ChunkedDecoder {
 public:
  explicit ChunkedDecoder(bool of_response = false) noexcept : of_response_(of_response) {}

  /// Bytes of extensions and trailers that one body may have.
  static constexpr std::size_t max_beside = 16 * 1024;
  static constexpr unsigned max_trailers = 100;

  struct Step {
    std::size_t consumed = 0;  ///< of the input
    std::size_t produced = 0;  ///< written to `into`
  };
  /// Decodes `input` until it ends, `into` is full or the body is over; bytes behind the body are not touched.
  /// `trailers`: gets the lines behind the last chunk, each with its CRLF; null: nobody wants them. Errors:
  /// invalid_message; the decoder is of no use afterwards.
  [[nodiscard]] base::Result<Step> decode(std::string_view input, std::span<char> into,
                                          base::Buffer* trailers = nullptr);
  /// Whether the last chunk and the trailer section have been read.
  [[nodiscard]] bool done() const noexcept { return state_ == State::done; }

 private:
  enum class State : std::uint8_t {
    size,       ///< Hexadecimal digits.
    blank,      ///< White space behind them.
    extension,  ///< From ';' to CR.
    size_lf,
    data,
    data_cr,  ///< Behind a chunk's data.
    data_lf,
    trailer_start,  ///< The first byte of a line behind the last chunk.
    trailer_name,
    trailer,  ///< Behind its colon.
    trailer_lf,
    end_lf,
    done,
  };
  // Each takes one byte and returns what is wrong with it; empty: nothing.
  [[nodiscard]] std::string_view take(char c) noexcept;
  [[nodiscard]] std::string_view take_size(char c) noexcept;
  [[nodiscard]] std::string_view take_behind_size(char c) noexcept;
  [[nodiscard]] std::string_view take_trailer_name(char c) noexcept;
  [[nodiscard]] std::string_view take_beside(char c, State at_line_end) noexcept;
  [[nodiscard]] std::string_view take_trailers_end(char c) noexcept;
  [[nodiscard]] bool is_in_trailers() const noexcept {
    return state_ >= State::trailer_start && state_ <= State::trailer_lf;
  }
  [[nodiscard]] std::string_view take_lf(char c, State next) noexcept;

  bool of_response_;
  State state_ = State::size;
  std::uint64_t remaining_ = 0;  // of the chunk
  unsigned digits_ = 0;          // of its size
  unsigned trailers_ = 0;
  std::size_t beside_ = 0;  // bytes that are none of the body's
};

}  // namespace picket::http
