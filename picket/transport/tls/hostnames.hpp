#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace picket::transport::tls {

/// Which of several things a host name is of: exact names, and "*.b.example" for one more label in front (RFC 6125
/// §6.4.3). An exact name goes before a wildcard. Letters are alike in either case, and so is a last dot.
/// Thread safety: as of const objects. Complexity: O(log n) in names, no allocation to find one.
class Hostnames {
 public:
  /// False where the name is there already. Complexity: O(n): while a configuration is read. `owner` is what find()
  /// gives back.
  [[nodiscard]] bool add(std::string_view name, std::size_t owner);
  /// Nothing where no name fits: whoever asks has a default.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view host) const noexcept;

 private:
  using Entry = std::pair<std::string, std::size_t>;
  [[nodiscard]] static std::optional<std::size_t> find_in(const std::vector<Entry>& entries, std::string_view name);

  std::vector<Entry> exact_;      // in order, in lower case
  std::vector<Entry> wildcards_;  // the same, without "*."
};

}  // namespace picket::transport::tls
