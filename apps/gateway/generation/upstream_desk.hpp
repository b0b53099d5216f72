#pragma once

#include <cstddef>
#include <string>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "apps/gateway/logs/name_log.hpp"
#include "apps/gateway/upstream/observer.hpp"

namespace picket::apps::gateway::generation {

/// Hears what becomes of the targets of one shard's upstream, for the log. Thread safety: the shard's thread. Lifetime:
/// `log` outlives it.
class UpstreamDesk final : public upstream::Observer {
 public:
  UpstreamDesk(std::size_t shard, std::string upstream, spdlog::logger& log)
      : shard_(shard), upstream_(std::move(upstream)), process_(log), log_(shard, log) {}

  void on_places(std::string_view target, std::span<const transport::dns::Place> places) override {
    log_.on_places(whose(target), places);
  }
  void on_look_up_trouble(std::string_view target, const base::Error& why, std::size_t known) override {
    log_.on_trouble(whose(target), why, known);
  }
  void on_looked_up_again(std::string_view target) override { log_.on_well_again(whose(target)); }
  void on_down(std::string_view address, const base::Error& why) override {
    process_.warn("upstream '{}': checks find {} down (worker {}): {}", upstream_, address, shard_, why.detail());
  }
  void on_up_again(std::string_view address) override {
    process_.info("upstream '{}': checks find {} up again (worker {})", upstream_, address, shard_);
  }
  void on_check_never_passes(std::string_view address, const base::Error& why) override {
    process_.warn("upstream '{}': no check of {} has passed yet: is the check right? (worker {}): {}", upstream_,
                  address, shard_, why.detail());
  }
  void on_rest(std::string_view address) override {
    process_.warn("upstream '{}': {} rests after failures in a row (worker {})", upstream_, address, shard_);
  }

 private:
  [[nodiscard]] std::string whose(std::string_view target) const {
    return fmt::format("upstream '{}', target '{}'", upstream_, target);
  }

  std::size_t shard_;
  std::string upstream_;
  spdlog::logger& process_;
  logs::NameLog log_;
};

}  // namespace picket::apps::gateway::generation
