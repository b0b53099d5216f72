#pragma once

#include <span>
#include <string>
#include <string_view>

#include "picket/kdl/document.hpp"

namespace picket::kdl {

/// The canonical form of a document: a node a line, four spaces a level, strings bare where they can be, properties by
/// name with the last of each, numbers in simplest decimal form. parse() reads it back to an equal document. Thread
/// safety: pure. Errors: none; nodes that are broken are written as far as they were read. Comments and the layout of
/// the file are lost: they are not in a document. Complexity: linear, and for a node's properties as sorting is.
[[nodiscard]] std::string write(std::span<const Node> nodes);

/// A string as the writer puts it: bare, or in quotes with escapes.
[[nodiscard]] std::string write_string(std::string_view text);

}  // namespace picket::kdl
