#include "picket/kdl/parser.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "picket/kdl/cursor.hpp"
#include "picket/kdl/scalars.hpp"

namespace picket::kdl {
namespace {

/// Recursive descent. What fails reports why and returns; the node it belongs to is marked broken and read on from the
/// next place where that makes sense.
class Parser {
 public:
  explicit Parser(Cursor& cursor) : cursor_(cursor) {}

  void document(std::vector<Node>& out) {
    while (true) {
      nodes(out);
      if (cursor_.at_end()) return;
      cursor_.error(cursor_.span(cursor_.position(), cursor_.position() + 1), "this } closes nothing",
                    "remove it, or find the { that is missing before it");
      cursor_.advance(1);
    }
  }

 private:
  enum class Part : std::uint8_t { more, end, broken };

  /// What a node has had so far that decides what may follow.
  struct Progress {
    bool block = false;      ///< A block that counts.
    bool any_block = false;  ///< That, or one behind /-.
  };

  /// Nodes up to the end or to a } that is left standing.
  void nodes(std::vector<Node>& out) {
    for (skip_line_space(cursor_); !cursor_.at_end() && cursor_.peek() != '}'; skip_line_space(cursor_)) node(out);
  }

  void node(std::vector<Node>& out) {
    const bool discarded = cursor_.accept("/-");
    if (discarded) skip_line_space(cursor_);
    Node node;
    if (!head(node)) fail(node);
    Progress progress;
    for (Part part = next(node, progress); part != Part::end; part = next(node, progress)) {
      if (part == Part::broken) fail(node);
    }
    if (!discarded) out.push_back(std::move(node));
  }

  bool head(Node& node) {
    if (!read_type(cursor_, node.type)) return false;
    if (node.type) skip_node_space(cursor_);
    auto name = read_name(cursor_, "a node's name");
    if (!name) return false;
    node.name = std::move(*name);
    return true;
  }

  Part next(Node& node, Progress& progress) {
    const bool spaced = skip_node_space(cursor_);
    if (terminator()) return Part::end;
    if (cursor_.starts_with("/-")) return discarded_part(progress);
    if (cursor_.peek() == '{') return block(node, progress);
    if (progress.any_block) {
      const std::uint32_t at = cursor_.position();
      cursor_.error(cursor_.span(at, at + 1), "only a new line or ; may stand behind a node's block",
                    "put ; or a new line here; arguments and properties stand before the block");
      return Part::broken;
    }
    if (!spaced) return not_spaced(node);
    return entry(node) ? Part::more : Part::broken;
  }

  /// Consumes what ends a node, but a }, which belongs to the block around it.
  bool terminator() {
    if (cursor_.at_end() || cursor_.peek() == '}') return true;
    if (cursor_.starts_with("//")) cursor_.skip_line();
    if (cursor_.accept(";")) return true;
    const std::size_t newline = cursor_.newline();
    cursor_.advance(newline);
    return newline != 0 || cursor_.at_end();
  }

  Part discarded_part(Progress& progress) {
    const std::uint32_t begin = cursor_.position();
    cursor_.advance(2);
    skip_line_space(cursor_);
    Node discarded;
    if (cursor_.peek() == '{') {
      Progress none;
      progress.any_block = true;
      return block(discarded, none);
    }
    if (progress.any_block) {
      cursor_.error(cursor_.span(begin, begin + 2), "only blocks may stand behind a node's block, even behind /-",
                    "put ; or a new line before /-");
      return Part::broken;
    }
    return entry(discarded) ? Part::more : Part::broken;
  }

  Part block(Node& node, Progress& progress) {
    const std::uint32_t open = cursor_.position();
    if (progress.block)
      cursor_.error(cursor_.span(open, open + 1), "a node has one block, this is its second", "join the two blocks");
    if (depth_ == max_nesting) {
      cursor_.error(cursor_.span(open, open + 1), fmt::format("blocks are nested more than {} deep", max_nesting),
                    "use fewer levels");
      cursor_.stop();
      return Part::end;
    }
    cursor_.advance(1);
    ++depth_;
    const bool second = std::exchange(progress.block, true);
    progress.any_block = true;
    std::vector<Node> unwanted;
    nodes(second ? unwanted : node.children);
    node.has_block = true;
    --depth_;
    close(open);
    return Part::more;
  }

  /// Where one } is missing it is the outermost block that ends up open; the culprit is the one whose } is indented for
  /// another block.
  void close(std::uint32_t open) {
    const std::uint32_t end = cursor_.position();
    if (cursor_.accept("}")) {
      const std::string_view indent = indent_before(end);
      const bool first_on_line = indent.data() + indent.size() == cursor_.text(end, end).data();
      if (first_on_line && indent != indent_before(open) && !misaligned_) misaligned_ = open;
      return;
    }
    const std::uint32_t culprit = misaligned_.value_or(open);
    cursor_.error(cursor_.span(culprit, culprit + 1), "this block is never closed", "its } is missing");
    cursor_.stop();
  }

  /// The white space that the line of `at` begins with.
  [[nodiscard]] std::string_view indent_before(std::uint32_t at) const {
    const std::string_view before = cursor_.text(0, at);
    const std::size_t begin = before.find_last_of("\r\n") + 1;  // npos + 1 is 0: the first line.
    return before.substr(begin, std::min(before.find_first_not_of(" \t", begin), before.size()) - begin);
  }

  /// An argument or property.
  bool entry(Node& node) {
    auto value = read_value(cursor_);
    if (!value) return false;
    const std::uint32_t end = cursor_.position();
    skip_node_space(cursor_);
    const std::uint32_t equals = cursor_.position();
    if (!cursor_.accept("=")) {
      cursor_.seek(end);
      node.arguments.push_back(std::move(*value));
      return true;
    }
    auto* const key = std::get_if<String>(&value->data);
    if (value->type || key == nullptr) {
      cursor_.error(
          cursor_.span(equals, equals + 1),
          value->type ? "a type may not stand before a property's name" : "what stands before this = is no name",
          value->type ? "put it behind the =: name=(type)value" : "put a property's name into quotes");
      return false;
    }
    skip_node_space(cursor_);
    Property property{{std::move(key->text), value->at}, {}};
    auto content = read_value(cursor_);
    if (!content) return false;
    property.value = std::move(*content);
    node.properties.push_back(std::move(property));
    return true;
  }

  /// Two things that touch: foo"bar".
  Part not_spaced(const Node& node) {
    const std::uint32_t at = cursor_.position();
    const bool raw_of_kdl_1 =
        (cursor_.peek() == '"' || cursor_.peek() == '#') && cursor_.text(at - 1, at) == "r" && !node.arguments.empty();
    if (raw_of_kdl_1) {
      cursor_.error(cursor_.span(at - 1, at + 1), "this is how KDL 1 wrote raw strings", "write #\"…\"#");
    } else if (cursor_.text(at - 1, at) == "\"") {
      cursor_.error(cursor_.span(at, at + 1), "a space is missing between this and the string before it",
                    "is there a quote too many or too few on this line?");
    } else if (!report_stray(cursor_)) {
      cursor_.error(cursor_.span(at, at + 1), "a space is missing here",
                    "separate names, arguments and properties by spaces");
    }
    return Part::broken;
  }

  /// Goes to where the rest of a broken node can be read: its block, or its end.
  void fail(Node& node) {
    node.broken = true;
    while (!cursor_.at_end() && cursor_.newline() == 0 && !cursor_.starts_with("//")) {
      const char byte = cursor_.peek();
      if (byte == ';' || byte == '{' || byte == '}') return;
      if (byte == '"') {
        skip_string();
      } else {
        cursor_.advance_code_point();
      }
    }
  }

  /// Past a string that closes on its line, so that no ; or { in it is taken for the node's; else past its quote.
  void skip_string() {
    cursor_.advance(1);
    const std::uint32_t begin = cursor_.position();
    for (; !cursor_.at_end() && cursor_.newline() == 0; cursor_.advance_code_point()) {
      if (cursor_.accept("\"")) return;
      if (cursor_.peek() == '\\') cursor_.advance(1);
    }
    cursor_.seek(begin);
  }

  Cursor& cursor_;
  unsigned depth_ = 0;
  std::optional<std::uint32_t> misaligned_;  ///< The { of the first block whose } is indented otherwise.
};

/// What may stand nowhere, not even in comments; found first, so that all else may rely on the text being good.
bool check_characters(Cursor cursor) {
  bool good = true;
  for (; !cursor.at_end(); cursor.advance_code_point()) {
    const CodePoint point = cursor.code_point();
    const std::uint32_t at = cursor.position();
    if (point.length == 0) {
      cursor.error(cursor.span(at, at + 1), "this byte is not UTF-8", "save the file as UTF-8");
      return false;
    }
    if (!is_disallowed(point.value)) continue;
    cursor.error(cursor.span(at, at + point.length),
                 fmt::format("the invisible character U+{:04X} may not stand in a file",
                             static_cast<std::uint32_t>(point.value)),
                 fmt::format("remove it; where it is meant, write \\u{{{:x}}} in a string",
                             static_cast<std::uint32_t>(point.value)));
    good = false;
  }
  return good;
}

}  // namespace

Parsed parse(std::string_view text, std::uint32_t file) {
  Parsed parsed;
  if (text.size() > max_document_size) {
    parsed.errors.push_back({{file, 0, 0},
                             fmt::format("the file is larger than {} MiB", max_document_size / (1024 * 1024)),
                             "split it, or check that it is the right one"});
    return parsed;
  }
  Cursor cursor(text, file, parsed.errors);
  cursor.accept("\uFEFF");
  if (check_characters(cursor)) Parser(cursor).document(parsed.nodes);
  std::ranges::sort(parsed.errors, {}, [](const Error& error) { return std::pair(error.at.begin, error.at.end); });
  return parsed;
}

}  // namespace picket::kdl
