#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "picket/kdl/document.hpp"

namespace picket::kdl {

/// Blocks within blocks that are followed. Deeper ones would be an attack on the stack; and a tree of 64 levels becomes
/// at most 127 levels of JSON, which every peer reads.
inline constexpr unsigned max_nesting = 64;

/// Bytes of a document.
inline constexpr std::size_t max_document_size = 16UL * 1024 * 1024;

struct Parsed {
  std::vector<Node> nodes;    ///< Everything that could be read; nodes with an error in them are marked broken.
  std::vector<Error> errors;  ///< In file order. Empty: the document is whole.
};

/// Reads a KDL 2 document. After an error it goes on with the next node, so that one run finds them all (at most
/// max_errors). Errors name places in `text`, and `file` as their file. What is returned owns its text. Thread safety:
/// pure. Complexity: linear, but for the digits of hexadecimal numbers, of which there are at most max_number_length.
///
///   const kdl::Parsed parsed = kdl::parse(text);
///   for (const kdl::Error& error : parsed.errors) print(error.at, error.message, error.hint);
///   for (const kdl::Node& node : parsed.nodes) handle(node);
[[nodiscard]] Parsed parse(std::string_view text, std::uint32_t file = 0);

}  // namespace picket::kdl
