#include "apps/waf/rule_set.hpp"

#include "apps/waf/base_rules.hpp"

namespace picket::apps::waf {

using base::ErrorKind;

namespace {

/// The paranoia level must be set after CRS's setup, which may set one too, and before CRS's first rule, which reads
/// it.
std::size_t place_of_paranoia(const std::vector<std::string>& files) {
  for (std::size_t i = files.size(); i > 0; --i)
    if (files[i - 1].ends_with("crs-setup.conf")) return i;
  return 0;
}

}  // namespace

base::Result<std::shared_ptr<const RuleSet>> RuleSet::load(std::shared_ptr<Engine> engine, const RuleOptions& options) {
  const auto alone = engine->parsing();
  const std::shared_ptr<RuleSet> set(new RuleSet(std::move(engine), options.match_time));
  PICKET_TRY(set->add_all(options));
  set->compiled_.finish();
  return std::shared_ptr<const RuleSet>(set);
}

std::size_t RuleSet::body_limit() const noexcept {
  return compiled_.body_limit() > 0 ? compiled_.body_limit() : max_body_size;
}

std::size_t RuleSet::response_body_limit() const noexcept {
  return compiled_.response_body_limit() > 0 ? compiled_.response_body_limit() : max_response_body_size;
}

base::Status RuleSet::add_all(const RuleOptions& options) {
  auto files = options.rules.empty() ? crs_files(options.crs) : expand_globs(options.rules);
  PICKET_TRY(files);
  // The first setting of a directive wins, so the switch comes first and our defaults come last.
  if (options.detection_only)
    PICKET_TRY(add_text(*options.detection_only ? "SecRuleEngine DetectionOnly\n" : "SecRuleEngine On\n", "options"));
  PICKET_TRY(add_text(base_rules(), "base rules"));
  const std::size_t paranoia_at = place_of_paranoia(*files);
  for (std::size_t i = 0; i <= files->size(); ++i) {
    if (i == paranoia_at && options.paranoia) PICKET_TRY(add_text(paranoia_action(*options.paranoia), "--paranoia"));
    if (i < files->size()) PICKET_TRY(add_file((*files)[i]));
  }
  file_count_ = files->size();
  return add_text(default_directives(), "default directives");
}

base::Status RuleSet::add_file(const std::string& path) {
  auto text = read_file(path);
  PICKET_TRY(text);
  return add_text(with_xml_attributes(*text), path);
}

base::Status RuleSet::add_text(std::string_view text, const std::string& name) {
  if (auto error = compiled_.add(std::string(text), name)) return base::fail(ErrorKind::invalid_message, *error);
  return {};
}

}  // namespace picket::apps::waf
