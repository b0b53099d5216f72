#include "picket/transport/grpc_status.hpp"

#include <charconv>

#include <fmt/format.h>

#include "picket/base/ascii.hpp"
#include "picket/session/quote.hpp"

namespace picket::transport {
namespace {

using base::ErrorKind;

constexpr std::size_t longest_message = 1024;  // bytes of a peer's words that are shown

std::string decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool has_digits = text[i] == '%' && i + 2 < text.size();
    const int high = has_digits ? base::hex_value(text[i + 1]) : -1;
    const int low = has_digits ? base::hex_value(text[i + 2]) : -1;
    const bool is_escape = high >= 0 && low >= 0;
    result += is_escape ? static_cast<char>(high * 16 + low) : text[i];
    if (is_escape) i += 2;
  }
  return result;
}

ErrorKind kind_of(int status) noexcept {
  switch (status) {
    case static_cast<int>(GrpcStatus::ok):
    case static_cast<int>(GrpcStatus::cancelled):
    case static_cast<int>(GrpcStatus::unavailable): return ErrorKind::connection_closed;
    default: return ErrorKind::connection_failed;
  }
}

}  // namespace

base::Error grpc_error(base::Headers trailers) {
  const std::string_view text = trailers.find("grpc-status").value_or("");
  const std::string_view message = trailers.find("grpc-message").value_or("");
  int status = -1;
  std::from_chars(text.data(), text.data() + text.size(), status);
  if (status == static_cast<int>(GrpcStatus::ok))
    return base::fail(ErrorKind::connection_closed, "the agent ended the stream");
  return base::fail(kind_of(status),
                    fmt::format("the agent ended the stream: grpc-status {}{}{}", session::printable(text, 16),
                                message.empty() ? "" : ", ", session::printable(decoded(message), longest_message)));
}

GrpcStatus grpc_status(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::connection_closed: return GrpcStatus::ok;
    case ErrorKind::invalid_message: return GrpcStatus::invalid_argument;
    case ErrorKind::serialization: return GrpcStatus::unimplemented;  // an encoding, or a message, that is not spoken
    case ErrorKind::message_too_large: return GrpcStatus::resource_exhausted;
    case ErrorKind::version_mismatch:
    case ErrorKind::connection_failed: return GrpcStatus::failed_precondition;
    default: return GrpcStatus::unavailable;
  }
}

std::string grpc_message(std::string_view text) {
  std::string result;
  for (const char byte : text) {
    const bool is_plain = byte >= ' ' && byte <= '~' && byte != '%';
    result += is_plain ? std::string(1, byte) : fmt::format("%{:02X}", static_cast<unsigned char>(byte));
  }
  return result;
}

}  // namespace picket::transport
