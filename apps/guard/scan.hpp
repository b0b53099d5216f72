#pragma once

#include <string_view>

#include "apps/guard/allow_list.hpp"
#include "apps/guard/category.hpp"
#include "apps/guard/finding.hpp"

namespace picket::apps::guard {

/// The most findings of one text that are told apart: an answer has to fit into a frame, whoever wrote the text.
inline constexpr std::size_t most_findings = 1000;

/// What of these categories is in a text, by place. Where two findings overlap, they are one, from the first's begin to
/// the last's end, of the more particular category; but a phrase of prompt_injection is one by itself. Of more than
/// `most_findings` the last one reaches to the end of the text, so that what is redacted by them leaves nothing out.
///
/// Pure; any thread. Complexity: linear in the text, and n log n in what is found.
[[nodiscard]] Findings scan(std::string_view text, const Categories& wanted, float least_confidence = 0,
                            const AllowList& allowed = {});

}  // namespace picket::apps::guard
