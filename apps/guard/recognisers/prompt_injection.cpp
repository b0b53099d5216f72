#include <algorithm>
#include <string>
#include <unordered_map>
#include <vector>

#include "apps/guard/normal_text.hpp"
#include "apps/guard/recognisers/phrases.hpp"
#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

using Words = std::vector<NormalText::Word>;

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    if (end > 0 && !text.empty()) parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

/// A phrase in a form that is quick to follow.
struct Path {
  struct Step {
    std::vector<std::string_view> words;
    std::size_t gap = 0;
  };
  const Phrase* phrase;
  std::vector<Step> steps;  // after the first word
};

bool fits(std::string_view expected, std::string_view word) {
  if (!expected.ends_with('*')) return word == expected;
  return word.starts_with(expected.substr(0, expected.size() - 1));
}

/// All phrases, by their first words.
class Paths {
 public:
  Paths() {
    for (const Phrase& phrase : phrases()) add(phrase);
  }
  [[nodiscard]] const std::vector<Path>* beginning_with(std::string_view word) const {
    const auto found = by_first_.find(word);
    return found == by_first_.end() ? nullptr : &found->second;
  }

 private:
  void add(const Phrase& phrase) {
    Path path{.phrase = &phrase, .steps = {}};
    std::size_t gap = 0;
    std::vector<std::string_view> first;
    for (const std::string_view token : split(phrase.words, ' ')) {
      if (token.starts_with("..")) {
        gap = static_cast<std::size_t>(token[2] - '0');
      } else if (first.empty()) {
        first = split(token, '|');
      } else {
        path.steps.push_back({split(token, '|'), std::exchange(gap, 0)});
      }
    }
    for (const std::string_view word : first) by_first_[word].push_back(path);
  }

  std::unordered_map<std::string_view, std::vector<Path>> by_first_;
};

const Paths& paths() {
  static const Paths all;
  return all;
}

/// Which word ends the phrase that begins with the word `first`; 0 where it does not. Each step takes the nearest word
/// that fits. Complexity: bounded by the phrase.
std::size_t follow(const Path& path, const NormalText& text, std::size_t first) {
  const Words& words = text.words();
  std::size_t at = first;
  for (const Path::Step& step : path.steps) {
    const std::size_t last = std::min(words.size(), at + step.gap + 2);
    const auto is_one = [&](std::size_t index) {
      const std::string_view word = text.letters(words[index]);
      return std::any_of(step.words.begin(), step.words.end(),
                         [word](std::string_view one) { return fits(one, word); });
    };
    std::size_t next = at + 1;
    while (next < last && !is_one(next)) ++next;
    if (next >= last) return 0;
    at = next;
  }
  return at;
}

void add(NormalText& text, const Phrase& phrase, std::size_t begin, std::size_t end, Findings& to) {
  const auto span = text.source_of(begin, end);
  to.push_back({Category::prompt_injection, phrase.kind, span.begin, span.end, phrase.confidence});
}

void find_phrases(NormalText& text, Findings& to) {
  const Words& words = text.words();
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::vector<Path>* const begun = paths().beginning_with(text.letters(words[i]));
    if (begun == nullptr) continue;
    const Phrase* best = nullptr;
    std::size_t end = 0;
    for (const Path& path : *begun) {
      const std::size_t last = follow(path, text, i);
      if (last == 0 || (best != nullptr && best->confidence >= path.phrase->confidence)) continue;
      best = path.phrase;
      end = last;
    }
    if (best == nullptr) continue;
    add(text, *best, words[i].normal_begin, words[end].normal_end, to);
    i = end;
  }
}

void find_run_together(NormalText& text, Findings& to) {
  static constexpr Phrase phrase{"", "orders to drop its orders, written as one word", 0.85F};
  constexpr std::size_t shortest = 10;
  for (const NormalText::Word& word : text.words()) {
    if (word.size < shortest) continue;
    const std::string_view letters = text.letters(word);
    if (std::any_of(run_together().begin(), run_together().end(),
                    [letters](std::string_view part) { return letters.find(part) != std::string_view::npos; }))
      add(text, phrase, word.normal_begin, word.normal_end, to);
  }
}

void find_literals(NormalText& text, Findings& to) {
  for (const Phrase& literal : literals())
    for (std::size_t at = text.text().find(literal.words); at != std::string_view::npos;
         at = text.text().find(literal.words, at + literal.words.size()))
      add(text, literal, at, at + literal.words.size(), to);
}

}  // namespace

void find_prompt_injections(std::string_view text, Findings& to) {
  NormalText normal{text};
  find_phrases(normal, to);
  find_run_together(normal, to);
  find_literals(normal, to);
}

}  // namespace picket::apps::guard
