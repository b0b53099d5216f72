#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "picket/base/limits.hpp"

namespace picket::wire::testing {

/// Bytes with the padding that decoders may overrun. The padding is quotes: a reader that believed it would find
/// content there.
class Padded {
 public:
  explicit Padded(std::string_view text) : bytes_(text), size_(text.size()) {
    bytes_.append(base::limits::tail_padding, '"');
  }
  [[nodiscard]] std::string_view view() const noexcept { return std::string_view{bytes_}.substr(0, size_); }

 private:
  std::string bytes_;
  std::size_t size_;
};

}  // namespace picket::wire::testing
