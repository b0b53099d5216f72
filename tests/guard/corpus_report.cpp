#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "apps/guard/scan.hpp"
#include "picket/wire/codec.hpp"

/// Reads folders of texts whose findings are known (README.md has the format) and prints for each folder and category
/// how many of them the recognisers find, and what they find that is none.
///
///   corpus_report [--misses] FOLDER…
namespace {

using namespace picket;
using apps::guard::Category;
using apps::guard::Finding;
using apps::guard::Findings;

struct Figures {
  int expected = 0;
  int found = 0;
  int false_positives = 0;
};
struct Tally {
  std::array<Figures, apps::guard::category_count> of{};
  int texts = 0;
  int clean_texts = 0;        // that must have no finding
  int clean_and_flagged = 0;  // … and have one
};

struct Expected {
  Category category{};
  std::string_view value;
};

[[noreturn]] void give_up(std::string_view place, std::string_view why) {
  fmt::print(stderr, "{}: {}\n", place, why);
  std::exit(2);
}

std::string_view text_of(const wire::Value& object, std::string_view name) {
  const wire::Value* const member = object.find(name);
  const auto* const text = member != nullptr ? member->get<std::string_view>() : nullptr;
  return text != nullptr ? *text : std::string_view{};
}

Category category_of(std::string_view name, std::string_view place) {
  for (std::size_t i = 0; i < apps::guard::category_count; ++i)
    if (apps::guard::name_of(static_cast<Category>(i)) == name) return static_cast<Category>(i);
  give_up(place, fmt::format("'{}' is no category", name));
}

std::vector<Expected> expected_of(const wire::Value& line, std::string_view place) {
  const wire::Value* const findings = line.find("findings");
  const auto* const list = findings != nullptr ? findings->get<wire::Value::List>() : nullptr;
  if (list == nullptr) give_up(place, "no list of findings");
  std::vector<Expected> expected;
  for (const wire::Value& finding : *list)
    expected.push_back({category_of(text_of(finding, "category"), place), text_of(finding, "value")});
  return expected;
}

/// A value counts as found where a finding of its category covers nine tenths of it: what would be left of it is of no
/// use. One without a value where there is any finding of its category.
bool is_found(std::string_view text, const Expected& expected, const Findings& findings) {
  const std::size_t at = text.find(expected.value);
  for (const Finding& finding : findings) {
    if (finding.category != expected.category) continue;
    const std::size_t begin = std::max(finding.begin, at);
    const std::size_t end = std::min(finding.end, at + expected.value.size());
    if (expected.value.empty() || (end > begin && (end - begin) * 10 >= expected.value.size() * 9)) return true;
  }
  return false;
}

/// A finding is false where nothing of its category is expected at its place.
bool is_false(std::string_view text, const Finding& finding, const std::vector<Expected>& expected) {
  for (const Expected& one : expected) {
    if (one.category != finding.category) continue;
    if (one.value.empty()) return false;
    for (std::size_t at = text.find(one.value); at != std::string_view::npos; at = text.find(one.value, at + 1))
      if (at < finding.end && at + one.value.size() > finding.begin) return false;
  }
  return true;
}

void judge(std::string_view line, std::string_view place, bool prints_misses, Tally& tally) {
  base::Arena arena;
  const auto parsed = wire::parse_json(line, arena);
  if (!parsed) give_up(place, parsed.error().detail());
  const std::string_view text = text_of(*parsed, "text");
  const std::vector<Expected> expected = expected_of(*parsed, place);
  const Findings findings = apps::guard::scan(text, apps::guard::Categories::all(), 0.5F);
  ++tally.texts;
  if (expected.empty()) ++tally.clean_texts;
  if (expected.empty() && !findings.empty()) ++tally.clean_and_flagged;
  for (const Expected& one : expected) {
    Figures& figures = tally.of[static_cast<std::size_t>(one.category)];
    ++figures.expected;
    const bool found = is_found(text, one, findings);
    figures.found += found ? 1 : 0;
    if (!found && prints_misses)
      fmt::print("{}: missed {}: {}\n", place, apps::guard::name_of(one.category),
                 one.value.empty() ? text : one.value);
  }
  for (const Finding& finding : findings) {
    if (!is_false(text, finding, expected)) continue;
    ++tally.of[static_cast<std::size_t>(finding.category)].false_positives;
    if (prints_misses)
      fmt::print("{}: no {}: {}\n", place, apps::guard::name_of(finding.category),
                 text.substr(finding.begin, finding.end - finding.begin));
  }
}

Tally judge_folder(const std::filesystem::path& folder, bool prints_misses) {
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() != ".jsonl") continue;
    std::ifstream in{entry.path()};
    int number = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (!line.empty())
        judge(line, fmt::format("{}:{}", entry.path().filename().string(), number), prints_misses, tally);
    }
  }
  return tally;
}

void print(std::string_view folder, const Tally& tally) {
  fmt::print("{}: {} texts; of {} that have nothing in them {} are flagged\n\n", folder, tally.texts, tally.clean_texts,
             tally.clean_and_flagged);
  fmt::print("| category | expected | found | recall | false positives |\n|---|--:|--:|--:|--:|\n");
  for (std::size_t i = 0; i < tally.of.size(); ++i) {
    const Figures& figures = tally.of[i];
    const std::string recall =
        figures.expected == 0 ? "-" : fmt::format("{:.2f}", static_cast<double>(figures.found) / figures.expected);
    fmt::print("| {} | {} | {} | {} | {} |\n", apps::guard::name_of(static_cast<Category>(i)), figures.expected,
               figures.found, recall, figures.false_positives);
  }
  fmt::print("\n");
}

}  // namespace

int main(int argc, char** argv) {
  bool prints_misses = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--misses") {
      prints_misses = true;
      continue;
    }
    print(std::filesystem::path{argument}.filename().string(), judge_folder(argument, prints_misses));
  }
  return 0;
}
