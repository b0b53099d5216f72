#include "picket/log/repeat_limit.hpp"

#include <utility>

namespace picket::log {

std::string_view kind_of(std::string_view text) { return text.substr(0, text.find_first_of("([\"")); }

bool RepeatLimit::admits(int level, std::string_view text, base::TimePoint now) {
  std::string_view name = kind_of(text);
  if (kinds_.size() >= max_kinds && !kinds_.contains(name)) name = {};
  auto& kind = kinds_[std::string{name}];
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
