#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "apps/guard/tokens.hpp"

namespace picket::apps::guard {

/// Goes through JSON as it comes: a document, several in a row, or in events of a stream (SSE). It checks nothing: what
/// is no JSON is passed over, and the next event of a stream begins anew.
///
/// Thread safety: none. Complexity: linear; it keeps four names and one value, of at most 64 bytes each.
class JsonWalk {
 public:
  enum class Step : std::uint8_t {
    none,
    member,  ///< The value of a member has ended: until the next step name(), value() and is_at() are about it.
    object,  ///< An object or array begins that is the member name().
  };

  /// One byte further.
  Step take(char c);

  [[nodiscard]] std::string_view name() const noexcept { return name_; }
  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  [[nodiscard]] bool is_text() const noexcept { return is_text_; }
  /// Whether there was more of the value than is kept.
  [[nodiscard]] bool is_cut() const noexcept { return is_cut_; }
  /// Whether the member stands in the object to which these names lead from the root: "" is the root, "message.usage"
  /// a member of its member. An array around the root does not count; nothing in any other array is at such a place.
  [[nodiscard]] bool is_at(std::string_view path) const noexcept;

  /// Whether anything was JSON.
  [[nodiscard]] bool is_any() const noexcept { return is_any_; }
  /// An estimate of all texts but names and `id` and the like.
  [[nodiscard]] std::uint64_t tokens() const noexcept { return texts_.tokens(); }

 private:
  static constexpr std::size_t deepest = 4;  // whose names are kept
  static constexpr std::size_t longest_value = 64;

  /// Where it is: `value` is behind a text or a scalar, of which the next sign tells what it was.
  enum class In : std::uint8_t { nothing, text, scalar, value };

  void settle();
  void end_event();
  void begin(In what);
  void keep(char c);
  void take_of_text(char c);
  Step take_between(char c);
  void take_name();
  Step end_value();

  std::array<std::string, deepest> path_;  // by which each open object or array is a member of the one around it
  std::size_t depth_ = 0;
  std::string name_;  // of the member whose value comes; empty in arrays
  std::string value_;
  In in_ = In::nothing;
  char sign_ = '\0';           // that has ended a value, until the next step
  std::uint8_t hex_left_ = 0;  // of "\u00e9"
  bool is_escaped_ = false;
  bool is_text_ = false;
  bool is_cut_ = false;
  bool is_in_root_array_ = false;
  bool is_any_ = false;
  bool is_stream_ = false;
  bool is_event_data_ = true;  // this line so far
  std::size_t line_ = 0;       // its bytes so far
  TokenCount text_;
  TokenCount texts_;
};

}  // namespace picket::apps::guard
