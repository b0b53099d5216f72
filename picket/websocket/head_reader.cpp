#include "picket/websocket/head_reader.hpp"

#include <algorithm>

namespace picket::websocket {
namespace {

constexpr unsigned fin_bit = 0x80;
constexpr unsigned reserved = 0x70;
constexpr unsigned opcode_bits = 0x0F;
constexpr unsigned mask_bit = 0x80;
constexpr unsigned length_bits = 0x7F;

constexpr bool is_known(unsigned opcode) noexcept { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

std::expected<std::optional<FrameHead>, Breach> HeadReader::read(std::span<char>& bytes) noexcept {
  while (!bytes.empty()) {
    bytes_[have_++] = static_cast<std::uint8_t>(bytes.front());
    bytes = bytes.subspan(1);
    if (const auto breach = check()) return std::unexpected(*breach);
    if (have_ < 2 || have_ < whole_size()) continue;
    have_ = 0;
    return head();
  }
  return std::nullopt;
}

/// What the byte that came last shows.
std::optional<Breach> HeadReader::check() const noexcept {
  const unsigned opcode = byte(0) & opcode_bits;
  const bool controls = opcode >= 8;
  if (have_ == 1) {
    if ((byte(0) & reserved) != 0) return Breach::reserved_bits;
    if (!is_known(opcode)) return Breach::unknown_opcode;
    if (controls && (byte(0) & fin_bit) == 0) return Breach::fragmented_control;
  } else if (have_ == 2) {
    if (((byte(1) & mask_bit) != 0) != (sender_ == Sender::client)) return Breach::masking;
    if (controls && (byte(1) & length_bits) > longest_control) return Breach::long_control;
  } else {
    return check_length();
  }
  return std::nullopt;
}

/// §5.2: the shortest form, and the top bit is 0.
std::optional<Breach> HeadReader::check_length() const noexcept {
  if (length_size() == 8 && have_ == 3 && (byte(2) & 0x80) != 0) return Breach::length;
  if (length_size() == 0 || have_ != 2 + length_size()) return std::nullopt;
  const std::uint64_t least = length_size() == 2 ? longest_control + 1 : 0x10000;
  return length() < least ? std::optional{Breach::length} : std::nullopt;
}

/// Bytes of a length that does not stand in the second byte.
std::size_t HeadReader::length_size() const noexcept {
  const unsigned said = byte(1) & length_bits;
  return said == 126 ? 2 : said == 127 ? 8 : 0;
}

std::size_t HeadReader::whole_size() const noexcept {
  return 2 + length_size() + ((byte(1) & mask_bit) != 0 ? std::tuple_size_v<MaskKey> : 0);
}

std::uint64_t HeadReader::length() const noexcept {
  if (length_size() == 0) return byte(1) & length_bits;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < length_size(); ++i) value = value << 8 | byte(2 + i);
  return value;
}

FrameHead HeadReader::head() const noexcept {
  FrameHead head{
      .opcode = static_cast<Opcode>(byte(0) & opcode_bits), .fin = (byte(0) & fin_bit) != 0, .size = length()};
  if ((byte(1) & mask_bit) != 0) {
    head.mask.emplace();
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(2 + length_size()), head.mask->size(), head.mask->begin());
  }
  return head;
}

}  // namespace picket::websocket
