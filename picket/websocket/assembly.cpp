#include "picket/websocket/assembly.hpp"

#include <algorithm>
#include <cstring>

#include "picket/websocket/close.hpp"

namespace picket::websocket {
namespace {

// A message's memory that stays for the next one, in bytes.
constexpr std::size_t kept = std::size_t{64} * 1024;

/// Writes a head in front of a payload that has room for one before it.
std::string_view seal_in_place(std::span<char> room_and_payload, Opcode opcode, const std::optional<MaskKey>& key) {
  const auto payload = room_and_payload.subspan(longest_head);
  std::array<char, longest_head> space{};
  const std::string_view head = write_head(space, {.opcode = opcode, .size = payload.size(), .mask = key});
  char* const begins = payload.data() - head.size();
  std::memcpy(begins, head.data(), head.size());
  if (key) mask(payload, *key);
  return {begins, head.size() + payload.size()};
}

}  // namespace

Assembly::Read Assembly::read(std::span<char>& bytes) {
  while (true) {
    if (!head_) {
      const auto head = heads_.read(bytes);
      if (!head) return std::unexpected(head.error());
      if (!*head) return std::nullopt;
      if (const auto breach = begin(**head)) return std::unexpected(*breach);
    }
    const std::size_t size = std::min<std::uint64_t>(bytes.size(), head_->size - came_);
    const auto breach = take(bytes.first(size));
    bytes = bytes.subspan(size);
    if (breach) return std::unexpected(*breach);
    if (came_ < head_->size) return std::nullopt;
    if (const auto wrong = finish()) return std::unexpected(*wrong);
    Frame whole = frame();
    head_.reset();
    return whole;
  }
}

std::optional<Breach> Assembly::begin(const FrameHead& head) {
  if (!is_control(head.opcode)) {
    const bool continues = head.opcode == Opcode::continuation;
    if (continues && !is_in_message_) return Breach::lone_continuation;
    if (!continues && is_in_message_) return Breach::unfinished_message;
    const std::size_t before = continues ? shed_ + held() : 0;
    if (head.size > most_ - before) return Breach::too_large;
    if (!continues) {
      kind_ = head.opcode;
      begin_message();
    }
  }
  head_ = head;
  came_ = 0;
  return std::nullopt;
}

void Assembly::begin_message() {
  forget();
  leave_room();
  text_ = {};
  is_in_message_ = true;
}

void Assembly::leave_room() {
  static_cast<void>(message_.prepare(longest_head));
  message_.commit(longest_head);
}

void Assembly::shed() {
  shed_ += held();
  empty();
  leave_room();
}

void Assembly::forget() {
  empty();
  shed_ = 0;
  is_complete_ = false;
}

void Assembly::empty() {
  if (message_.capacity() > kept) {
    message_.release();
  } else {
    message_.clear();
  }
}

std::optional<Breach> Assembly::take(std::span<char> piece) {
  char* at = control_.data() + longest_head + came_;
  if (!is_control(head_->opcode)) {
    at = message_.prepare(piece.size());
    message_.commit(piece.size());
  }
  if (!piece.empty()) std::memcpy(at, piece.data(), piece.size());
  const std::span<char> taken{at, piece.size()};
  if (head_->mask) mask(taken, *head_->mask, came_);
  came_ += piece.size();
  const bool is_text = !is_control(head_->opcode) && kind_ == Opcode::text;
  if (is_text && !text_.feed({taken.data(), taken.size()})) return Breach::bad_text;
  return std::nullopt;
}

std::optional<Breach> Assembly::finish() noexcept {
  last_ = head_->opcode;
  if (is_control(last_)) {
    const std::string_view said{payload().data(), payload().size()};
    return last_ == Opcode::close && !is_close_payload(said) ? std::optional{Breach::bad_close} : std::nullopt;
  }
  if (!head_->fin) return std::nullopt;
  is_in_message_ = false;
  is_complete_ = true;
  return kind_ == Opcode::text && !text_.is_whole() ? std::optional{Breach::bad_text} : std::nullopt;
}

std::span<char> Assembly::payload() noexcept {
  if (is_control(head_->opcode)) return {control_.data() + longest_head, came_};
  return {message_.data() + message_.size() - came_, came_};
}

Frame Assembly::frame() noexcept {
  const std::span<char> bytes = payload();
  return {.opcode = head_->opcode, .fin = head_->fin, .payload = base::as_bytes({bytes.data(), bytes.size()})};
}

std::string_view Assembly::seal(const std::optional<MaskKey>& key) noexcept {
  if (is_control(last_)) return seal_in_place(std::span{control_}.first(longest_head + came_), last_, key);
  return seal_in_place({message_.data(), message_.size()}, kind_, key);
}

}  // namespace picket::websocket
