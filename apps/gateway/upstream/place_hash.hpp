#pragma once

#include <cstdint>
#include <string_view>

namespace picket::apps::gateway::upstream {

/// Spreads what differs in few bits over all of them: the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
[[nodiscard]] constexpr std::uint64_t mixed(std::uint64_t bits) noexcept {
  bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
  bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
  return bits ^ (bits >> 31);
}

/// The same in every worker, process and machine, so that they agree where a key belongs (FNV-1a). Who chooses keys can
/// choose where they go: nothing may depend on it but how evenly load is spread.
[[nodiscard]] constexpr std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return mixed(hash);
}

}  // namespace picket::apps::gateway::upstream
