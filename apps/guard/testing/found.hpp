#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/guard/scan.hpp"

/// For tests of recognisers: what is found, as the values that were.
namespace picket::apps::guard::testing {

inline std::vector<std::string> values_of(std::string_view text, const Findings& findings) {
  std::vector<std::string> values;
  for (const Finding& finding : findings) values.emplace_back(text.substr(finding.begin, finding.end - finding.begin));
  return values;
}

/// All values of one category, as sure as picket-guard asks for by default.
inline std::vector<std::string> found(Category category, std::string_view text) {
  return values_of(text, scan(text, {category}, 0.5F));
}

}  // namespace picket::apps::guard::testing
