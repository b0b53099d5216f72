#pragma once

#include <cstdint>

namespace picket::tests {

/// How often any thread of this program has called the global operator new so far. Linking counting.cpp replaces the
/// operator, under sanitizers too. Thread safety: any thread.
[[nodiscard]] std::uint64_t allocations() noexcept;

}  // namespace picket::tests
