#pragma once

#include <optional>
#include <string>

#include "picket/kdl/cursor.hpp"

namespace picket::kdl {

/// Reads the string whose opening quote stands at the cursor: "…" or """…""". Errors: reported to the cursor, which
/// then stands where reading a node can go on. Escapes are resolved; of several lines the indentation is removed (KDL
/// 2.0.0, "Multi-line Strings").
[[nodiscard]] std::optional<std::string> read_quoted(Cursor& cursor);

/// The same for raw strings, whose first # stands at the cursor: #"…"#, ##"""…"""##.
[[nodiscard]] std::optional<std::string> read_raw(Cursor& cursor);

/// What a multi-line string says: the indentation of its last line removed from the others.
struct Dedented {
  std::string text;
  std::size_t bad_line = 0;  ///< 1-based line that lacks the indentation; 0: none.
  bool bad_end = false;      ///< Something other than white space stands before the closing quotes.
};
/// `body`: everything between the quotes but the first newline, its newlines already \n.
[[nodiscard]] Dedented dedent(std::string_view body);

}  // namespace picket::kdl
