#pragma once

#include <string_view>

/// The version of the library that these headers belong to: docs/library.md says what may change between two of them.
/// The build reads it from here. For the preprocessor, where one source is to compile with two versions:
///
///   #if PICKET_VERSION_MAJOR == 0 && PICKET_VERSION_MINOR < 2
#define PICKET_VERSION_MAJOR 0
#define PICKET_VERSION_MINOR 1
#define PICKET_VERSION_PATCH 0
#define PICKET_VERSION "0.1.0"

namespace picket {

/// As text, "MAJOR.MINOR.PATCH".
inline constexpr std::string_view version = PICKET_VERSION;

}  // namespace picket
