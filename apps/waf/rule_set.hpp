#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/waf/compiled_rules.hpp"
#include "apps/waf/engine.hpp"
#include "apps/waf/rule_files.hpp"
#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::waf {

/// What a rule set is made of.
struct RuleOptions {
  std::vector<std::string> rules;  ///< Globs, loaded in this order in place of CRS; none means CRS.
  std::optional<int> paranoia;     ///< CRS's paranoia level, 1 to 4; none leaves it to the rules (CRS: 1).
  std::optional<bool>
      detection_only;  ///< True: rules match and are logged, nothing is blocked. None: as the rules say (on).
  base::Duration match_time = std::chrono::milliseconds{800};  ///< Of a processor, for one event: see MatchBudget.
  CrsLocation crs;
};

/// Our base configuration and the operator's rules, compiled. Loading CRS takes about 130 ms and 33 MiB.
/// Thread safety: immutable; any number of threads evaluate with one rule set at a time.
class RuleSet {
 public:
  /// Errors: io where a file cannot be read, invalid_message where a rule is wrong. The detail begins with file:line.
  [[nodiscard]] static base::Result<std::shared_ptr<const RuleSet>> load(std::shared_ptr<Engine> engine,
                                                                         const RuleOptions& options);
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  [[nodiscard]] std::size_t rule_count() const noexcept { return compiled_.rule_count(); }
  [[nodiscard]] std::size_t file_count() const noexcept { return file_count_; }

  /// Largest request body in bytes that is inspected: SecRequestBodyLimit, else max_body_size.
  [[nodiscard]] std::size_t body_limit() const noexcept;

  /// Largest response body in bytes that is inspected: SecResponseBodyLimit, else max_response_body_size.
  [[nodiscard]] std::size_t response_body_limit() const noexcept;

  /// How many bytes of names and values a parsed body may become: twice what SecRequestBodyNoFilesLimit lets in.
  [[nodiscard]] std::size_t expansion_limit() const noexcept { return 2 * compiled_.parsed_body_limit(); }

  /// See RuleOptions::match_time.
  [[nodiscard]] base::Duration match_time() const noexcept { return match_time_; }

  [[nodiscard]] const CompiledRules& compiled() const noexcept { return compiled_; }
  [[nodiscard]] const Engine& engine() const noexcept { return *engine_; }

 private:
  RuleSet(std::shared_ptr<Engine> engine, base::Duration match_time)
      : engine_(std::move(engine)), match_time_(match_time) {}
  base::Status add_all(const RuleOptions& options);
  base::Status add_file(const std::string& path);
  base::Status add_text(std::string_view text, const std::string& name);

  std::shared_ptr<Engine> engine_;  // outlives the rules
  base::Duration match_time_;
  CompiledRules compiled_;
  std::size_t file_count_ = 0;
};

}  // namespace picket::apps::waf
