#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace picket::session {

/// A peer's words as they may stand in a log line: bytes that are no printable ASCII are written as \xNN, so that they
/// end no line and move no cursor. What needs more than `longest` bytes when it is written is cut there, and its own
/// size is said. Pure. Units: bytes of the result. Complexity: linear in what is shown.
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest = 1024);

/// The same in brackets, for words that are a message: [{"success":false}].
[[nodiscard]] std::string quoted(std::string_view text, std::size_t longest = 1024);

}  // namespace picket::session
