#include "picket/http/chunked.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "picket/base/ascii.hpp"
#include "picket/http/grammar.hpp"

namespace picket::http {
namespace {

// 16 digits are 64 bits; more could only be leading zeros, of which a parser that counts differently makes another
// size.
constexpr unsigned max_digits = 16;

}  // namespace

base::Result<ChunkedDecoder::Step> ChunkedDecoder::decode(std::string_view input, std::span<char> into,
                                                          base::Buffer* trailers) {
  Step step;
  while (step.consumed < input.size() && state_ != State::done) {
    if (state_ == State::data) {
      const auto size = static_cast<std::size_t>(
          std::min<std::uint64_t>(remaining_, std::min(input.size() - step.consumed, into.size() - step.produced)));
      if (size == 0) break;  // `into` is full
      std::memcpy(into.data() + step.produced, input.data() + step.consumed, size);
      step.consumed += size;
      step.produced += size;
      remaining_ -= size;
      if (remaining_ == 0) state_ = State::data_cr;
      continue;
    }
    const bool is_in_trailers_yet = is_in_trailers();
    if (const std::string_view wrong = take(input[step.consumed]); !wrong.empty())
      return base::fail(base::ErrorKind::invalid_message, std::string{wrong});
    if (trailers != nullptr && is_in_trailers_yet && is_in_trailers()) trailers->append(input.substr(step.consumed, 1));
    ++step.consumed;
  }
  return step;
}

std::string_view ChunkedDecoder::take(char c) noexcept {
  switch (state_) {
    case State::size: return take_size(c);
    case State::blank: return take_behind_size(c);
    case State::extension: return take_beside(c, State::size_lf);
    case State::size_lf: return take_lf(c, remaining_ != 0 ? State::data : State::trailer_start);
    case State::data_cr:
      if (c != '\r') return "a chunk that is longer than its size";
      state_ = State::data_lf;
      return {};
    case State::data_lf: digits_ = 0; return take_lf(c, State::size);
    case State::trailer_start:
      if (c == '\r') return take_beside(c, State::end_lf);
      state_ = State::trailer_name;
      return c == ':' ? "a trailer without a name" : take_trailer_name(c);
    case State::trailer_name: return take_trailer_name(c);
    case State::trailer: return take_beside(c, State::trailer_lf);
    case State::trailer_lf: return take_trailers_end(c);
    case State::end_lf: return take_lf(c, State::done);
    case State::data:
    case State::done: break;
  }
  return {};
}

std::string_view ChunkedDecoder::take_size(char c) noexcept {
  if (const int value = base::hex_value(c); value >= 0) {
    if (++digits_ > max_digits) return "a chunk size with too many digits";
    remaining_ = remaining_ << 4 | value;
    return {};
  }
  return digits_ == 0 ? "a chunk size that is no hexadecimal number" : take_behind_size(c);
}

std::string_view ChunkedDecoder::take_behind_size(char c) noexcept {
  if (of_response_ && (c == ' ' || c == '\t')) {
    state_ = State::blank;
    return take_beside(c, State::size_lf);
  }
  if (c != '\r' && c != ';') return "a chunk size that is no hexadecimal number";
  state_ = c == '\r' ? State::size_lf : State::extension;
  return {};
}

std::string_view ChunkedDecoder::take_trailer_name(char c) noexcept {
  if (c == ':') {
    state_ = State::trailer;
  } else if (!is_token({&c, 1})) {
    return "a trailer that is no field";
  }
  return take_beside(c, State::trailer_lf);
}

std::string_view ChunkedDecoder::take_beside(char c, State at_line_end) noexcept {
  if (c == '\r') {
    state_ = at_line_end;
    return {};
  }
  const auto byte = static_cast<unsigned char>(c);
  if ((byte < 0x20 && c != '\t') || byte == 0x7F) return "a control character in a chunk extension or trailer";
  return ++beside_ > max_beside ? "chunk extensions and trailers over the limit" : std::string_view{};
}

std::string_view ChunkedDecoder::take_trailers_end(char c) noexcept {
  if (++trailers_ > max_trailers) return "more than 100 trailers";
  return take_lf(c, State::trailer_start);
}

std::string_view ChunkedDecoder::take_lf(char c, State next) noexcept {
  if (c != '\n') return "a line of a chunked body that does not end in CRLF";
  state_ = next;
  return {};
}

}  // namespace picket::http
