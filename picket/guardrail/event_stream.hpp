#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/recycled_containers.hpp"

namespace picket::guardrail {

/// A part of a stream. Units: bytes since its beginning.
struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Finds the events of an event stream as its bytes come, cut anywhere (WHATWG HTML §9.2.6). It keeps none of them: it
/// says where their data stands.
///
///   while (reader.read(bytes) == EventStream::Found::event) use(reader.data());
///
/// Thread safety: its owner's. Errors: a line whose field has no meaning there is told. Complexity: linear; memory for
/// one event's lines.
class EventStream {
 public:
  enum class Found : std::uint8_t {
    nothing,  ///< All of it was read, and no event has ended.
    event,    ///< One has ended; what is behind it was not read.
    unknown,  ///< What was read is no event stream.
  };
  static constexpr std::size_t most_lines = 1024;  ///< Of data in one event.

  /// `at`: where the stream's bytes begin, behind a byte order mark.
  explicit EventStream(std::uint64_t at = 0) noexcept : at_(at) {}

  /// Reads on until an event has ended; takes what it has read from the front.
  [[nodiscard]] Found read(std::string_view& bytes);
  /// Nothing comes any more: what has no end is an event all the same, since receivers may take it for one.
  [[nodiscard]] Found finish();
  /// Of the event that has ended: its lines of data, in order; none where it has none.
  [[nodiscard]] std::span<const Range> data() const noexcept { return data_; }
  /// All that was read belongs to events that have ended, or to none.
  [[nodiscard]] bool is_between_events() const noexcept { return line_ == Line::begins && !is_in_event_; }

 private:
  enum class Line : std::uint8_t { begins, has_name, has_value, is_comment };

  [[nodiscard]] Found read_byte(char c);
  [[nodiscard]] Found end_line();

  std::uint64_t at_;
  Line line_ = Line::begins;
  std::array<char, 8> name_{};
  std::size_t name_size_ = 0;
  std::uint64_t value_ = 0;     // where it begins
  bool value_is_empty_ = true;  // so far: a space is left out
  bool was_return_ = false;     // a line feed behind it belongs to it
  bool is_in_event_ = false;    // it has fields
  bool has_ended_ = false;      // data_ is of an event before
  base::RecycledVector<Range> data_;
};

}  // namespace picket::guardrail
