#pragma once

#include <array>
#include <cstdint>
#include <ostream>
#include <string_view>

#include "bench/both_ends.hpp"
#include "picket/transport/testing/certificates.hpp"

namespace picket::tests {

/// How proxy and agent are connected in a test of the hot path.
struct Way {
  const char* name;
  wire::Encoding encoding;
  const char* listen = "";  ///< Empty: a Unix socket.
  bool agent_dials = false;

  [[nodiscard]] bool is_network() const noexcept { return *listen != '\0'; }
  [[nodiscard]] bool is_tls() const noexcept { return std::string_view{listen}.find("s:") != std::string_view::npos; }
  [[nodiscard]] bench::Between between(std::uint32_t connections = 1) const {
    static const transport::testing::TlsPair pair;
    bench::Between between{
        .encoding = encoding, .connections = connections, .listen = listen, .agent_dials = agent_dials};
    if (is_tls()) {
      between.of_listener = pair.server_options();
      between.of_dialler = pair.client_options();
    }
    return between;
  }
};
inline void PrintTo(const Way& way, std::ostream* out) { *out << way.name; }

inline constexpr std::array ways{
    Way{"Json", wire::Encoding::json},
    Way{"MessagePack", wire::Encoding::msgpack},
    Way{"Tcp", wire::Encoding::msgpack, "tcp:127.0.0.1:0"},
    Way{"Tls", wire::Encoding::msgpack, "tls:127.0.0.1:0"},
    Way{"Reverse", wire::Encoding::msgpack, "", true},
    Way{"ReverseTls", wire::Encoding::msgpack, "tls:127.0.0.1:0", true},
    Way{"Grpc", wire::Encoding::protobuf},
    Way{"GrpcTcp", wire::Encoding::protobuf, "grpc:127.0.0.1:0"},
    Way{"GrpcTls", wire::Encoding::protobuf, "grpcs:127.0.0.1:0"},
};

}  // namespace picket::tests
