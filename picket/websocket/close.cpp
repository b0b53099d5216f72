#include "picket/websocket/close.hpp"

#include <algorithm>
#include <span>

#include "picket/websocket/utf8_check.hpp"

namespace picket::websocket {

bool is_reason(std::string_view reason) noexcept {
  Utf8Check check;
  return reason.size() <= longest_reason && check.feed(reason) && check.is_whole();
}

bool is_close_payload(std::string_view payload) noexcept {
  if (payload.empty()) return true;
  if (payload.size() < 2) return false;
  const auto high = static_cast<std::uint8_t>(payload[0]);
  const auto low = static_cast<std::uint8_t>(payload[1]);
  return may_be_sent(static_cast<std::uint16_t>(high << 8 | low)) && is_reason(payload.substr(2));
}

CloseFrame::CloseFrame(std::uint16_t code, std::string_view reason, const std::optional<MaskKey>& key) noexcept {
  const std::size_t size = 2 + reason.size();
  const FrameHead head{.opcode = Opcode::close, .size = size, .mask = key};
  const std::size_t begins = write_head(std::span{bytes_}.first<longest_head>(), head).size();
  bytes_[begins] = static_cast<char>(code >> 8);
  bytes_[begins + 1] = static_cast<char>(code & 0xFF);
  std::ranges::copy(reason, bytes_.begin() + static_cast<std::ptrdiff_t>(begins + 2));
  if (key) mask(std::span{bytes_}.subspan(begins, size), *key);
  size_ = begins + size;
}

}  // namespace picket::websocket
