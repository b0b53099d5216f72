#pragma once

/// For functions that use AVX2 in a program that runs on any x86-64: only they may, and only where has_avx2(). Without
/// PICKET_HAS_AVX2 (option PICKET_PORTABLE, other processors) there are none, and what they do is done otherwise.
#if defined(__x86_64__) && !defined(PICKET_PORTABLE)
#define PICKET_HAS_AVX2 1
#define PICKET_AVX2 __attribute__((target("avx2")))

namespace picket::wire::internal {

[[nodiscard]] inline bool has_avx2() noexcept {
  static const bool has = [] {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") != 0;
  }();
  return has;
}

}  // namespace picket::wire::internal

#endif
