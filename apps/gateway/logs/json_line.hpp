#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::logs {

/// What lists of a peer's texts may add to one line, so that no answer costs a worker more than that, and the line
/// always fits its queue: quoted it is six times as much at most.
struct TextRoom {
  static constexpr std::size_t most_in_list = 256;

  std::size_t bytes = 16 * 1024;  ///< Before they are quoted, of all lists.
  std::size_t left_out = 0;       ///< Texts that were not written.

  /// Whether the text may be written; it is counted either way.
  bool takes(std::string_view text) noexcept {
    const bool fits = text.size() <= bytes;
    fits ? bytes -= text.size() : ++left_out;
    return fits;
  }
};

/// Builds one JSON object for one line of a log, keeping its memory from line to line.
class JsonLine {
 public:
  void begin() {
    text_.clear();
    text_ += '{';
  }
  void text(std::string_view name, std::string_view value);
  void number(std::string_view name, std::uint64_t value);
  void null(std::string_view name);
  /// As many of the values as there is room for, which is looked at before anything is quoted.
  void texts(std::string_view name, wire::TextList values, TextRoom& room);
  [[nodiscard]] std::string_view end() {
    text_ += '}';
    return text_;
  }

 private:
  void name(std::string_view name);
  void quoted(std::string_view value);

  std::string text_;
};

}  // namespace picket::apps::gateway::logs
