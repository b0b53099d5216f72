#pragma once

#include <cstddef>
#include <string>

#include <fmt/format.h>

#include "apps/gateway/logs/name_log.hpp"
#include "apps/gateway/upstream/observer.hpp"

namespace picket::apps::gateway::generation {

/// Hears what becomes of the names of one shard's upstream, for the log. Thread safety: the shard's thread.
class UpstreamDesk final : public upstream::Observer {
 public:
  UpstreamDesk(std::size_t shard, std::string upstream, spdlog::logger& log)
      : upstream_(std::move(upstream)), log_(shard, log) {}

  void on_places(std::string_view target, std::span<const transport::dns::Place> places) override {
    log_.on_places(whose(target), places);
  }
  void on_look_up_trouble(std::string_view target, const base::Error& why, std::size_t known) override {
    log_.on_trouble(whose(target), why, known);
  }
  void on_looked_up_again(std::string_view target) override { log_.on_well_again(whose(target)); }

 private:
  [[nodiscard]] std::string whose(std::string_view target) const {
    return fmt::format("upstream '{}', target '{}'", upstream_, target);
  }

  std::string upstream_;
  logs::NameLog log_;
};

}  // namespace picket::apps::gateway::generation
