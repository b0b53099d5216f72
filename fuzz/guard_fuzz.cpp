#include "apps/guard/answer.hpp"
#include "apps/guard/scan.hpp"
#include "apps/guard/usage_reader.hpp"
#include "fuzz/check.hpp"
#include "picket/wire/codec.hpp"

using namespace picket;
using namespace picket::apps::guard;

/// A text: findings lie within it, by place, and apart but for phrases; the answer is JSON. Read
/// in pieces, as an answer's body, it costs as much as read whole.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  const Findings findings = scan(text, Categories::all());
  fuzz::require(findings.size() <= most_findings, "there are no more than may be");
  std::size_t value_end = 0;
  std::size_t begin = 0;
  for (const Finding& finding : findings) {
    fuzz::require(finding.begin < finding.end && finding.end <= text.size(), "a finding lies within the text");
    fuzz::require(finding.begin >= begin, "findings come by place");
    begin = finding.begin;
    if (finding.category == Category::prompt_injection) continue;
    fuzz::require(finding.begin >= value_end || findings.size() == most_findings, "values lie apart");
    value_end = finding.end;
  }
  base::Arena arena;
  fuzz::require(wire::parse_json(guardrail_response(text, findings, true), arena).has_value(), "the answer is JSON");

  UsageReader whole;
  UsageReader cut;
  whole.feed(text);
  for (const char& c : text) cut.feed({&c, 1});
  fuzz::require(cut.tokens({}) == whole.tokens({}), "what is seen in pieces is there in the whole");
  fuzz::require(cut.estimated_answer() == whole.estimated_answer(), "and so is what is estimated");
  return 0;
}
