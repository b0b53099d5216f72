#include "apps/guard/scan.hpp"

#include <algorithm>
#include <utility>

#include "apps/guard/plain_text.hpp"
#include "apps/guard/recognisers/recognisers.hpp"
#include "apps/guard/words.hpp"

namespace picket::apps::guard {
namespace {

Findings find_values(std::string_view text, const Categories& wanted) {
  Findings found;
  const auto wants = [&](Category category) { return wanted.has(category); };
  if (wants(Category::email)) find_emails(text, found);
  if (wants(Category::phone)) find_phones(text, found);
  if (wants(Category::ip_address)) find_ip_addresses(text, found);
  if (wants(Category::jwt)) find_jwts(text, found);
  if (wants(Category::cloud_key)) find_cloud_keys(text, found);
  if (wants(Category::pem_key)) find_pem_keys(text, found);
  if (wants(Category::secret)) find_secrets(text, found);
  if (!wants(Category::credit_card) && !wants(Category::iban) && !wants(Category::national_id)) return found;
  const std::vector<Word> words = words_of(text);
  if (wants(Category::credit_card)) find_cards(text, words, found);
  if (wants(Category::iban)) find_ibans(text, words, found);
  if (wants(Category::national_id)) find_national_ids(text, words, found);
  return found;
}

/// As sure as is asked for, and not among those that are allowed.
Findings find_all(std::string_view text, const Categories& wanted, float least_confidence, const AllowList& allowed) {
  const PlainText plain{text};
  Findings found = find_values(plain.text(), wanted);
  std::erase_if(found, [&](const Finding& finding) {
    return finding.confidence < least_confidence ||
           allowed.contains(plain.text().substr(finding.begin, finding.end - finding.begin));
  });
  for (Finding& finding : found) {
    finding.begin = plain.begin_in_source(finding.begin);
    finding.end = plain.end_in_source(finding.end);
  }
  return found;
}

Findings find_phrases(std::string_view text, const Categories& wanted, float least_confidence) {
  Findings found;
  if (wanted.has(Category::prompt_injection)) find_prompt_injections(text, found);
  std::erase_if(found, [&](const Finding& finding) { return finding.confidence < least_confidence; });
  return found;
}

/// Makes of two that overlap the one that is said.
void unite(Finding& one, const Finding& other) {
  const std::size_t begin = std::min(one.begin, other.begin);
  const std::size_t end = std::max(one.end, other.end);
  if (other.category < one.category || (other.category == one.category && other.confidence > one.confidence))
    one = other;
  one.begin = begin;
  one.end = end;
}

/// `found` by place, in which those that overlap are one.
void unite_overlapping(Findings& found) {
  std::ranges::sort(found, {}, [](const Finding& finding) { return std::pair{finding.begin, finding.end}; });
  Findings united;
  for (const Finding& finding : found) {
    if (!united.empty() && finding.begin < united.back().end) {
      unite(united.back(), finding);
    } else {
      united.push_back(finding);
    }
  }
  found = std::move(united);
}

}  // namespace

Findings scan(std::string_view text, const Categories& wanted, float least_confidence, const AllowList& allowed) {
  Findings found = find_all(text, wanted, least_confidence, allowed);
  Findings injections = find_phrases(text, wanted, least_confidence);
  unite_overlapping(found);
  unite_overlapping(injections);
  found.insert(found.end(), injections.begin(), injections.end());
  std::ranges::sort(found, {}, [](const Finding& finding) { return std::pair{finding.begin, finding.category}; });
  if (found.size() > most_findings) {
    found.resize(most_findings);
    found.back().end = text.size();
  }
  return found;
}

}  // namespace picket::apps::guard
