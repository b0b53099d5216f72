#pragma once

#include <optional>
#include <string_view>

#include "picket/kdl/cursor.hpp"
#include "picket/kdl/document.hpp"

/// The smallest parts of a document: values, names, type annotations. Each reads at the cursor, and reports to it what
/// it does not find.
namespace picket::kdl {

/// A string, number or keyword with the type annotation before it, if any. Nothing where something is wrong with it,
/// which is reported then.
[[nodiscard]] std::optional<Value> read_value(Cursor& cursor);

/// A string of any kind. `wanted` says what for: "a node's name".
[[nodiscard]] std::optional<Name> read_name(Cursor& cursor, std::string_view wanted);

/// (type), if there is one. False: there is one that is wrong.
[[nodiscard]] bool read_type(Cursor& cursor, std::optional<Name>& type);

/// Reports the character at the cursor where it can't begin anything, and says what was probably meant. False: it can.
bool report_stray(Cursor& cursor);

}  // namespace picket::kdl
