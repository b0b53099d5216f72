#pragma once

/// What AddressSanitizer is told of memory that is kept for later: ASAN_POISON_MEMORY_REGION(address, size) has it
/// report each use, ASAN_UNPOISON_MEMORY_REGION ends that. Nothing in builds without it, and where its headers are not
/// installed.
///
/// Poisoned memory is to be unpoisoned before it goes back to the system, or whoever gets those addresses next is
/// reported. Units: bytes; a granule of 8 of which a part is in use may stay readable. Thread safety: as whoever owns
/// the memory.
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif

/// PICKET_UNDER_ASAN: defined in builds with it.
#if defined(__SANITIZE_ADDRESS__)
#define PICKET_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PICKET_UNDER_ASAN 1
#endif
#endif
