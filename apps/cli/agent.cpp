#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "apps/cli/commands.hpp"
#include "picket/agent/serve.hpp"
#include "picket/base/version.hpp"

namespace picket::apps::cli {
namespace {

using agent::Completion;
using agent::Context;
using agent::Decision;
using agent::Reply;

/// Completes answers after one fixed delay, in the order in which they came. Thread safety: any thread.
class DelayLine {
 public:
  explicit DelayLine(base::Duration delay)
      : delay_(delay), thread_([this](const std::stop_token& stop) { run(stop); }) {}

  void add(Completion completion, Decision decision) {
    const std::lock_guard lock{mutex_};
    pending_.push_back({base::Clock::now() + delay_, std::move(completion), std::move(decision)});
    changed_.notify_one();
  }

 private:
  struct Pending {
    base::TimePoint due;
    Completion completion;
    Decision decision;
  };

  void run(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    while (changed_.wait(lock, stop, [this] { return !pending_.empty(); })) {
      const base::TimePoint due = pending_.front().due;
      if (changed_.wait_until(lock, stop, due, [due] { return base::Clock::now() >= due; }); stop.stop_requested())
        return;
      Pending next = std::move(pending_.front());
      pending_.pop_front();
      lock.unlock();
      std::move(next.completion).complete(std::move(next.decision));
      lock.lock();
    }
  }

  base::Duration delay_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Pending> pending_;
  std::jthread thread_;
};

/// A request that has this field. Without a name: none.
struct Condition {
  std::string name;
  std::string value;

  [[nodiscard]] bool holds(const wire::Headers& headers) const {
    return !name.empty() && std::ranges::any_of(headers, [this](const auto& field) {
      return base::same_name(field.name, name) && field.value == value;
    });
  }
};

struct StandInOptions {
  Condition block;
  Condition redirect;
  Condition challenge;
  Condition change;
  std::chrono::milliseconds delay{0};
};

/// Allows everything but requests with the values that it was told, at once or after a delay.
class StandIn final : public agent::Handler {
 public:
  explicit StandIn(const StandInOptions& options) : options_(options) {
    if (options.delay.count() > 0) delay_line_ = std::make_unique<DelayLine>(options.delay);
  }

  agent::Info info() const override {
    return {.id = "stand-in",
            .name = "picket agent",
            .version = std::string{version},
            .limits = {.max_concurrency = 10'000}};
  }

  Reply on_request_headers(const agent::RequestHeaders& event, Context& context) override {
    return answer(judge(event.headers), context);
  }
  Reply on_request_body(const agent::RequestBodyChunk&, Context& context) override {
    return answer(Decision::allow(), context);
  }
  Reply on_response_headers(const agent::ResponseHeaders&, Context& context) override {
    return answer(Decision::allow(), context);
  }
  Reply on_response_body(const agent::ResponseBodyChunk&, Context& context) override {
    return answer(Decision::allow(), context);
  }
  Reply on_websocket_frame(const agent::WebSocketFrame&, Context& context) override {
    return answer(Decision::allow(), context);
  }
  Reply on_guardrail(const agent::GuardrailInspect&, Context& context) override {
    return answer(Decision::allow(), context);
  }
  void on_complete(const agent::RequestComplete&, Context&) override {}

 private:
  [[nodiscard]] Decision judge(const wire::Headers& headers) const {
    if (options_.block.holds(headers)) return Decision::block(403).body("blocked by picket agent\n").rule("block-if");
    if (options_.redirect.holds(headers)) return Decision::redirect("/redirected").rule("redirect-if");
    if (options_.challenge.holds(headers))
      return Decision::challenge("basic", {{"realm", "picket agent"}}).rule("challenge-if").confidence(1);
    if (options_.change.holds(headers)) return Decision::allow().set_request_header("x-picket-agent", "changed");
    return Decision::allow();
  }
  Reply answer(Decision decision, Context& context) {
    if (!delay_line_) return decision;
    auto completion = context.defer();
    const auto deferred = completion.deferred();
    delay_line_->add(std::move(completion), std::move(decision));
    return deferred;
  }

  StandInOptions options_;
  std::unique_ptr<DelayLine> delay_line_;
};

void add_condition(CLI::App& command, const std::string& name, Condition& condition, const std::string& words) {
  command
      .add_option_function<std::string>(
          name,
          [&condition](const std::string& text) {
            const auto equals = text.find('=');
            condition = {.name = text.substr(0, equals), .value = text.substr(equals + 1)};
          },
          words)
      ->type_name("HEADER=VALUE")
      ->check([](const std::string& text) {
        return text.find('=') > 0 && text.find('=') != std::string::npos ? std::string{} : "expected HEADER=VALUE";
      });
}

}  // namespace

void add_agent(CLI::App& app, int& exit_code) {
  auto* const command = app.add_subcommand("agent", "Serve a stand-in agent: allows everything, unless told otherwise");
  auto server = std::make_shared<agent::ServerOptions>();
  auto options = std::make_shared<StandInOptions>();
  agent::add_server_options(*command, *server);
  agent::add_loop_options(*command, *server);
  add_condition(*command, "--block-if", options->block, "Answer 403 to requests with this header value");
  add_condition(*command, "--redirect-if", options->redirect, "Redirect those with this one to /redirected");
  add_condition(*command, "--challenge-if", options->challenge, "Ask those with this one for a name and a password");
  add_condition(*command, "--change-if", options->change, "Set x-picket-agent: changed in those with this one");
  command->add_option("--delay-ms", options->delay, "Answer so much later")->type_name("N");
  command->footer("Example: picket agent --listen unix:/tmp/agent.sock --block-if x-evil=yes");
  command->callback([=, &exit_code] {
    exit_code = agent::serve_until_signalled(
        *server, [options] { return std::make_unique<StandIn>(*options); }, "picket agent");
  });
}

}  // namespace picket::apps::cli
