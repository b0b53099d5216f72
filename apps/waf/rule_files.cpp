#include "apps/waf/rule_files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <glob.h>

namespace picket::apps::waf {

using base::ErrorKind;

base::Result<std::vector<std::string>> crs_files(const CrsLocation& location) {
  const std::string setup = location.setup_directory + "/crs-setup.conf";
  const std::string exclusions_before = location.setup_directory + "/REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf";
  const std::string exclusions_after = location.setup_directory + "/RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf";
  if (!std::filesystem::exists(setup) || !std::filesystem::exists(location.rules_directory)) {
    return base::fail(ErrorKind::io, fmt::format("OWASP CRS is not installed ({} and {} are expected): install the "
                                                 "package modsecurity-crs, or name other rules with --rules",
                                                 setup, location.rules_directory));
  }
  std::vector<std::string> files{setup};
  if (std::filesystem::exists(exclusions_before)) files.push_back(exclusions_before);
  const std::string rules[] = {location.rules_directory + "/*.conf"};
  auto expanded = expand_globs(rules);
  PICKET_TRY(expanded);
  files.insert(files.end(), expanded->begin(), expanded->end());
  if (std::filesystem::exists(exclusions_after)) files.push_back(exclusions_after);
  return files;
}

base::Result<std::vector<std::string>> expand_globs(std::span<const std::string> globs) {
  std::vector<std::string> files;
  for (const std::string& pattern : globs) {
    glob_t matches{};
    const int outcome = ::glob(pattern.c_str(), 0, nullptr, &matches);  // glob(3) sorts
    if (outcome == 0) files.insert(files.end(), matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    ::globfree(&matches);
    if (outcome != 0) return base::fail(ErrorKind::io, fmt::format("no rule file matches '{}'", pattern));
  }
  return files;
}

base::Result<std::string> read_file(const std::string& path) {
  if (std::filesystem::is_directory(path)) return base::fail(ErrorKind::io, fmt::format("{}: is a directory", path));
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::fail(ErrorKind::io, fmt::format("{}: cannot open: {}", path, std::strerror(errno)));
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return base::fail(ErrorKind::io, fmt::format("{}: cannot read: {}", path, std::strerror(errno)));
  return text;
}

}  // namespace picket::apps::waf
