#pragma once

#include <cstddef>
#include <optional>

namespace picket::apps::gateway::upstream {

/// A connection to a target that serves several requests at once; how they are told apart is its protocol's matter.
///
/// Has the socket's places, which are free once it is closed. Thread safety: its worker's. Lifetime: shared by the pool
/// and by those who ask on it; it is closed when the last of them is gone.
class SharedConnection {
 public:
  SharedConnection() = default;
  SharedConnection(const SharedConnection&) = delete;
  SharedConnection& operator=(const SharedConnection&) = delete;
  virtual ~SharedConnection() = default;

  /// So many more requests it takes now; 0 also where it takes none any more.
  [[nodiscard]] virtual std::size_t room() const noexcept = 0;
  /// So many it takes at once; nothing as long as the target has not said so.
  [[nodiscard]] virtual std::optional<std::size_t> most() const noexcept = 0;
  /// Whether it may take others later, once it has room.
  [[nodiscard]] virtual bool is_open() const noexcept = 0;
};

}  // namespace picket::apps::gateway::upstream
