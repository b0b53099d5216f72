#pragma once

#include <cstdint>
#include <string_view>

namespace picket::websocket {

/// Whether a text is well-formed UTF-8 (Unicode 15, table 3-7), whatever the pieces that it comes in: a fragment may
/// end within a character (RFC 6455 §5.6). Thread safety: a value.
class Utf8Check {
 public:
  /// False: what has come is not the beginning of any text, whatever follows.
  [[nodiscard]] bool feed(std::string_view piece) noexcept;
  /// Whether it may end here.
  [[nodiscard]] bool is_whole() const noexcept { return missing_ == 0; }

 private:
  [[nodiscard]] bool begin(std::uint8_t byte) noexcept;

  std::uint8_t missing_ = 0;   // of the character that has begun
  std::uint8_t least_ = 0x80;  // of the next byte
  std::uint8_t most_ = 0xBF;
};

}  // namespace picket::websocket
