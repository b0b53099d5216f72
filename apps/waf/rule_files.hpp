#pragma once

#include <span>
#include <string>
#include <vector>

#include "picket/base/result.hpp"

namespace picket::apps::waf {

/// Where Debian's package modsecurity-crs keeps its files.
struct CrsLocation {
  std::string setup_directory = "/etc/modsecurity/crs";
  std::string rules_directory = "/usr/share/modsecurity-crs/rules";
};

/// The files of OWASP CRS in the order they must be loaded: setup, the operator's exclusions where they exist, rules.
/// Debian's own owasp-crs.load cannot be used: it says IncludeOptional, which libmodsecurity does not know.
/// Errors: io where CRS is not installed.
[[nodiscard]] base::Result<std::vector<std::string>> crs_files(const CrsLocation& location = {});

/// The files that each glob matches, globs in the order given, each one's matches sorted by name.
/// Errors: io where a glob matches nothing: rules that are asked for and absent must not go unnoticed.
[[nodiscard]] base::Result<std::vector<std::string>> expand_globs(std::span<const std::string> globs);

/// The whole content of a file. Errors: io, with the path and the reason.
[[nodiscard]] base::Result<std::string> read_file(const std::string& path);

}  // namespace picket::apps::waf
