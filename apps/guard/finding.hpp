#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "apps/guard/category.hpp"

namespace picket::apps::guard {

/// Something that a recogniser found. Lifetime: `kind` is a literal of the recogniser's.
///
/// Thread safety: a value. Units: `begin` and `end` are bytes of the text, the end not included; `confidence` is 0
/// to 1.
struct Finding {
  Category category = Category::secret;
  std::string_view kind;  ///< What it is, in words: "Visa card". Never the value.
  std::size_t begin = 0;
  std::size_t end = 0;
  float confidence = 0;
};
using Findings = std::vector<Finding>;

}  // namespace picket::apps::guard
