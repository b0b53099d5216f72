#include "picket/base/correlation_id.hpp"

#include <cerrno>
#include <system_error>

#include <sys/random.h>

namespace picket::base {
namespace {

template <class Integer>
char* write_hex(char* out, Integer value) noexcept {
  constexpr std::string_view digits = "0123456789abcdef";
  for (int shift = static_cast<int>(sizeof(Integer)) * 8 - 4; shift >= 0; shift -= 4)
    *out++ = digits[(value >> shift) & 0xF];
  return out;
}

constexpr int hex_value(char digit) noexcept {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

CorrelationId::CorrelationId(std::uint32_t slot, std::uint32_t generation, std::uint64_t random) noexcept
    : slot_(slot) {
  char* out = write_hex(text_.data(), slot);
  out = write_hex(out, generation);
  write_hex(out, random);
}

std::optional<std::uint32_t> CorrelationId::slot_of(std::string_view text) noexcept {
  if (text.size() != size) return std::nullopt;
  std::uint32_t slot = 0;
  for (const char digit : text.substr(0, 8)) {
    const int value = hex_value(digit);
    if (value < 0) return std::nullopt;
    slot = slot << 4 | static_cast<std::uint32_t>(value);
  }
  return slot;
}

MintedId CorrelationIds::mint() {
  std::uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(generations_.size());
    generations_.push_back(0);
    free_.reserve(generations_.capacity());
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  return {*this, CorrelationId{slot, generations_[slot], random()}};
}

void CorrelationIds::release(const CorrelationId& id) noexcept {
  ++generations_[id.slot()];
  free_.push_back(id.slot());  // has room: mint() saw to it
}

std::uint64_t CorrelationIds::random() {
  if (used_ == pool_.size()) {
    // Up to 256 bytes come whole or not at all; more may be cut short by a signal.
    auto* out = reinterpret_cast<char*>(pool_.data());
    for (std::size_t got = 0; got < sizeof pool_;) {
      const ssize_t n = ::getrandom(out + got, sizeof pool_ - got, 0);
      if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
      if (n > 0) got += static_cast<std::size_t>(n);
    }
    used_ = 0;
  }
  return pool_[used_++];
}

}  // namespace picket::base
