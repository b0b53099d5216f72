#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "picket/agent/serve.hpp"
#include "picket/base/nearest.hpp"

namespace picket::agent {
namespace {

/// Where a word stands that nobody knows: behind the last command that is known.
const CLI::App& last_command(const CLI::App& app) {
  const std::vector<CLI::App*> said = app.get_subcommands();
  return said.empty() ? app : last_command(*said.front());
}

std::vector<std::string> options_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::vector<std::string> commands_of(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* const each : command.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(each->get_name());
  return names;
}

/// Empty where every word is known.
std::string unknown_word(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  if (words.empty()) return {};
  const CLI::App& command = last_command(app);
  const std::string_view word = std::string_view{words.front()}.substr(0, words.front().find('='));
  const bool is_option = word.starts_with('-');
  const std::vector<std::string> known = is_option ? options_of(command) : commands_of(command);
  if (known.empty()) return {};
  return fmt::format("unknown {} \"{}\": {}\n", is_option ? "option" : "command", word,
                     base::suggest(word, std::vector<std::string_view>{known.begin(), known.end()}));
}

}  // namespace

void name_the_unknown(CLI::App& app) {
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    const std::string unknown = unknown_word(*failed);
    return unknown.empty() ? CLI::FailureMessage::simple(failed, error) : unknown;
  });
}

}  // namespace picket::agent
