#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace modsecurity {
class ModSecurity;
class RulesSet;
class Transaction;
}  // namespace modsecurity

namespace picket::apps::waf {

/// libmodsecurity's rules behind an interface of ours: its rules_set.h is not valid C++23 (it makes a std::string of
/// NULL), so what needs that header is compiled as C++20 and speaks of standard types only.
class CompiledRules {
 public:
  CompiledRules();
  CompiledRules(const CompiledRules&) = delete;
  CompiledRules& operator=(const CompiledRules&) = delete;
  ~CompiledRules();

  /// Compiles `text` behind what is there. `name` is the file it came from: relative paths in it start there.
  /// Returns what is wrong with it as "file:line: message", or nothing.
  [[nodiscard]] std::optional<std::string> add(const std::string& text, const std::string& name);

  /// To be called once, after the last add().
  void finish();

  [[nodiscard]] std::size_t rule_count() const noexcept { return rule_count_; }
  /// SecRequestBodyLimit in bytes; 0 for none.
  [[nodiscard]] std::size_t body_limit() const noexcept;
  /// SecRequestBodyNoFilesLimit in bytes; 0 for none.
  [[nodiscard]] std::size_t parsed_body_limit() const noexcept;
  /// SecResponseBodyLimit in bytes; 0 for none.
  [[nodiscard]] std::size_t response_body_limit() const noexcept;
  /// Whether bodies of answers of this type are looked at (SecResponseBodyAccess, SecResponseBodyMimeType). `type`: in
  /// lower case, without parameters; empty for an answer that does not say, which a client may take for any. Where the
  /// list was cleared all are: the library forgets what the same file adds behind SecResponseBodyMimeTypesClear.
  [[nodiscard]] bool inspects_response_type(const std::string& type) const;

  /// The library takes them without const, and does not change them while it evaluates.
  [[nodiscard]] modsecurity::RulesSet& get() const noexcept { return *rules_; }

 private:
  std::optional<std::string> note_ids(modsecurity::RulesSet& added);
  void put_checkpoints();

  std::unique_ptr<modsecurity::RulesSet> rules_;
  std::unordered_map<std::int64_t, std::string> places_;  // rule id to file:line; only while loading
  std::size_t rule_count_ = 0;
};

/// Whether the library's matches go through MatchBudget: they would not where it was linked in a way that hides its
/// calls of PCRE2, and patterns could then run for minutes. Parses a rule: see Engine::parsing().
[[nodiscard]] bool patterns_are_bounded(modsecurity::ModSecurity& engine);

/// Lets the next phase of a transaction run whose last one ended because its MatchBudget was spent.
void resume_after_checkpoint(modsecurity::Transaction& transaction);

/// Runs phase 4 on what the transaction's m_responseBody holds, whatever the answer's type.
void run_response_body_phase(modsecurity::Transaction& transaction);

/// Whether this transaction's rule engine is on: not off, and not for detection only. Rules may change it
/// (ctl:ruleEngine).
[[nodiscard]] bool may_block(const modsecurity::Transaction& transaction);

}  // namespace picket::apps::waf
