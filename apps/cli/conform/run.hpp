#pragma once

#include <regex>
#include <span>
#include <string_view>

#include "apps/cli/conform/report.hpp"
#include "apps/cli/conform/rule.hpp"
#include "apps/cli/conform/violation.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::cli::conform {

[[nodiscard]] constexpr std::string_view name_of(wire::Encoding encoding) noexcept {
  switch (encoding) {
    case wire::Encoding::json: return "json";
    case wire::Encoding::msgpack: return "msgpack";
    case wire::Encoding::protobuf: return "grpc";
  }
  return "";
}

/// Whether a rule is tested on connections of that encoding.
[[nodiscard]] constexpr bool holds_for(Scope scope, wire::Encoding encoding) noexcept {
  switch (scope) {
    case Scope::once: return encoding == wire::Encoding::json;
    case Scope::msgpack: return encoding == wire::Encoding::msgpack;
    case Scope::sockets: return encoding != wire::Encoding::protobuf;
    case Scope::everywhere: return true;
    case Scope::grpc: return encoding == wire::Encoding::protobuf;
  }
  return false;
}

/// Tests one rule. Throws Unreachable where the peer is gone.
template <class Subject>
[[nodiscard]] Outcome test(Subject& subject, const Rule<Subject>& rule, wire::Encoding encoding) {
  Outcome outcome{
      .id = rule.id, .section = rule.section, .sentence = rule.sentence, .encoding = name_of(encoding), .why = {}};
  const base::TimePoint began = base::Clock::now();
  try {
    subject.begin(rule.id, encoding);
    rule.test(subject);
  } catch (const Violation& violation) {
    outcome.verdict = Verdict::failed;
    outcome.why = violation.what();
  } catch (const Skipped& skipped) {
    outcome.verdict = Verdict::skipped;
    outcome.why = skipped.what();
  }
  outcome.took = base::Clock::now() - began;
  return outcome;
}

/// Tests all rules whose id `only` finds, on connections of that encoding.
template <class Subject>
void test_all(Subject& subject, std::span<const Rules<Subject>> themes, const std::regex& only, wire::Encoding encoding,
              Report& report) {
  for (const Rules<Subject>& rules : themes)
    for (const Rule<Subject>& rule : rules)
      if (holds_for(rule.scope, encoding) && std::regex_search(rule.id.begin(), rule.id.end(), only))
        report.add(test(subject, rule, encoding));
}

}  // namespace picket::apps::cli::conform
