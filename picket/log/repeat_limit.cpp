#include "picket/log/repeat_limit.hpp"

#include <utility>

namespace picket::log {

std::string kind_of(std::string_view text) {
  std::string kind;
  std::size_t depth = 0;
  for (const char c : text) {
    if (c == '(') ++depth;
    if (depth == 0) kind.push_back(c);
    if (c == ')' && depth != 0) --depth;
  }
  return kind;
}

bool RepeatLimit::admits(int level, std::string_view text, base::TimePoint now) {
  std::string name = kind_of(text);
  if (kinds_.size() >= max_kinds && !kinds_.contains(name)) name.clear();
  auto& kind = kinds_[std::move(name)];
  if (kind.seen == 0) kind.until = now + window;
  if (++kind.seen <= burst) return true;
  kind.held_back = {.level = level, .text = std::string{text}, .count = kind.seen - burst};
  return false;
}

std::vector<RepeatLimit::Repeated> RepeatLimit::take_due(base::TimePoint now) {
  std::vector<Repeated> due;
  for (auto entry = kinds_.begin(); entry != kinds_.end();) {
    Kind& kind = entry->second;
    if (now < kind.until) {
      ++entry;
      continue;
    }
    if (kind.held_back.count != 0) due.push_back(std::move(kind.held_back));
    entry = kinds_.erase(entry);
  }
  return due;
}

}  // namespace picket::log
