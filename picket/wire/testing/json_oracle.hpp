#pragma once

#include <random>
#include <string>
#include <string_view>

#include <simdjson.h>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"

/// simdjson's DOM as the judge of our JSON reader.
namespace picket::wire::testing {

/// What simdjson read, as ours. Lifetime: in the arena only.
[[nodiscard]] inline Value value_of(simdjson::dom::element element, base::Arena& arena) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::NULL_VALUE: return {};
    case element_type::BOOL: return {bool{element}};
    case element_type::INT64: return {std::int64_t{element}};
    case element_type::UINT64: return {std::uint64_t{element}};
    case element_type::DOUBLE: return {double{element}};
    case element_type::STRING: return {arena.copy(std::string_view{element})};
    case element_type::ARRAY: {
      base::ArenaList<Value> items{arena};
      for (const auto item : simdjson::dom::array{element}) items.push_back(value_of(item, arena));
      return {Value::List{items.items()}};
    }
    case element_type::OBJECT: {
      base::ArenaList<Member> members{arena};
      for (const auto [key, value] : simdjson::dom::object{element})
        members.push_back({arena.copy(key), value_of(value, arena)});
      return {Value::Object{members.items()}};
    }
  }
  return {};
}

/// Where the two may differ: each by a rule of ours that simdjson does not have, or the reverse.
struct Disagreement {
  bool we_accept;
  std::string_view ours;    ///< Part of our error, where we refuse.
  std::string_view theirs;  ///< Part of simdjson's error, where it refuses.
  std::string_view reason;
};
inline constexpr Disagreement disagreements[] = {
    {false, "levels of nesting", "", "we follow 127 levels (protocol.md §10), simdjson 1024"},
    {false, "more than 1048576 values", "", "our bound on memory"},
    {false, "lone low surrogate", "", "simdjson turns it into bytes that are not UTF-8"},
    {true, "", "number", "integers beyond 64 bits are real numbers to us, as RFC 8259 has one kind only"},
};

/// What is wrong with our reading of `text`; empty where both agree, in the verdict and in the value.
[[nodiscard]] inline std::string disagreement(std::string_view text) {
  base::Arena arena;
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  const auto error = parser.parse(simdjson::padded_string{text}).get(element);
  const auto ours = parse_json(text, arena);
  const bool they_accept = error == simdjson::SUCCESS;
  if (ours && they_accept) {
    if (!(*ours == value_of(element, arena))) return "another value: " + to_json(*ours);
    const auto again = parse_json(to_json(*ours), arena);
    return again && *again == *ours ? "" : "not the same once written: " + to_json(*ours);
  }
  if (!ours && !they_accept) return "";
  const std::string what = ours ? simdjson::error_message(error) : ours.error().detail();
  for (const auto& known : disagreements) {
    const auto& part = ours ? known.theirs : known.ours;
    if (known.we_accept == ours.has_value() && what.find(part) != std::string::npos) return "";
  }
  return (ours ? "accepted by us alone; simdjson: " : "refused by us alone: ") + what;
}

/// `text` with a few small changes: bytes, structure, pieces cut out, doubled or moved.
[[nodiscard]] inline std::string mutated(std::string text, std::mt19937& random) {
  static constexpr std::string_view structure = "[]{}:,\"\\ 0-.eE+tfnu\x01\x80\xED\xF4";
  for (std::size_t changes = 1 + random() % 3; changes != 0 && !text.empty(); --changes) {
    const std::size_t at = random() % text.size();
    switch (random() % 5) {
      case 0: text[at] = static_cast<char>(random()); break;
      case 1: text[at] = structure[random() % structure.size()]; break;
      case 2: text.insert(at, 1, structure[random() % structure.size()]); break;
      case 3: text.erase(at, 1 + random() % 4); break;
      default: text.insert(random() % text.size(), text.substr(at, 1 + random() % 8)); break;
    }
  }
  return text;
}

}  // namespace picket::wire::testing
