#pragma once

/// What AddressSanitizer is told of memory that is kept for later: ASAN_POISON_MEMORY_REGION(address, size) has it
/// report each use, ASAN_UNPOISON_MEMORY_REGION ends that. Nothing in builds without it, and where its headers are not
/// installed.
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#define ASAN_UNPOISON_MEMORY_REGION(address, size) (static_cast<void>(address), static_cast<void>(size))
#endif
