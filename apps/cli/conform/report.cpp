#include "apps/cli/conform/report.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>

#include <fmt/format.h>

namespace picket::apps::cli::conform {
namespace {

struct Look {
  std::string_view word;
  std::string_view colour;
};
constexpr std::array<Look, 3> looks{{{"pass", "32"}, {"FAIL", "31"}, {"skip", "33"}}};

double seconds(base::Duration time) { return std::chrono::duration<double>(time).count(); }

/// Text as an attribute of XML 1.0 has it; of control characters it has none.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '&': out += "&amp;"; break;
      case '"': out += "&quot;"; break;
      default: out += static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f ? '?' : c;
    }
  }
  return out;
}

std::string test_case(std::string_view subject, const Outcome& outcome) {
  const auto& [id, section, sentence, encoding, verdict, why, took] = outcome;
  const std::string head = fmt::format(R"(  <testcase classname="{}.{}" name="{}" time="{:.3f}")", subject, encoding,
                                       escaped(id), seconds(took));
  switch (verdict) {
    case Verdict::failed:
      return fmt::format("{}>\n    <failure message=\"{}\">{} (protocol section {})</failure>\n  </testcase>\n", head,
                         escaped(why), escaped(sentence), section);
    case Verdict::skipped:
      return fmt::format("{}>\n    <skipped message=\"{}\"/>\n  </testcase>\n", head, escaped(why));
    case Verdict::passed: break;
  }
  return head + "/>\n";
}

/// One line of ASCII, whatever a peer has said.
std::string printable(std::string_view text) {
  std::string out{text.substr(0, 300)};
  std::ranges::replace_if(out, [](signed char c) { return c < 0x20 || c == 0x7f; }, '?');
  return out;
}

}  // namespace

void Report::add(Outcome outcome) {
  const auto& [word, colour] = looks[static_cast<std::size_t>(outcome.verdict)];
  const std::string shown = coloured_ ? fmt::format("\x1b[{}m{}\x1b[0m", colour, word) : std::string{word};
  fmt::print("{}  {:8} {:32} §{:<3} {}\n", shown, outcome.encoding, outcome.id, outcome.section, outcome.sentence);
  if (!outcome.why.empty()) fmt::print("      {}\n", printable(outcome.why));
  (void)std::fflush(stdout);
  outcomes_.push_back(std::move(outcome));
}

std::size_t Report::count(Verdict verdict) const {
  return static_cast<std::size_t>(std::ranges::count(outcomes_, verdict, &Outcome::verdict));
}

void Report::print_sum() const {
  fmt::print("{} passed, {} failed, {} skipped\n", count(Verdict::passed), count(Verdict::failed),
             count(Verdict::skipped));
}

base::Status Report::write_junit(const std::string& path) const {
  base::Duration took{};
  for (const Outcome& outcome : outcomes_) took += outcome.took;
  std::ofstream file{path, std::ios::binary};
  file << "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
       << fmt::format(
              "<testsuite name=\"picket conform {}\" tests=\"{}\" failures=\"{}\" skipped=\"{}\" "
              "time=\"{:.3f}\">\n",
              subject_, outcomes_.size(), count(Verdict::failed), count(Verdict::skipped), seconds(took));
  for (const Outcome& outcome : outcomes_) file << test_case(subject_, outcome);
  file << "</testsuite>\n";
  file.close();
  if (!file) return base::fail(base::ErrorKind::io, path + " cannot be written");
  return {};
}

}  // namespace picket::apps::cli::conform
