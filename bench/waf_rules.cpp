/// Prints the rules that picket-waf runs for requests, as one file for ModSecurity inside another server:
///   picket_waf_rules >FILE
#include <cstdio>

#include <fmt/format.h>

#include "apps/waf/base_rules.hpp"
#include "apps/waf/rule_files.hpp"

using namespace picket;

namespace {

/// What responses and logging would cost is left out: the agent is asked about requests.
constexpr auto only_requests = "SecAction \"id:99000090,phase:2,nolog,pass,t:none,ctl:ruleEngine=Off\"\n";

}  // namespace

int main() {
  const auto files = apps::waf::crs_files({});
  if (!files) {
    fmt::print(stderr, "{}\n", files.error().message());
    return 1;
  }
  fmt::print("{}", apps::waf::base_rules());
  for (const std::string& file : *files) fmt::print("Include {}\n", file);
  fmt::print("{}{}", only_requests, apps::waf::default_directives());
}
