#pragma once

#include <cstdint>
#include <string>

namespace picket::apps::gateway::config {

/// One thing that is wrong with a configuration, ready to be shown: where, what, and what to do.
struct Diagnostic {
  std::string file;          ///< As it was named, by the caller or by an include.
  std::uint32_t line = 0;    ///< 1-based; 0 where the file as a whole is meant: it can't be read.
  std::uint32_t column = 0;  ///< 1-based, in characters: a tab is one, and so is é.
  std::uint32_t length = 0;  ///< Characters of the line that are meant; 0 is a place between two.
  std::string message;
  std::string hint;         ///< May be empty.
  std::string source_line;  ///< The whole line, without its newline.
  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

/// The text for people, as compilers write it, with a newline at the end:
///
///     gateway.kdl:12:5: error: "timeut-ms" is not known in agent "waf"
///        12 |     timeut-ms 250
///           |     ^~~~~~~~~
///     hint: did you mean "timeout-ms"?
///
/// Long lines are cut around the caret. What a terminal would obey is shown as U+FFFD.
[[nodiscard]] std::string render(const Diagnostic& diagnostic, bool colour);

}  // namespace picket::apps::gateway::config
