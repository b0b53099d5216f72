#pragma once

#include <cstddef>
#include <optional>

#include "picket/base/headers.hpp"
#include "picket/body/unpack_stage.hpp"

namespace picket::inspection {

/// How a head says that its body is packed: all its fields Content-Encoding as one list (RFC 9110 §5.3, §8.4), as a
/// receiver reads them. Empty items and "identity" are no coding.
///
/// Thread safety: a value. Lifetime: keeps nothing of the head.
class ContentCoding {
 public:
  /// The body is what it contains.
  ContentCoding() noexcept = default;
  explicit ContentCoding(const base::Headers& head) noexcept;

  [[nodiscard]] bool is_none() const noexcept { return count_ == 0; }
  /// The coding, where it can be undone: there is no other, and the body is all of what was packed. Nothing for a part
  /// of a body (Content-Range), for a coding that is not known here, and for several on top of each other.
  [[nodiscard]] std::optional<body::Coding> undoable() const noexcept { return undoable_; }

 private:
  std::size_t count_ = 0;
  std::optional<body::Coding> undoable_;
};

}  // namespace picket::inspection
