#pragma once

#include <regex>
#include <span>
#include <string_view>

#include "apps/cli/conform/report.hpp"
#include "apps/cli/conform/rule.hpp"
#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform {

[[nodiscard]] constexpr std::string_view name_of(wire::Encoding encoding) noexcept {
  switch (encoding) {
    case wire::Encoding::json: return "json";
    case wire::Encoding::msgpack: return "msgpack";
    case wire::Encoding::protobuf: return "grpc";
  }
  return "";
}

/// Whether a rule is tested on such connections.
[[nodiscard]] constexpr bool holds_for(Scope scope, const Pass& pass) noexcept {
  const bool is_json = pass.encoding == wire::Encoding::json;
  switch (scope) {
    case Scope::once: return is_json;
    case Scope::handshake: return is_json && pass.dialler == Dialler::proxy;
    case Scope::dialled: return pass.dialler == Dialler::proxy;
    case Scope::registration: return is_json && pass.dialler == Dialler::agent;
    case Scope::msgpack: return pass.encoding == wire::Encoding::msgpack;
    case Scope::sockets: return pass.encoding != wire::Encoding::protobuf;
    case Scope::everywhere: return true;
    case Scope::grpc: return pass.encoding == wire::Encoding::protobuf;
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

/// Tests all rules whose id `only` finds, on such connections.
template <class Subject>
void test_all(Subject& subject, std::span<const Rules<Subject>> themes, const std::regex& only, const Pass& pass,
              Report& report) {
  for (const Rules<Subject>& rules : themes)
    for (const Rule<Subject>& rule : rules)
      if (holds_for(rule.scope, pass) && std::regex_search(rule.id.begin(), rule.id.end(), only))
        report.add(test(subject, rule, pass.encoding));
}

}  // namespace picket::apps::cli::conform
