#pragma once

#include <cstddef>

#include <malloc.h>

#include "picket/base/poison.hpp"

#ifdef PICKET_UNDER_ASAN
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace picket::tests {

/// Bytes that are allocated now, by the allocator's own word.
inline std::size_t allocated_bytes() {
#ifdef PICKET_UNDER_ASAN
  return __sanitizer_get_current_allocated_bytes();
#else
  return ::mallinfo2().uordblks;
#endif
}

}  // namespace picket::tests
