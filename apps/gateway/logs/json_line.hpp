#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::logs {

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
  void texts(std::string_view name, wire::TextList values);
  [[nodiscard]] std::string_view end() {
    text_ += '}';
    return text_;
  }

 private:
  void name(std::string_view name);
  void quoted(std::string_view value);

  std::string text_;
};

/// The wall-clock time as RFC 3339 in UTC with microseconds.
[[nodiscard]] std::string_view rfc3339_now(std::string& buffer);

}  // namespace picket::apps::gateway::logs
