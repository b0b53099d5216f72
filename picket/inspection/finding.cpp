#include "picket/inspection/finding.hpp"

#include <algorithm>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "picket/base/arena.hpp"
#include "picket/guardrail/json_text.hpp"
#include "picket/inspection/common_words.hpp"
#include "picket/wire/codec.hpp"

namespace picket::inspection {
namespace {

constexpr std::string_view key = "guardrail_response";
constexpr std::string_view mark = "[redacted]";

base::Error invalid(std::string_view what) {
  return base::fail(base::ErrorKind::invalid_message, fmt::format("{}: {}", key, what));
}

/// Of the names that count here.
std::optional<std::string_view> named_twice(const wire::Value& value) noexcept {
  const auto* const members = value.get<wire::Value::Object>();
  if (members == nullptr) return std::nullopt;
  for (const std::string_view name : {"detected", "detections", "redacted_content"})
    if (std::ranges::count(*members, name, &wire::Member::name) > 1) return name;
  return std::nullopt;
}

std::optional<std::size_t> place_of(const wire::Value& value) noexcept {
  if (const auto* const number = value.get<std::int64_t>(); number != nullptr && *number >= 0)
    return static_cast<std::size_t>(*number);
  return std::nullopt;
}

base::Result<guardrail::Redaction> read_span(const wire::Value& span, std::string_view content) {
  const auto* const ends = span.get<wire::Value::List>();
  const bool is_pair = ends != nullptr && ends->size() == 2;
  const auto begin = is_pair ? place_of((*ends)[0]) : std::nullopt;
  const auto end = is_pair ? place_of((*ends)[1]) : std::nullopt;
  if (!begin || !end) return invalid("a span is two places");
  if (*begin > *end || *end > content.size())
    return invalid(fmt::format("a span from {} to {} in {} bytes of text", *begin, *end, content.size()));
  if (guardrail::border_before(content, *begin) != *begin || guardrail::border_before(content, *end) != *end)
    return invalid(fmt::format("a span from {} to {} cuts a character", *begin, *end));
  return guardrail::Redaction{.begin = *begin, .end = *end, .replacement = std::string{mark}};
}

/// What of `content` the other text has in other words: from the first byte that differs to the last.
std::optional<guardrail::Redaction> difference(std::string_view content, std::string_view redacted) {
  if (content == redacted) return std::nullopt;
  const auto before = std::ranges::mismatch(content, redacted).in1 - content.begin();
  const std::size_t begin = guardrail::border_before(content, static_cast<std::size_t>(before));
  std::size_t behind = 0;
  while (behind < std::min(content.size(), redacted.size()) - begin &&
         content[content.size() - behind - 1] == redacted[redacted.size() - behind - 1])
    ++behind;
  // Only where both are at the beginning of a code point: what follows is the same, so that one says it for both.
  while (guardrail::border_before(content, content.size() - behind) != content.size() - behind) --behind;
  return guardrail::Redaction{.begin = begin,
                              .end = content.size() - behind,
                              .replacement = std::string{redacted.substr(begin, redacted.size() - behind - begin)}};
}

/// Parts of both texts, each with the same bytes before it.
struct Changed {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t new_begin = 0;
  std::size_t new_end = 0;
};

/// Of each difference apart, so that a text that was found before is not lost with what stands behind it. Two that have
/// no word between them are one: a space is in most values, and in most words for them.
std::vector<guardrail::Redaction> differences(std::string_view content, std::string_view redacted) {
  std::vector<Changed> parts;
  Changed last{};
  for (const CommonWords& common : common_words(content, redacted)) {
    if (common.begin != last.begin || common.new_begin != last.new_begin)
      parts.push_back({last.begin, common.begin, last.new_begin, common.new_begin});
    last = {.begin = common.begin + common.size, .end = 0, .new_begin = common.new_begin + common.size, .new_end = 0};
  }
  parts.push_back({last.begin, content.size(), last.new_begin, redacted.size()});
  std::vector<guardrail::Redaction> found;
  for (const Changed& part : parts) {
    auto each = difference(content.substr(part.begin, part.end - part.begin),
                           redacted.substr(part.new_begin, part.new_end - part.new_begin));
    if (!each) continue;
    each->begin += part.begin;
    each->end += part.begin;
    found.push_back(std::move(*each));
  }
  return found;
}

/// False where one of them says of no place.
base::Result<bool> read_spans(const wire::Value& detections, std::string_view content, Finding& finding) {
  const auto* const list = detections.get<wire::Value::List>();
  if (list == nullptr) return invalid("detections are a list");
  bool has_places = !list->empty();
  for (const wire::Value& detection : *list) {
    const wire::Value* const span = detection.find("span");
    if (span == nullptr || span->is_null()) {
      has_places = false;
      continue;
    }
    auto redaction = read_span(*span, content);
    if (!redaction) return std::move(redaction.error());
    has_places = has_places && redaction->begin != redaction->end;
    finding.redactions.push_back(std::move(*redaction));
  }
  return has_places;
}

}  // namespace

base::Result<Finding> read_finding(const wire::AgentResponse& response, std::string_view content) {
  Finding finding;
  const auto said = std::ranges::find(response.routing_metadata, key, &wire::TextPair::key);
  if (said == response.routing_metadata.end()) return finding;
  base::Arena arena;
  const auto value = wire::parse_json(said->value, arena);
  if (!value) return invalid(value.error().detail());
  if (const auto twin = named_twice(*value)) return invalid(fmt::format("it says '{}' twice", *twin));
  const wire::Value* const detected = value->find("detected");
  if (detected == nullptr || detected->get<bool>() == nullptr) return invalid("it does not say whether it detected");
  finding.is_detected = *detected->get<bool>();
  if (!finding.is_detected) return finding;
  bool has_places = false;
  if (const wire::Value* const detections = value->find("detections");
      detections != nullptr && !detections->is_null()) {
    const auto read = read_spans(*detections, content, finding);
    if (!read) return read.error();
    has_places = *read;
  }
  if (has_places) return finding;
  const wire::Value* const redacted = value->find("redacted_content");
  const auto* const text = redacted != nullptr ? redacted->get<std::string_view>() : nullptr;
  if (redacted != nullptr && !redacted->is_null() && text == nullptr) return invalid("redacted_content is a text");
  finding.redactions.clear();
  if (text == nullptr) return finding;
  finding.redactions = differences(content, *text);
  return finding;
}

}  // namespace picket::inspection
