#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conform/proxies/proxy.hpp"

namespace picket::apps::cli::conform::proxies {

/// A frame of RFC 6455 §5.2.
struct WebFrame {
  std::uint8_t opcode = 1;
  std::string data;
};

inline constexpr std::uint8_t text_frame = 1;
inline constexpr std::uint8_t close_frame = 8;

/// A WebSocket through the proxy: the tool is the client and the upstream. Thread safety and lifetime: the proxy's.
class Tunnel {
 public:
  /// Switches. Throws Skipped where the proxy does not.
  explicit Tunnel(Proxy& proxy);

  /// Short texts, of 125 bytes at most.
  void client_says(std::string_view text);
  void upstream_says(std::string_view text);
  /// The whole frames that have come there.
  [[nodiscard]] std::vector<WebFrame> at_client();
  [[nodiscard]] std::vector<WebFrame> at_upstream();

 private:
  Proxy& proxy_;
  std::unique_ptr<HttpCall> call_;
};

/// How a handshake is answered (RFC 6455 §4.2.2).
[[nodiscard]] std::string accept_of(std::string_view key);

}  // namespace picket::apps::cli::conform::proxies
