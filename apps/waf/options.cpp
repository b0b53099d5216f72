#include "apps/waf/options.hpp"

#include <CLI/CLI.hpp>
#include <string_view>

#include "picket/agent/serve.hpp"
#include "picket/base/version.hpp"

namespace picket::apps::waf {
namespace {

constexpr auto about =
    "A web application firewall as an agent: libmodsecurity with OWASP CRS, over Agent Protocol v2.\n"
    "A proxy that speaks the protocol sends it the events of each exchange; it answers allow, block or redirect.";

constexpr auto footer =
    "Examples:\n"
    "  picket-waf --listen unix:/run/picket/waf.sock\n"
    "  picket-waf --listen unix:waf.sock --paranoia 2 --detection-only --rule-log waf.log\n"
    "  picket-waf --listen unix:waf.sock --rules /etc/modsecurity/crs/crs-setup.conf my.conf \\\n"
    "             '/usr/share/modsecurity-crs/rules/*.conf'\n"
    "\n"
    "A proxy may set paranoia-level and detection-only for its own connections (the gateway: config { paranoia-level 2 "
    "}).\n"
    "\n"
    "Exit codes: 0 stopped by SIGTERM or SIGINT; 1 it could not serve; 2 wrong options, or rules that do not load\n"
    "(standard error then says file:line and what is wrong).";

}  // namespace

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  options.server.threads = 0;
  int paranoia = 0;
  bool detection_only = false;
  auto match_time_ms = std::chrono::duration_cast<std::chrono::milliseconds>(options.rules.match_time).count();

  CLI::App app{about, "picket-waf"};
  app.footer(footer);
  app.set_version_flag("--version", "picket-waf " PICKET_VERSION);
  agent::add_server_options(app, options.server);
  app.add_option("--rules", options.rules.rules,
                 "Rule files to load in place of OWASP CRS, in this order; our base configuration comes before them")
      ->type_name("GLOB")
      ->expected(1, -1);
  app.add_option("--paranoia", paranoia, "CRS's paranoia level, 1 to 4: higher finds more, and more that is harmless")
      ->type_name("N")
      ->check(CLI::Range(1, 4));
  app.add_flag("--detection-only", detection_only, "Report what matches, block nothing");
  app.add_option("--rule-log", options.rule_log,
                 "File that gets ModSecurity's line per match, before the answer is sent")
      ->type_name("FILE");
  app.add_option("--match-time-ms", match_time_ms,
                 "Processor time for one event; what has patterns left to match over it is blocked")
      ->type_name("MS")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_wrong;
  }
  if (paranoia > 0) options.rules.paranoia = paranoia;
  options.rules.match_time = std::chrono::milliseconds{match_time_ms};
  if (detection_only) options.rules.detection_only = true;
  return options;
}

}  // namespace picket::apps::waf
