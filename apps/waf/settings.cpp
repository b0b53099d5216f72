#include "apps/waf/settings.hpp"

#include <string>

#include <fmt/format.h>

namespace picket::apps::waf {

using base::ErrorKind;

namespace {

base::Status read_paranoia(const wire::Value& value, Settings& settings) {
  const auto* const level = value.get<std::int64_t>();
  if (level == nullptr || *level < 1 || *level > 4)
    return base::fail(ErrorKind::invalid_message, "paranoia-level must be a whole number from 1 to 4");
  settings.paranoia = static_cast<int>(*level);
  return {};
}

base::Status read_detection_only(const wire::Value& value, Settings& settings) {
  const auto* const flag = value.get<bool>();
  if (flag == nullptr) return base::fail(ErrorKind::invalid_message, "detection-only must be true or false");
  settings.detection_only = *flag;
  return {};
}

base::Status read_key(const wire::Member& member, Settings& settings) {
  if (member.name == "paranoia-level") return read_paranoia(member.value, settings);
  if (member.name == "detection-only") return read_detection_only(member.value, settings);
  return base::fail(ErrorKind::invalid_message,
                    fmt::format("the WAF knows no key '{}'; it knows paranoia-level and detection-only", member.name));
}

}  // namespace

base::Result<Settings> parse_settings(const wire::Value& config) {
  Settings settings;
  if (config.is_null()) return settings;
  const auto* const members = config.get<wire::Value::Object>();
  if (members == nullptr) return base::fail(ErrorKind::invalid_message, "the WAF's configuration must be an object");
  for (const wire::Member& member : *members) PICKET_TRY(read_key(member, settings));
  return settings;
}

base::Result<std::unique_ptr<RuleSets>> RuleSets::load(std::shared_ptr<Engine> engine, RuleOptions options) {
  auto standard = RuleSet::load(engine, options);
  PICKET_TRY(standard);
  return std::unique_ptr<RuleSets>(new RuleSets(std::move(engine), std::move(options), std::move(*standard)));
}

base::Result<std::shared_ptr<const RuleSet>> RuleSets::get(const Settings& settings) {
  if (auto known = find(settings)) return known;
  RuleOptions options = options_;
  if (settings.paranoia) options.paranoia = settings.paranoia;
  if (settings.detection_only) options.detection_only = settings.detection_only;
  auto loaded = RuleSet::load(engine_, options);  // without the lock: other connections go on
  PICKET_TRY(loaded);
  const std::lock_guard lock(mutex_);
  others_[settings] = *loaded;
  return loaded;
}

std::shared_ptr<const RuleSet> RuleSets::find(const Settings& settings) {
  if (settings == Settings{}) return standard_;
  const std::lock_guard lock(mutex_);
  const auto found = others_.find(settings);
  return found == others_.end() ? nullptr : found->second.lock();
}

}  // namespace picket::apps::waf
