#pragma once

#include <cstddef>
#include <cstdint>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/messages.hpp"

namespace picket::inspection {

/// One answer may have as many header operations as this, the headers of what it blocks with included. Each is looked
/// for among all fields of a head: without a bound an answer of 60,000 stops a worker for half a minute.
inline constexpr std::size_t most_operations = 256;
/// Bytes of the names and values of one answer's operations: four times the usual limit of a whole head.
inline constexpr std::size_t most_operation_bytes = 65'536;
/// Bytes of the operations in all answers about one exchange's bodies, which are kept to its end, whatever is said
/// later: a body may have any number of chunks. What only says the same again is not among them.
inline constexpr std::size_t most_kept_bytes = 1'048'576;

/// What agents want changed of one head, in the order in which it applies.
///
/// What a head may grow by is what a client's own head may be: so many fields and bytes, of all agents together. The
/// client's head does not count, since a client could else make an agent fail that fails open. What a later operation
/// undoes is dropped: an agent may set one field in its answer to each of a thousand chunks.
///
/// Thread safety: none; one owner. Lifetime: the arena's, and that of what the operations refer to. Complexity of
/// add(): at most most_operations look-ups in as many.
class Operations {
 public:
  struct Limits {
    std::size_t fields;
    std::size_t bytes;  ///< Of names, values and what stands between them.
  };

  Operations(const Limits& limits, base::Arena& arena) noexcept : limits_(limits), ops_(arena), merged_(arena) {}

  /// Errors: invalid_message where the head would grow above the limits; then none of them was added.
  [[nodiscard]] base::Status add(base::HeaderOps ops);
  /// Whether that was said before, and is what counts: added again it changes nothing.
  [[nodiscard]] bool has(base::HeaderOps ops) const noexcept;
  [[nodiscard]] base::HeaderOps all() const noexcept { return ops_.items(); }

 private:
  Limits limits_;
  base::ArenaList<base::HeaderOp> ops_;
  base::ArenaList<base::HeaderOp> merged_;  // the space of the list before: memory does not grow with the answers
};

}  // namespace picket::inspection
