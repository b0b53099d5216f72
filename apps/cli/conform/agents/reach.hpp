#pragma once

#include <cstddef>

#include "apps/cli/conform/line.hpp"
#include "apps/cli/conform/options.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::cli::conform::agents {

/// Where the connections to an agent come from: it is dialled, or it dials.
class Reach {
 public:
  virtual ~Reach() = default;

  /// A connection on which nothing is said yet. Throws Unreachable where there never was one, else Violation, and
  /// Skipped where an agent that dials makes no more of them at once.
  [[nodiscard]] virtual Line next() = 0;
  /// Looks after those that are there and not used.
  virtual void tend() {}
  /// Whether there is one to have without a wait, of those that an agent makes.
  [[nodiscard]] virtual bool has_new() const noexcept { return false; }
  /// How many there are at once, where the agent makes them.
  [[nodiscard]] virtual std::size_t count() const noexcept { return 0; }
};

/// An agent that is dialled.
class Dialling final : public Reach {
 public:
  Dialling(transport::Worker& worker, transport::Destination destination, const Options& options)
      : worker_(worker), destination_(std::move(destination)), patience_(options.patience) {}

  [[nodiscard]] Line next() override;

 private:
  transport::Worker& worker_;
  transport::Destination destination_;
  base::Duration patience_;
  bool was_reached_ = false;
};

}  // namespace picket::apps::cli::conform::agents
