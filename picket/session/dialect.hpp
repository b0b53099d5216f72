#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace picket::session {

/// How an agent puts what it says: as the protocol has it, or as SDKs do that came before it or beside it
/// (protocol.md §13). Chosen where a connection is made.
enum class Dialect : std::uint8_t {
  v2,    ///< The protocol itself.
  v1,    ///< JSON after a length, no handshake, answers without an id: Python, TypeScript, Elixir, Go's root package.
  site,  ///< Frames with a handshake and ids of its own: Go's package v2, Kotlin.
};

/// As configurations spell it.
[[nodiscard]] constexpr std::string_view name(Dialect dialect) noexcept {
  constexpr auto names = std::to_array<std::string_view>({"v2", "v1", "site"});
  static_assert(names.size() == static_cast<std::size_t>(Dialect::site) + 1);
  return names[static_cast<std::size_t>(dialect)];
}

}  // namespace picket::session
