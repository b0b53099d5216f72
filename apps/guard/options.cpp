#include "apps/guard/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "picket/agent/serve.hpp"
#include "picket/base/ascii.hpp"
#include "picket/base/version.hpp"

namespace picket::apps::guard {
namespace {

constexpr auto about =
    "A guardrail for language models as an agent, over Agent Protocol v2: it finds personal data and secrets in "
    "texts,\n"
    "and orders that are meant for the model. The proxy's route says what becomes of what is found.";

constexpr auto footer =
    "Categories: email, phone, credit_card, iban, national_id, ip_address, jwt, cloud_key, pem_key, secret,\n"
    "prompt_injection; groups of them: pii, secrets, all, none.\n"
    "\n"
    "Examples:\n"
    "  picket-guard --listen unix:/run/picket/guard.sock\n"
    "  picket-guard --listen unix:guard.sock --prompt prompt_injection,secrets --response pii --allow-file own.txt\n"
    "  picket-guard --listen unix:guard.sock --token-budget 200000 --budget-file /var/lib/picket/budget\n"
    "\n"
    "Exit codes: 0 stopped by SIGTERM or SIGINT; 1 it could not serve; 2 wrong options, or a list that cannot be read.";

constexpr std::uint64_t most_budget = 1'000'000'000'000'000;

void add_categories(CLI::App& app, const std::string& name, Categories& categories, const std::string& usual,
                    const std::string& words) {
  app.add_option_function<std::string>(
         name,
         [&categories, name](const std::string& list) {
           auto parsed = parse_categories(list);
           if (!parsed) throw CLI::ValidationError(name, parsed.error().detail());
           categories = *parsed;
         },
         words)
      ->type_name("LIST")
      ->default_str(usual);
}

/// CLI::Range takes what is neither below nor above it.
std::string not_nan(const std::string& text) {
  return std::isnan(std::strtod(text.c_str(), nullptr)) ? "'" + text + "' is no number" : std::string{};
}

/// What BudgetFile could not make.
std::string names_a_file(const std::string& file) {
  if (file.empty()) return "a name of a file is missing";
  std::error_code ignored;
  if (file.ends_with('/') || std::filesystem::is_directory(file, ignored))
    return file + " is a directory: name a file in it";
  return {};
}

void add_policy_options(CLI::App& app, Policy& policy) {
  add_categories(app, "--prompt", policy.prompts, "prompt_injection",
                 "What to look for in texts for a model: categories with commas in between");
  add_categories(app, "--response", policy.responses, "pii,secrets", "What to look for in texts from a model");
  app.add_option("--min-confidence", policy.least_confidence, "How sure a finding has to be, 0 to 1")
      ->type_name("X")
      ->check(CLI::Range(0.0, 1.0))
      ->check(not_nan)
      ->default_str("0.5");
  app.add_option_function<std::string>(
         "--allow-file",
         [&policy](const std::string& file) {
           auto list = AllowList::read(file);
           if (!list) throw CLI::ValidationError("--allow-file", list.error().detail());
           policy.allowed = std::move(*list);
         },
         "File with values that are no findings, one a line; @example.com is each address of that domain")
      ->type_name("FILE");
}

/// RFC 9110 §5.1.
bool is_field_name(std::string_view name) noexcept {
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::ranges::all_of(name, [&](char c) {
    const char lower = base::lower(c);
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
  });
}

void add_budget_options(CLI::App& app, Options& options) {
  auto* const budget = app.add_option("--token-budget", options.budget.tokens,
                                      "Tokens that a key may spend in a period; over it its requests get 429")
                           ->type_name("N")
                           ->check(CLI::Range(std::uint64_t{1}, most_budget));
  const auto of_budget = [&](CLI::Option* option, const char* type, const char* usual) {
    option->type_name(type)->needs(budget);
    if (*usual != '\0') option->default_str(usual);
  };
  of_budget(app.add_option_function<std::uint32_t>(
                   "--budget-period-secs",
                   [&options](std::uint32_t seconds) { options.budget.period = std::chrono::seconds{seconds}; },
                   "The period, from what a key spends first")
                ->check(CLI::PositiveNumber),
            "N", "86400");
  of_budget(app.add_option_function<std::string>(
                "--budget-header",
                [&options](const std::string& name) {
                  if (!is_field_name(name))
                    throw CLI::ValidationError("--budget-header", "'" + name + "' is no name of a header");
                  options.budget_header.clear();
                  for (const char c : name) options.budget_header += base::lower(c);
                },
                "Header whose value is the key; requests without it share one budget"),
            "NAME", "authorization");
  of_budget(app.add_option("--budget-keys", options.budget.most_keys,
                           "Keys that are known at once; all beyond share one budget")
                ->check(CLI::PositiveNumber),
            "N", "100000");
  of_budget(app.add_option("--budget-file", options.budget_file,
                           "File that keeps what was spent; without it a restart forgets it")
                ->check(names_a_file),
            "FILE", "");
}

}  // namespace

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  Options options;
  options.server.threads = 0;
  CLI::App app{about, "picket-guard"};
  app.footer(footer);
  app.set_version_flag("--version", "picket-guard " PICKET_VERSION);
  agent::add_server_options(app, options.server);
  add_policy_options(app, options.policy);
  add_budget_options(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? exit_ok : exit_wrong;
  }
  return options;
}

}  // namespace picket::apps::guard
