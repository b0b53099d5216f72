#include "apps/guard/answer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "apps/guard/category.hpp"
#include "picket/wire/codec.hpp"

namespace picket::apps::guard {
namespace {

using wire::Member;
using wire::Value;

float most_confident(const Findings& findings) {
  float most = 0;
  for (const Finding& finding : findings) most = std::max(most, finding.confidence);
  return most;
}

/// Two digits are what a confidence means; a float's own digits say more than that.
Value number(float confidence) { return {std::stod(fmt::format("{:.2f}", confidence))}; }

Value detection(const Finding& finding, base::Arena& arena) {
  auto span = arena.allocate_array<Value>(2);
  span[0] = Value{std::uint64_t{finding.begin}};
  span[1] = Value{std::uint64_t{finding.end}};
  auto members = arena.allocate_array<Member>(5);
  members[0] = {"category", {name_of(finding.category)}};
  members[1] = {"description", {finding.kind}};
  members[2] = {"severity", {severity_of(finding.category)}};
  members[3] = {"confidence", number(finding.confidence)};
  members[4] = {"span", {Value::List{span}}};
  return {Value::Object{members}};
}

}  // namespace

std::string redacted(std::string_view text, const Findings& findings) {
  std::string result;
  std::size_t at = 0;
  for (const Finding& finding : findings) {
    if (finding.end <= at) continue;  // within one that came before
    const std::size_t begin = std::max(at, finding.begin);
    result += text.substr(at, begin - at);
    result.append("[redacted: ").append(name_of(finding.category)).append("]");
    at = finding.end;
  }
  return result.append(text.substr(at));
}

std::string guardrail_response(std::string_view text, const Findings& findings, bool with_redacted) {
  base::Arena arena;
  auto detections = arena.allocate_array<Value>(findings.size());
  std::ranges::transform(findings, detections.begin(),
                         [&](const Finding& finding) { return detection(finding, arena); });
  const bool has_redacted = with_redacted && !findings.empty();
  const std::string without = has_redacted ? redacted(text, findings) : std::string{};
  auto members = arena.allocate_array<Member>(has_redacted ? 4 : 3);
  members[0] = {"detected", {!findings.empty()}};
  members[1] = {"confidence", number(most_confident(findings))};
  members[2] = {"detections", {Value::List{detections}}};
  if (has_redacted) members[3] = {"redacted_content", {std::string_view{without}}};
  return wire::to_json(Value{Value::Object{members}});
}

agent::Decision answer_to(std::string_view text, const Findings& findings, bool with_redacted) {
  agent::Allow answer =
      agent::Decision::allow().route("guardrail_response", guardrail_response(text, findings, with_redacted));
  Categories said;
  for (const Finding& finding : findings) {
    if (said.has(finding.category)) continue;
    said.add(finding.category);
    answer.rule(std::string{name_of(finding.category)});
  }
  if (!findings.empty()) answer.tag("guardrail").confidence(most_confident(findings));
  return answer;
}

}  // namespace picket::apps::guard
