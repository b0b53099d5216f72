#include "picket/websocket/frame.hpp"

#include <cstring>

namespace picket::websocket {

std::string_view write_head(std::span<char, longest_head> out, const FrameHead& head) noexcept {
  constexpr unsigned fin = 0x80;
  constexpr unsigned masked = 0x80;
  std::size_t used = 0;
  const auto put = [&](unsigned byte) { out[used++] = static_cast<char>(byte); };
  const auto put_number = [&](unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) put(static_cast<unsigned>(head.size >> (8 * i)) & 0xFF);
  };
  const unsigned mask_bit = head.mask ? masked : 0;
  put((head.fin ? fin : 0) | static_cast<unsigned>(head.opcode));
  if (head.size <= longest_control) {
    put(mask_bit | static_cast<unsigned>(head.size));
  } else if (head.size <= 0xFFFF) {
    put(mask_bit | 126);
    put_number(2);
  } else {
    put(mask_bit | 127);
    put_number(8);
  }
  if (head.mask)
    for (const std::uint8_t byte : *head.mask) put(byte);
  return {out.data(), used};
}

void mask(std::span<char> bytes, const MaskKey& key, std::uint64_t offset) noexcept {
  std::array<std::uint8_t, 8> turned{};
  for (std::size_t i = 0; i < turned.size(); ++i) turned[i] = key[(offset + i) % key.size()];
  std::uint64_t word_key = 0;
  std::memcpy(&word_key, turned.data(), sizeof word_key);
  std::size_t at = 0;
  for (; at + sizeof word_key <= bytes.size(); at += sizeof word_key) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    word ^= word_key;
    std::memcpy(bytes.data() + at, &word, sizeof word);
  }
  for (; at < bytes.size(); ++at) bytes[at] = static_cast<char>(static_cast<std::uint8_t>(bytes[at]) ^ turned[at % 8]);
}

}  // namespace picket::websocket
