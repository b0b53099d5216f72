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
  if (const auto alone = engine->parsing(); !patterns_are_bounded(engine->get()))
    return base::fail(ErrorKind::unavailable,
                      "this libmodsecurity hides its calls of PCRE2, so patterns could run for minutes: use Debian's");
  auto standard = RuleSet::load(engine, options);
  PICKET_TRY(standard);
  return std::unique_ptr<RuleSets>(new RuleSets(std::move(engine), std::move(options), std::move(*standard)));
}

RuleSets::RuleSets(std::shared_ptr<Engine> engine, RuleOptions options, std::shared_ptr<const RuleSet> standard)
    : engine_(std::move(engine)),
      options_(std::move(options)),
      standard_(std::move(standard)),
      others_([this](const Settings& settings) { return compile(settings); }) {}

void RuleSets::get(const Settings& settings, Done done) {
  // What the command line says already is no set of its own.
  const Settings asked{.paranoia = settings.paranoia ? settings.paranoia : options_.paranoia,
                       .detection_only = settings.detection_only ? settings.detection_only : options_.detection_only};
  if (asked.paranoia == options_.paranoia && asked.detection_only == options_.detection_only) return done(standard_);
  others_.get(asked, std::move(done));
}

RuleSets::Loaded RuleSets::compile(const Settings& settings) const {
  RuleOptions options = options_;
  options.paranoia = settings.paranoia;
  options.detection_only = settings.detection_only;
  return RuleSet::load(engine_, options);
}

}  // namespace picket::apps::waf
