#include "apps/gateway/logs/json_line.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "picket/wire/codec.hpp"

namespace picket::apps::gateway::logs {

void JsonLine::name(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  text_ += '"';
  text_ += name;
  text_ += "\":";
}

void JsonLine::quoted(std::string_view value) { text_ += wire::to_json(wire::Value{value}); }

void JsonLine::text(std::string_view field, std::string_view value) {
  name(field);
  quoted(value);
}

void JsonLine::number(std::string_view field, std::uint64_t value) {
  name(field);
  fmt::format_to(std::back_inserter(text_), "{}", value);
}

void JsonLine::null(std::string_view field) {
  name(field);
  text_ += "null";
}

void JsonLine::texts(std::string_view field, wire::TextList values, TextRoom& room) {
  const auto looked_at = values.first(std::min(values.size(), TextRoom::most_in_list));
  room.left_out += values.size() - looked_at.size();
  name(field);
  text_ += '[';
  for (const auto& value : looked_at) {
    if (!room.takes(value)) continue;
    if (text_.back() != '[') text_ += ',';
    quoted(value);
  }
  text_ += ']';
}

}  // namespace picket::apps::gateway::logs
