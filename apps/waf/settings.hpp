#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "apps/waf/rule_set.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/value.hpp"

namespace picket::apps::waf {

/// What a proxy may ask of its own connections, e.g. `config { paranoia-level 2 }` of the gateway; what it leaves out
/// is as the command line says.
struct Settings {
  std::optional<int> paranoia;         ///< `paranoia-level`: 1 to 4.
  std::optional<bool> detection_only;  ///< `detection-only`.
  friend auto operator<=>(const Settings&, const Settings&) = default;
};

/// Reads a configuration as it comes in a handshake or a Configure; null is an empty one.
/// Errors: invalid_message for a key or a value that is not known, naming it: nothing is accepted and ignored.
[[nodiscard]] base::Result<Settings> parse_settings(const wire::Value& config);

/// Rule sets by settings, each loaded once however many connections ask for it, and freed with the last that uses it.
/// Thread safety: any thread. Complexity: a load takes about 130 ms and happens on the thread that asks.
class RuleSets {
 public:
  /// Loads the set that the command line describes. Errors: as RuleSet::load.
  [[nodiscard]] static base::Result<std::unique_ptr<RuleSets>> load(std::shared_ptr<Engine> engine,
                                                                    RuleOptions options);

  [[nodiscard]] const std::shared_ptr<const RuleSet>& standard() const noexcept { return standard_; }
  /// Errors: as RuleSet::load.
  [[nodiscard]] base::Result<std::shared_ptr<const RuleSet>> get(const Settings& settings);

 private:
  RuleSets(std::shared_ptr<Engine> engine, RuleOptions options, std::shared_ptr<const RuleSet> standard)
      : engine_(std::move(engine)), options_(std::move(options)), standard_(std::move(standard)) {}
  [[nodiscard]] std::shared_ptr<const RuleSet> find(const Settings& settings);

  const std::shared_ptr<Engine> engine_;
  const RuleOptions options_;
  const std::shared_ptr<const RuleSet> standard_;
  std::mutex mutex_;
  std::map<Settings, std::weak_ptr<const RuleSet>> others_;  // at most 5 * 3 keys exist
};

}  // namespace picket::apps::waf
