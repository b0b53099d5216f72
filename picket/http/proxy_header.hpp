#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace picket::http {

/// What a proxy says of a connection before its first byte (the PROXY protocol, versions 1 and 2, as HAProxy has it).
struct ProxyHeader {
  enum class Outcome : std::uint8_t {
    incomplete,  ///< More bytes are wanted: `size` in all, and it ends no sooner.
    read,        ///< It has `size` bytes.
    malformed,
  };

  Outcome outcome = Outcome::malformed;
  std::size_t size = 0;
  std::string source;      ///< The client's IP address as text; empty: the connection is the proxy's own.
  std::uint16_t port = 0;  ///< The client's.
};

/// The longest header that is read, with its extensions (TLV), which mean nothing here.
inline constexpr std::size_t longest_proxy_header = 4096;

/// Reads it from the front of what has come. Pure. Who reads no more of a connection than is wanted reads nothing that
/// is behind the header.
[[nodiscard]] ProxyHeader read_proxy_header(std::string_view bytes);

}  // namespace picket::http
