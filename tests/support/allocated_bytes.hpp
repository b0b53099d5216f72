#pragma once

#include <cstddef>

#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__)
#define PICKET_TESTS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PICKET_TESTS_ASAN 1
#endif
#endif
#ifdef PICKET_TESTS_ASAN
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();
#endif

namespace picket::tests {

/// Bytes that are allocated now, by the allocator's own word.
inline std::size_t allocated_bytes() {
#ifdef PICKET_TESTS_ASAN
  return __sanitizer_get_current_allocated_bytes();
#else
  return ::mallinfo2().uordblks;
#endif
}

}  // namespace picket::tests
