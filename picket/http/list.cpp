#include "picket/http/list.hpp"

#include <algorithm>

#include "picket/http/grammar.hpp"

namespace picket::http {

std::optional<std::string_view> next_item(std::string_view& list) noexcept {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = trimmed(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!item.empty()) return item;
  }
  return std::nullopt;
}

bool is_token_list(std::string_view text) noexcept {
  while (const auto item = next_item(text))
    if (!is_token(*item)) return false;
  return true;
}

}  // namespace picket::http
