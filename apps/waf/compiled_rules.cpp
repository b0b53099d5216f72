#include "apps/waf/compiled_rules.hpp"

#include <array>
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

/// What a client reads as text.
constexpr std::array usual_types{"text/plain",
                                 "text/html",
                                 "text/xml",
                                 "application/xml",
                                 "application/json",
                                 "application/xhtml+xml",
                                 "application/problem+json"};

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
  // The library would look at all types; rules that name some add to its list.
  if (auto& types = rules_->m_responseBodyTypeToBeInspected; !types.m_set)
    types.m_value.insert(usual_types.begin(), usual_types.end());
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

std::size_t CompiledRules::response_body_limit() const noexcept {
  const double limit = rules_->m_responseBodyLimit.m_value;
  return limit > 0 ? static_cast<std::size_t>(limit) : 0;
}

bool CompiledRules::inspects_response_type(const std::string& type) const {
  if (rules_->m_secResponseBodyAccess != modsecurity::RulesSet::TrueConfigBoolean) return false;
  const auto& types = rules_->m_responseBodyTypeToBeInspected.m_value;
  return type.empty() || types.empty() || types.contains(type);
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

void run_response_body_phase(modsecurity::Transaction& transaction) {
  if (transaction.getRuleEngineState() == modsecurity::RulesSet::DisabledRuleEngine) return;
  const std::string body = transaction.m_responseBody.str();
  const std::size_t offset = 0;  // only the library's audit log, which is off, tells it
  transaction.m_variableOutboundDataError.set("0", offset);
  transaction.m_variableResponseBody.set(body, offset);
  transaction.m_variableResponseContentLength.set(std::to_string(body.size()), offset);
  transaction.m_rules->evaluate(modsecurity::ResponseBodyPhase, &transaction);
}

bool may_block(const modsecurity::Transaction& transaction) {
  return transaction.getRuleEngineState() == modsecurity::RulesSet::EnabledRuleEngine;
}

}  // namespace picket::apps::waf
