#pragma once

#include <memory>
#include <optional>

#include "apps/waf/loader.hpp"
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
/// A load takes about 130 ms and happens on a thread of their own, one at a time.
/// Thread safety: any thread.
class RuleSets {
 public:
  using Loaded = Loader<Settings, RuleSet>::Loaded;
  using Done = Loader<Settings, RuleSet>::Done;

  /// Loads the set that the command line describes. Errors: as RuleSet::load.
  [[nodiscard]] static base::Result<std::unique_ptr<RuleSets>> load(std::shared_ptr<Engine> engine,
                                                                    RuleOptions options);

  [[nodiscard]] const std::shared_ptr<const RuleSet>& standard() const noexcept { return standard_; }
  /// Calls `done` with the set, at once where there is one, else from another thread. Errors: as RuleSet::load.
  void get(const Settings& settings, Done done);

 private:
  RuleSets(std::shared_ptr<Engine> engine, RuleOptions options, std::shared_ptr<const RuleSet> standard);
  [[nodiscard]] Loaded compile(const Settings& settings) const;

  const std::shared_ptr<Engine> engine_;
  const RuleOptions options_;
  const std::shared_ptr<const RuleSet> standard_;
  Loader<Settings, RuleSet> others_;  // at most 4 * 3 keys exist
};

}  // namespace picket::apps::waf
