#include "picket/base/nearest.hpp"

#include <algorithm>
#include <vector>

namespace picket::base {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Rows of the table of distances between prefixes: the last but one, the last, and the one being filled.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, above);
    std::swap(above, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

std::string suggest(std::string_view written, std::span<const std::string_view> known) {
  // A name far longer than any known one is near none; the table of distances stays small.
  constexpr std::size_t longest = 128;
  std::string_view nearest;
  std::size_t smallest = SIZE_MAX;
  for (const std::string_view name : known) {
    if (written.size() > longest || name.size() > longest) continue;
    const std::size_t distance = edit_distance(written, name);
    const bool begins =
        std::min(written.size(), name.size()) >= 3 && (written.starts_with(name) || name.starts_with(written));
    const bool near = begins || distance <= (std::max(written.size(), name.size()) + 1) / 3;
    if (!near || distance >= smallest) continue;
    nearest = name;
    smallest = distance;
  }
  if (!nearest.empty()) return "did you mean \"" + std::string{nearest} + "\"?";
  std::string all;
  for (const std::string_view name : known) all.append(all.empty() ? "known: \"" : ", \"").append(name).append("\"");
  return all;
}

}  // namespace picket::base
