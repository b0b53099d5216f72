#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/gateway/exchange/testing/body_trial.hpp"
#include "apps/gateway/exchange/testing/ends_told.hpp"
#include "picket/agent/handler.hpp"

namespace picket::apps::gateway::exchange::testing {

inline constexpr std::size_t most_agents = 2;

/// All exchanges as the agents of a world see them. Thread safety: any thread.
class BodyCourt {
 public:
  BodyTrial& begin(int number, std::vector<AgentPlan> plans, bool is_duplex) {
    const std::lock_guard lock{mutex_};
    BodyTrial& trial = trials_.try_emplace(number, std::move(plans), is_duplex).first->second;
    for (std::size_t agent = 0; agent < most_agents; ++agent)
      if (are_away_[agent]) trial.lose(agent);
    return trial;
  }
  /// To all exchanges that have begun; those that are over do not mind.
  void lose(std::size_t agent) {
    const std::lock_guard lock{mutex_};
    for (auto& [number, trial] : trials_) {
      trial.lose(agent);
      ends[agent].excuse(number);
    }
  }
  /// Whether it is lost to all that begin, too.
  void set_away(std::size_t agent, bool is_away) {
    const std::lock_guard lock{mutex_};
    are_away_[agent] = is_away;
  }
  BodyTrial& trial(std::size_t agent, std::string_view id) { return trial(ends[agent].number_of(id)); }
  BodyTrial& trial(int number) {
    const std::lock_guard lock{mutex_};
    return trials_.at(number);
  }
  std::array<EndsTold, most_agents> ends;

 private:
  std::mutex mutex_;
  std::map<int, BodyTrial> trials_;
  std::array<bool, most_agents> are_away_{};
};

/// An agent of it. `was_asked`: called with each request's head.
class BodyJudge final : public agent::Handler {
 public:
  BodyJudge(BodyCourt& court, std::size_t agent, std::function<void()> was_asked)
      : court_(court), agent_(agent), was_asked_(std::move(was_asked)) {}
  [[nodiscard]] agent::Info info() const override { return {.id = "judge", .version = "1"}; }
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    was_asked_();
    const int number = court_.ends[agent_].saw(event.uri, context.correlation_id());
    return court_.trial(number).hear_head(agent_, to_upstream, context);
  }
  agent::Reply on_request_body(const agent::RequestBodyChunk& event, agent::Context& context) override {
    return trial(context).hear_chunk(agent_, to_upstream, base::as_text(event.data), event.is_last, context);
  }
  agent::Reply on_response_headers(const agent::ResponseHeaders&, agent::Context& context) override {
    return trial(context).hear_head(agent_, to_client, context);
  }
  agent::Reply on_response_body(const agent::ResponseBodyChunk& event, agent::Context& context) override {
    return trial(context).hear_chunk(agent_, to_client, base::as_text(event.data), event.is_last, context);
  }
  void on_complete(const agent::RequestComplete&, agent::Context& context) override {
    court_.ends[agent_].was_told(context.correlation_id());
  }

 private:
  BodyTrial& trial(agent::Context& context) { return court_.trial(agent_, context.correlation_id()); }

  BodyCourt& court_;
  std::size_t agent_;
  std::function<void()> was_asked_;
};

}  // namespace picket::apps::gateway::exchange::testing
