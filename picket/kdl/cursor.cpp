#include "picket/kdl/cursor.hpp"

namespace picket::kdl {
namespace {

/// Comments nest, counted and not by recursion: their depth is the file's choice.
bool skip_block_comment(Cursor& cursor) {
  if (!cursor.starts_with("/*")) return false;
  const std::uint32_t begin = cursor.position();
  std::size_t depth = 0;
  do {
    if (cursor.accept("/*")) {
      ++depth;
    } else if (cursor.accept("*/")) {
      --depth;
    } else if (!cursor.at_end()) {
      cursor.advance_code_point();
    } else {
      cursor.error(cursor.span(begin, begin + 2), "this comment is never closed",
                   depth > 1 ? "comments nest: every /* needs a */ of its own" : "close it with */");
      cursor.stop();
      depth = 0;
    }
  } while (depth > 0);
  return true;
}

bool skip_blanks(Cursor& cursor) {
  const std::uint32_t begin = cursor.position();
  while (true) {
    const CodePoint point = cursor.code_point();
    if (point.length != 0 && is_space(point.value)) {
      cursor.advance(point.length);
    } else if (!skip_block_comment(cursor)) {
      return cursor.position() != begin;
    }
  }
}

/// A \ that something else follows on its line is left where it is, for the caller to complain about.
bool skip_continuation(Cursor& cursor) {
  if (cursor.peek() != '\\') return false;
  const std::uint32_t begin = cursor.position();
  cursor.advance(1);
  skip_blanks(cursor);
  if (cursor.starts_with("//")) cursor.skip_line();
  if (cursor.at_end()) return true;
  if (const std::size_t newline = cursor.newline(); newline != 0) {
    cursor.advance(newline);
    return true;
  }
  cursor.seek(begin);
  return false;
}

}  // namespace

bool skip_node_space(Cursor& cursor) {
  bool any = false;
  while (skip_blanks(cursor) || skip_continuation(cursor)) any = true;
  return any;
}

void skip_line_space(Cursor& cursor) {
  while (true) {
    skip_node_space(cursor);
    if (const std::size_t newline = cursor.newline(); newline != 0) {
      cursor.advance(newline);
    } else if (cursor.starts_with("//")) {
      cursor.skip_line();
    } else {
      return;
    }
  }
}

}  // namespace picket::kdl
