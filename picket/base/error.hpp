#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace picket::base {

/// What went wrong, as a caller must distinguish it (protocol.md §10). The detail is for people.
///
/// Another peer may do better after connection_failed, connection_closed, timeout, invalid_message and
/// version_mismatch; the same one later, after flow_control_paused, circuit_open and unavailable. What is asked is at
/// fault with message_too_large, serialization and unknown_agent, and this machine with io.
enum class ErrorKind : std::uint8_t {
  connection_failed,    ///< The peer could not be reached, or refused the handshake.
  connection_closed,    ///< The connection ended while something still waited for it.
  timeout,              ///< A deadline passed.
  message_too_large,    ///< A frame, header block or body is over its limit.
  invalid_message,      ///< Bytes arrived that are not what the protocol says.
  version_mismatch,     ///< The peers share no protocol version.
  serialization,        ///< A message of ours cannot be written in the negotiated encoding.
  flow_control_paused,  ///< The agent asked for a pause and the configuration says not to wait.
  circuit_open,         ///< The agent failed too often; its circuit breaker refuses for now.
  unknown_agent,        ///< No agent of that name is configured.
  unavailable,          ///< The agent is known, but no connection to it can take more now.
  io,                   ///< The operating system refused something.
};
inline constexpr std::size_t error_kind_count = 12;
static_assert(static_cast<std::size_t>(ErrorKind::io) + 1 == error_kind_count);

/// The kind's name as it appears in logs and metrics, e.g. "connection_failed".
[[nodiscard]] std::string_view name(ErrorKind kind) noexcept;

/// One sentence for people: what this kind of error means.
[[nodiscard]] std::string_view sentence(ErrorKind kind) noexcept;

/// A kind and what exactly was wrong. The detail names files, addresses and limits, so that whoever reads it at night
/// knows where to look; words of a peer in it are quoted, and cut. Decide by the kind, never by the detail.
///
/// Thread safety: a value. Complexity: cheap to move; to copy, as its text is.
class Error {
 public:
  Error(ErrorKind kind, std::string detail) : detail_(std::move(detail)), kind_(kind) {}
  explicit Error(ErrorKind kind) : kind_(kind) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }

  /// "timeout: no answer within 250 ms", or the kind's sentence where there is no detail.
  [[nodiscard]] std::string message() const;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  std::string detail_;
  ErrorKind kind_;
};

}  // namespace picket::base
