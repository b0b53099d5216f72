#include "apps/guard/tokens.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "apps/guard/words.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t longest_member = 64;  // a name, a colon, a blank each, a number
constexpr std::size_t longest_overlap = 2048;
constexpr std::uint64_t most_tokens = 1'000'000'000;  // more is no usage of one exchange, and counts as this
constexpr std::size_t most_digits = 10;               // of it

enum class Part : std::uint8_t { total, prompt, completion };
struct Name {
  std::string_view text;
  Part part;
};
constexpr Name names[] = {
    {"total_tokens\"", Part::total},
    {"totalTokenCount\"", Part::total},
    {"prompt_tokens\"", Part::prompt},
    {"input_tokens\"", Part::prompt},
    {"promptTokenCount\"", Part::prompt},
    {"prompt_eval_count\"", Part::prompt},
    {"completion_tokens\"", Part::completion},
    {"output_tokens\"", Part::completion},
    {"candidatesTokenCount\"", Part::completion},
    {"eval_count\"", Part::completion},
};

/// A number as JSON has it: to the next whole one, and at most most_tokens. 0 for one below 1: nothing costs so little.
/// Nothing for what is none.
std::optional<std::uint64_t> tokens_of(const std::string& number) {
  double value = 0;
  const char* const behind = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), behind, value);
  if (number.empty() || end != behind) return std::nullopt;
  // Which end of the range it is out of, strtod says alone.
  if (error == std::errc::result_out_of_range) value = std::strtod(number.c_str(), nullptr);
  if (value >= static_cast<double>(most_tokens)) return most_tokens;
  return value < 1 ? 0 : static_cast<std::uint64_t>(std::ceil(value));
}

/// Whether it is null, as far as it has come.
bool is_null(std::string_view text) noexcept {
  constexpr std::string_view null = "null";
  return text.substr(0, null.size()) == null.substr(0, text.size());
}

/// The number behind a colon, be it a text, as some servers have it, with commas between thousands. 0 where none is
/// said, or not all of it: it comes again with the next chunk. One that is too large already counts as it is, since its
/// end may be far away. Nothing where something is said that is no number.
std::optional<std::uint64_t> number_behind_colon(std::string_view text) {
  std::size_t at = text.find_first_not_of(" \t\r\n");
  if (at == std::string_view::npos || text[at] != ':') return 0;
  at = text.find_first_not_of(" \t\r\n", at + 1);
  if (at == std::string_view::npos || is_null(text.substr(at))) return 0;
  const bool is_text = text[at] == '"';
  text.remove_prefix(is_text ? at + 1 : at);
  const std::size_t end = text.find_first_not_of(is_text ? "0123456789.+-eE," : "0123456789.+-eE");
  if (end == std::string_view::npos)
    return std::min(text.find_first_not_of("0123456789"), text.size()) > most_digits ? most_tokens : 0;
  // What has more behind it ("1 000") is no number of which its beginning would be the value.
  const std::string_view ends = is_text ? "\"" : ",}] \t\r\n";
  if (ends.find(text[end]) == std::string_view::npos) return std::nullopt;
  std::string number{text.substr(0, end)};
  std::erase(number, ',');
  return tokens_of(number);
}

/// What is said where it is no less.
Tokens larger(std::uint64_t said, std::uint64_t estimated) noexcept {
  return said >= estimated ? Tokens{.said = said} : Tokens{.estimated = estimated};
}

/// Appends it with one blank for several: between a name and its number there may be any number of them.
void append_narrow(std::string& to, std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  for (const char c : text) {
    const bool is_blank = blanks.find(c) != std::string_view::npos;
    if (is_blank && !to.empty() && to.back() == ' ') continue;
    to += is_blank ? ' ' : c;
  }
}

/// How long the longest beginning of `text` is that `tail` ends with (Knuth, Morris and Pratt).
std::size_t overlap_of(std::string_view tail, std::string_view text) {
  text = text.substr(0, longest_overlap);
  if (text.empty()) return 0;
  std::vector<std::size_t> borders(text.size(), 0);
  std::size_t matched = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    while (matched > 0 && text[i] != text[matched]) matched = borders[matched - 1];
    if (text[i] == text[matched]) ++matched;
    borders[i] = matched;
  }
  matched = 0;
  for (const char c : tail) {
    if (matched == text.size()) matched = borders[matched - 1];
    while (matched > 0 && c != text[matched]) matched = borders[matched - 1];
    if (c == text[matched]) ++matched;
  }
  return matched;
}

}  // namespace

std::uint64_t estimated_tokens(std::string_view text) noexcept {
  std::uint64_t ascii = 0;
  std::uint64_t others = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    ascii += byte < 0x80 ? 1 : 0;
    others += byte >= 0xc0 ? 1 : 0;
  }
  return (ascii + 3) / 4 + others;
}

void UsageReader::feed(std::string_view chunk) {
  std::string text = std::move(tail_);
  text.reserve(text.size() + chunk.size());
  append_narrow(text, chunk);
  read(text);
  tail_ = text.substr(text.size() - std::min(text.size(), longest_member));
}

void UsageReader::read(std::string_view text) {
  for (std::size_t at = text.find('"'); at != std::string_view::npos; at = text.find('"', at + 1)) {
    // At the beginning of a body stands no member, and what now stands first was read with what was before it.
    if (at == 0 || text[at - 1] == '\\') continue;
    const std::string_view rest = text.substr(at + 1);
    for (const Name& name : names) {
      if (!rest.starts_with(name.text)) continue;
      const auto value = number_behind_colon(rest.substr(name.text.size()));
      Said& part = name.part == Part::total ? total_ : name.part == Part::prompt ? prompt_ : completion_;
      part.most = std::max(part.most, value.value_or(0));
      part.is_unread = part.is_unread || !value;
      break;
    }
  }
}

Tokens UsageReader::tokens(const Estimate& estimate) const noexcept {
  if (total_.counts()) return {.said = std::max(total_.most, prompt_.most + completion_.most)};
  const auto part = [](const Said& said, std::uint64_t estimated) {
    return said.counts() ? Tokens{.said = said.most} : larger(said.most, estimated);
  };
  return larger_of(part(prompt_, estimate.prompt) + part(completion_, estimate.answer));
}

Tokens UsageReader::tokens_so_far(const Estimate& estimate) const noexcept {
  return larger_of(larger(prompt_.most, estimate.prompt) + larger(completion_.most, estimate.answer));
}

Tokens UsageReader::larger_of(const Tokens& parts) const noexcept {
  return total_.most > parts.all() ? Tokens{.said = total_.most} : parts;
}

void OverlappingText::feed(std::string_view window) {
  tokens_ += estimated_tokens(window.substr(overlap_of(tail_, window)));
  tail_.assign(window.substr(window.size() - std::min(window.size(), longest_overlap)));
}

void OverlappingTexts::feed(std::string_view name, std::string_view window) {
  const std::size_t hash = std::hash<std::string_view>{}(name);
  const auto known = std::ranges::find(texts_, hash, &Named::name);
  if (known != texts_.end()) {
    std::rotate(known, known + 1, texts_.end());
  } else {
    if (texts_.size() >= most) {
      forgotten_ += texts_.front().text.tokens();
      texts_.erase(texts_.begin());
    }
    texts_.push_back({.name = hash, .text = {}});
  }
  texts_.back().text.feed(window);
}

std::uint64_t OverlappingTexts::tokens() const noexcept {
  std::uint64_t all = forgotten_;
  for (const Named& named : texts_) all += named.text.tokens();
  return all;
}

}  // namespace picket::apps::guard
