#include "apps/waf/compiled_rules.hpp"

#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <modsecurity/rule_with_operator.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>

#include "apps/waf/match_budget.hpp"
#include "apps/waf/rule_error.hpp"
#include "apps/waf/unicode_map.hpp"

namespace picket::apps::waf {
namespace {

/// Stands before each rule, and skips all that follow in the phase once the budget of the evaluation is spent. A
/// marker, since `skip` does not count those, and since they are looked at wherever an evaluation skips to.
class Checkpoint final : public modsecurity::Rule {
 public:
  Checkpoint() : Rule(std::make_unique<std::string>("checkpoint"), 0) {}
  bool evaluate(modsecurity::Transaction* transaction) override {
    if (!transaction->isInsideAMarker() && MatchBudget::spent()) transaction->m_skip_next = all;
    return true;
  }
  bool evaluate(modsecurity::Transaction* transaction, std::shared_ptr<modsecurity::RuleMessage>) override {
    return evaluate(transaction);
  }
  bool isMarker() override { return true; }

 private:
  static constexpr int all = std::numeric_limits<int>::max();
};

}  // namespace

CompiledRules::CompiledRules() : rules_(std::make_unique<modsecurity::RulesSet>()) {}
CompiledRules::~CompiledRules() = default;

std::optional<std::string> CompiledRules::add(const std::string& text, const std::string& name) {
  modsecurity::RulesSet added;
  if (added.load(text.c_str(), name) < 0) return describe_rule_error(added.getParserError(), text, name);
  if (auto duplicate = note_ids(added)) return duplicate;
  if (rules_->merge(&added) < 0) return fmt::format("{}: {}", name, rules_->getParserError());
  return std::nullopt;
}

// The library refuses an id that another file has used, too, but does not say where.
std::optional<std::string> CompiledRules::note_ids(modsecurity::RulesSet& added) {
  for (int phase = 0; phase < modsecurity::Phases::NUMBER_OF_PHASES; ++phase) {
    for (const auto& rule : added.m_rulesSetPhases[phase]->m_rules) {
      rule_count_ += dynamic_cast<const modsecurity::RuleWithActions*>(rule.get()) != nullptr;
      const auto* const with_id = dynamic_cast<const modsecurity::RuleWithOperator*>(rule.get());
      if (with_id == nullptr) continue;
      const auto place = fmt::format("{}:{}", *with_id->getFileName(), with_id->getLineNumber());
      const auto [known, is_new] = places_.try_emplace(with_id->m_ruleId, place);
      if (is_new) continue;
      return fmt::format("{}: rule id {} is already used at {}", place, with_id->m_ruleId, known->second);
    }
  }
  return std::nullopt;
}

void CompiledRules::put_checkpoints() {
  const auto checkpoint = std::make_shared<Checkpoint>();
  for (int phase = 0; phase < modsecurity::Phases::NUMBER_OF_PHASES; ++phase) {
    auto& rules = rules_->m_rulesSetPhases[phase]->m_rules;
    std::vector<std::shared_ptr<modsecurity::Rule>> checked;
    checked.reserve(2 * rules.size());
    for (auto& rule : rules) {
      if (!rule->isMarker()) checked.push_back(checkpoint);
      checked.push_back(std::move(rule));
    }
    rules = std::move(checked);
  }
}

void CompiledRules::finish() {
  places_.clear();
  put_checkpoints();
  modsecurity::ConfigUnicodeMap& map = rules_->m_unicodeMapTable;
  if (map.m_set) return;  // the rules name one
  constexpr double us_ascii_code_page = 20127;
  map.m_unicodeMapTable = std::make_shared<modsecurity::UnicodeMapHolder>();
  map.m_unicodeCodePage = us_ascii_code_page;
  map.m_set = true;
  fill_unicode_map(*map.m_unicodeMapTable);
}

std::size_t CompiledRules::parsed_body_limit() const noexcept {
  const double limit = rules_->m_requestBodyNoFilesLimit.m_value;
  return limit > 0 ? static_cast<std::size_t>(limit) : 0;
}

std::size_t CompiledRules::body_limit() const noexcept {
  const double limit = rules_->m_requestBodyLimit.m_value;
  return limit > 0 ? static_cast<std::size_t>(limit) : 0;
}

bool CompiledRules::rejects_over_limit() const noexcept {
  return rules_->m_requestBodyLimitAction != modsecurity::RulesSet::ProcessPartialBodyLimitAction;
}

bool patterns_are_bounded(modsecurity::ModSecurity& engine) {
  modsecurity::RulesSet rules;
  if (rules.load("SecRuleEngine On\nSecRule REQUEST_METHOD \"@rx ^G\" \"id:1,phase:1,pass,nolog\"\n") < 0) return false;
  modsecurity::Transaction transaction(&engine, &rules, nullptr);
  const MatchBudget budget(std::chrono::seconds{1});
  transaction.processURI("/", "GET", "1.1");
  transaction.processRequestHeaders();
  return budget.matches() > 0;
}

void resume_after_checkpoint(modsecurity::Transaction& transaction) { transaction.m_skip_next = 0; }

bool may_block(const modsecurity::Transaction& transaction) {
  return transaction.getRuleEngineState() == modsecurity::RulesSet::EnabledRuleEngine;
}

}  // namespace picket::apps::waf
