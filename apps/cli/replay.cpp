#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "apps/cli/commands.hpp"
#include "apps/cli/reception.hpp"
#include "apps/cli/recording/difference.hpp"
#include "apps/cli/recording/script.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/task.hpp"

namespace picket::apps::cli {
namespace {

using std::chrono::milliseconds;

struct ReplayOptions {
  std::string file;
  AgentAddress agent;
  std::optional<std::string> config;
  AgentTimeout timeout;
};

/// Plays the proxy's side to an agent, one event after the other, and prints what is answered otherwise.
class Player {
 public:
  Player(transport::Worker& worker, pool::AgentPool& pool, const Script& script, milliseconds timeout)
      : worker_(worker), pool_(pool), script_(script), timeout_(timeout) {}

  transport::Task<void> run(pool::Agent& agent, milliseconds to_connect) {
    const base::Deadline deadline = base::Deadline::after(worker_.now(), to_connect);
    auto connected = co_await pool_.ready(agent, deadline);
    if (connected) {
      for (const Script::Step& step : script_.steps()) co_await play(agent, step);
    } else {
      failure_ = std::move(connected.error());
    }
    exchanges_.clear();
    done_ = true;
  }

  [[nodiscard]] bool done() const noexcept { return done_; }
  /// Why there was nothing to compare; none where there was.
  [[nodiscard]] const std::optional<base::Error>& failure() const noexcept { return failure_; }
  [[nodiscard]] std::size_t asked() const noexcept { return asked_; }
  [[nodiscard]] std::size_t different() const noexcept { return different_; }

 private:
  /// An exchange of the recording, with an id of this conversation.
  struct Live {
    Live(transport::Worker& worker, pool::Agent& agent) : id(worker.ids().mint()), exchange(agent, id) {}
    Live(const Live&) = delete;
    Live& operator=(const Live&) = delete;
    base::MintedId id;
    pool::Exchange exchange;  // says goodbye under its id
  };

  transport::Task<void> play(pool::Agent& agent, const Script::Step& step) {
    Live& live = exchanges_.try_emplace(step.id, worker_, agent).first->second;
    switch (step.what) {
      case Script::What::cancels: live.exchange.cancel(step.cancel.reason); co_return;
      case Script::What::completes:
        live.exchange.complete(step.summary);
        exchanges_.erase(step.id);
        co_return;
      case Script::What::asks: break;
    }
    const base::Deadline deadline = base::Deadline::after(worker_.now(), timeout_);
    pool::Call call{live.exchange, step.event, Script::kind_of(step.event), deadline};
    co_await pool::Ended{call};
    report(step, call);
  }

  void report(const Script::Step& step, const pool::Call& call) {
    ++asked_;
    const std::string what = fmt::format("{}{} of exchange {}", name(step.key.type),
                                         step.key.index ? fmt::format(" {}", *step.key.index) : "", step.id);
    const auto found = compare(step, call);
    if (found.empty()) {
      fmt::print("same    {}\n", what);
      return;
    }
    ++different_;
    fmt::print("differs {}\n", what);
    for (const auto& [field, recorded, now] : found)
      fmt::print("        {}: recorded {}, now {}\n", field, recorded, now);
  }

  static std::vector<Difference> compare(const Script::Step& step, const pool::Call& call) {
    if (step.answer && call.result() && !call.skipped()) return differences(*step.answer, call.response());
    const std::string recorded = step.answer ? "an answer" : "none";
    const std::string now = call.skipped()  ? "none: the agent does not take this kind of event"
                            : call.result() ? "an answer"
                                            : "none: " + call.result().error().message();
    if (!step.answer && !call.result()) return {};
    return {{"answer", recorded, now}};
  }

  transport::Worker& worker_;
  pool::AgentPool& pool_;
  const Script& script_;
  milliseconds timeout_;
  std::map<std::string, Live, std::less<>> exchanges_;
  std::optional<base::Error> failure_;
  std::size_t asked_ = 0;
  std::size_t different_ = 0;
  bool done_ = false;
};

base::Result<Script> read_script(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  if (!file) return base::fail(base::ErrorKind::io, "it cannot be read");
  const std::string bytes{std::istreambuf_iterator<char>{file}, {}};
  const auto records = read_recording(bytes);
  if (!records) return records.error();
  auto script = Script::read(*records);
  if (script && script->steps().empty())
    return base::fail(base::ErrorKind::invalid_message, "it asks an agent nothing");
  return script;
}

int usage(std::string_view what) {
  fmt::print(stderr, "picket replay: {}\n", what);
  return exit_usage;
}

int replay(const ReplayOptions& options) {
  const auto script = read_script(options.file);
  if (!script) return usage(fmt::format("{}: {}", options.file, script.error().detail()));
  if (!options.config && script->config_is_masked())
    return usage(
        "the configuration in the recording is masked: give it with --config, or record it with --with-secrets");

  transport::Worker worker;
  pool::Config config;
  config.connections_per_agent = 1;
  config.request_timeout = config.connect_timeout = options.timeout.of_answers;
  config.reconnect_interval = milliseconds{100};
  pool::AgentPool pool{worker, config};
  pool::AgentSpec spec{
      .id = "agent", .events = script->kinds(), .config_json = options.config ? options.config : script->config()};
  set_place(spec, options.agent);
  if (!script->encodings().empty()) spec.encodings = script->encodings();
  auto agent = pool.add_agent(spec);
  if (!agent) return usage(agent.error().detail());
  Reception reception{worker, pool};
  if (!options.agent.listen.empty()) {
    if (const auto listens = reception.open(options.agent, spec, 1); !listens) return usage(listens.error().detail());
  }

  Player player{worker, pool, *script, options.timeout.of_answers};
  transport::spawn(player.run(agent->get(), options.timeout.to_connect(options.agent)));
  while (!player.done()) worker.turn(base::TimePoint::max());
  worker.turn(base::Clock::now());  // the farewell goes out
  if (player.failure()) {
    fmt::print(stderr, "picket replay: {}\n", player.failure()->detail());
    return exit_failed;
  }
  fmt::print("{} asked, {} answered otherwise\n", player.asked(), player.different());
  return player.different() == 0 ? exit_done : exit_different;
}

}  // namespace

void add_replay(CLI::App& app, int& exit_code) {
  auto* const command =
      app.add_subcommand("replay", "Play the proxy of a recording to an agent, and compare its answers");
  auto options = std::make_shared<ReplayOptions>();
  add_agent_options(*command, options->agent);
  command->add_option("--config", options->config, "Configuration to deliver in place of the recorded one, as JSON")
      ->type_name("JSON");
  add_timeout_option(*command, options->timeout);
  command->add_option("FILE", options->file, "A recording, of picket call --record")->required();
  command->footer(
      "Exit codes: 0 every answer as recorded, 3 an answer differs, 1 no connection, 2 wrong command line or "
      "recording.\n"
      "Example: picket replay login.rec --agent unix:/run/picket/waf.sock");
  command->callback([=, &exit_code] { exit_code = replay(*options); });
}

}  // namespace picket::apps::cli
