#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>

#include <boost/unordered/unordered_flat_map.hpp>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::downstream {

/// How many TLS handshakes each address may begin in a second: as many at once, then evenly. A handshake costs this end
/// several times what it costs a client.
///
/// Thread safety: any thread; one lock, which is taken per handshake. Complexity: constant on average. Memory: at most
/// `max_addresses`, each forgotten within about a second; clients beyond them are not counted.
class HandshakeRate {
 public:
  static constexpr std::size_t max_addresses = 65'536;

  /// Whether the client may begin one now; it is counted if so. `per_second`: 0 is no limit.
  [[nodiscard]] bool admit(const std::string& client, std::uint32_t per_second, base::TimePoint now);

 private:
  void forget(base::TimePoint now);

  std::mutex mutex_;
  // When the client has used up nothing, if it begins no other (the generic cell rate algorithm, ITU-T I.371).
  boost::unordered_flat_map<std::string, base::TimePoint> unused_at_;
  std::size_t sweep_at_ = 1'024;  // so many addresses
};

}  // namespace picket::apps::gateway::downstream
