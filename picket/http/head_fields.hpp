#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/headers.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

/// Takes the next line off the front of `rest`, without its CRLF. Nothing where no line ends, or one ends in a bare LF.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& rest) noexcept;

/// Why a line that has control characters is refused, whatever else is wrong with it; nothing where it has none.
[[nodiscard]] std::optional<HeadError> control_character(std::string_view line) noexcept;

/// The fields of one head, in wire order, and what they say of its body and its connection: each line is looked at
/// once. What requests and responses read alike stands here; what only one of them refuses is told as a value.
///
/// Refused in both (RFC 9112 §2.2, §5, §6.1, §6.3): bare CR or LF, obs-fold, white space before the colon, names that
/// are no token, control characters in values, a Content-Length that is not one number, a Transfer-Encoding that is
/// anything but one `chunked`, and more than one way to delimit the body: what two readers may take differently is how
/// requests are smuggled.
///
/// Thread safety: none. Lifetime: the head's and the arena's. Errors: values, with the status that a client gets.
/// Complexity: one pass over the bytes.
///
///   http::HeadFields fields{arena};
///   if (const auto error = fields.read(lines, limits.max_fields)) return refuse(error->status, error->reason);
///   const http::Framing framing = fields.framing(http::Framing::none);
class HeadFields {
 public:
  explicit HeadFields(base::Arena& arena) : fields_(arena) { fields_.reserve(usual_fields); }

  /// Reads the lines behind the first one, the empty line included, which must end the head. Errors: 400 for what is
  /// refused, 431 for more fields than `max_fields`. Once.
  [[nodiscard]] std::optional<HeadError> read(std::string_view lines, std::size_t max_fields);

  /// Of no use after an error. Lifetime: the list is the arena's, names and values are the head's.
  [[nodiscard]] base::Headers headers() const noexcept { return base::Headers{fields_.items()}; }
  [[nodiscard]] bool has_length() const noexcept { return lengths_ != 0; }
  /// Units: bytes; 0 where it is not said.
  [[nodiscard]] std::uint64_t content_length() const noexcept { return content_length_; }
  [[nodiscard]] bool is_chunked() const noexcept { return encodings_ != 0; }
  /// How the body is delimited; `otherwise` where no field says so.
  [[nodiscard]] Framing framing(Framing otherwise) const noexcept {
    return is_chunked() ? Framing::chunked : has_length() ? Framing::length : otherwise;
  }
  [[nodiscard]] bool keeps_alive(int version) const noexcept { return !closes_ && (version >= 11 || keeps_alive_); }
  /// Expect is a list, whose items may stand in several fields (RFC 9110 §10.1.1).
  [[nodiscard]] bool expects_continue() const noexcept { return expects_continue_; }
  /// How many Host fields there are: a request of HTTP/1.1 has one (RFC 9112 §3.2).
  [[nodiscard]] std::size_t hosts() const noexcept { return hosts_; }
  [[nodiscard]] bool has_malformed_host() const noexcept { return malformed_host_; }
  /// Connection, or Proxy-Connection, is no list of tokens (RFC 9110 §7.6.1).
  [[nodiscard]] bool has_malformed_connection() const noexcept { return malformed_connection_; }

 private:
  static constexpr std::size_t usual_fields = 16;

  // Each returns what is wrong; empty: nothing.
  [[nodiscard]] std::string_view take(std::string_view line);
  [[nodiscard]] std::string_view note(const base::Header& field);
  [[nodiscard]] std::string_view note_length(std::string_view value) noexcept;
  [[nodiscard]] std::string_view note_encoding(std::string_view value) noexcept;
  void note_connection(std::string_view value) noexcept;
  void note_expect(std::string_view value) noexcept;
  void note_host(std::string_view value) noexcept;

  base::ArenaList<base::Header> fields_;
  std::uint64_t content_length_ = 0;
  std::size_t lengths_ = 0;
  std::size_t encodings_ = 0;
  std::size_t hosts_ = 0;
  bool closes_ = false;
  bool keeps_alive_ = false;
  bool expects_continue_ = false;
  bool malformed_host_ = false;
  bool malformed_connection_ = false;
};

}  // namespace picket::http
