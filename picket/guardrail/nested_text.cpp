#include "picket/guardrail/nested_text.hpp"

#include <algorithm>
#include <cstring>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {
namespace {

bool is_hex(char c) noexcept { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// Whether \uXXXX is not whole, and may become it.
bool is_cut_hex(std::string_view raw) noexcept {
  if (raw.size() >= 6 || raw[0] != '\\' || (raw.size() > 1 && raw[1] != 'u')) return false;
  return raw.size() < 3 || std::ranges::all_of(raw.substr(2), is_hex);
}

/// Whether what comes next counts for what an escape says. The first half of a pair waits for the second.
bool is_cut(std::string_view raw) noexcept {
  if (raw.size() <= 6 && is_cut_hex(raw)) return true;
  const bool is_first_half = raw.size() >= 6 && raw[1] == 'u' && (raw[2] == 'd' || raw[2] == 'D') &&
                             std::string_view{"89abAB"}.contains(raw[3]) && is_hex(raw[4]) && is_hex(raw[5]);
  return is_first_half && (raw.size() == 6 || is_cut_hex(raw.substr(6)));
}

}  // namespace

std::string_view NestedText::take(std::string_view bytes) noexcept {
  std::memcpy(pending_.data() + size_, bytes.data(), bytes.size());
  const std::string_view all{pending_.data(), size_ + bytes.size()};
  std::string_view left = all;
  std::size_t said = 0;
  while (!left.empty() && !is_cut(left)) {
    Unit unit = left.front() == '\\' ? next_unit(left) : Unit{};
    if (unit.raw == 0) unit = {.raw = 1, .bytes = {left.front()}, .size = 1};
    std::memcpy(said_.data() + said, unit.bytes.data(), unit.size);
    said += unit.size;
    left.remove_prefix(unit.raw);
  }
  size_ = left.size();
  std::memmove(pending_.data(), left.data(), size_);
  return {said_.data(), said};
}

void NestedText::decode(std::string_view text, base::RecycledString& out) {
  while (!text.empty()) {
    // Most of it has no escapes.
    const std::size_t plain = size_ == 0 ? std::min(text.find('\\'), text.size()) : 0;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) return;
    out.append(take(text.substr(0, 1)));
    text.remove_prefix(1);
  }
}

}  // namespace picket::guardrail
