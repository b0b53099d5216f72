#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/cli/conform/line.hpp"
#include "apps/cli/conform/rule.hpp"
#include "picket/transport/destination.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/tls/context.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::cli::conform::proxies {

/// How a proxy and the tool come together: the proxy dials, or the tool does as an agent that registers.
class Meeting {
 public:
  virtual ~Meeting() = default;

  [[nodiscard]] virtual Dialler dialler() const noexcept = 0;
  /// The connections that are new. `is_wanted`: there is none that could be used. Throws Unreachable.
  [[nodiscard]] virtual std::vector<Line> arrivals(bool is_wanted) = 0;
  /// Closes what has come and was not asked for yet.
  virtual void forget() {}
};

/// A proxy that dials us.
class Listening final : public Meeting {
 public:
  /// `tls`: null where it dials in clear.
  Listening(transport::Worker& worker, transport::Listener listener,
            std::shared_ptr<const transport::tls::Context> tls);
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() override;

  [[nodiscard]] Dialler dialler() const noexcept override { return Dialler::proxy; }
  [[nodiscard]] std::vector<Line> arrivals(bool is_wanted) override;
  void forget() override;

 private:
  transport::Worker& worker_;
  transport::Listener listener_;
  std::shared_ptr<const transport::tls::Context> tls_;
  std::vector<int> accepted_;
};

/// A proxy that is dialled: one connection at a time, and another when that has ended.
class Joining final : public Meeting {
 public:
  Joining(transport::Worker& worker, transport::Destination proxy, base::Duration patience)
      : worker_(worker), proxy_(std::move(proxy)), patience_(patience) {}

  [[nodiscard]] Dialler dialler() const noexcept override { return Dialler::agent; }
  [[nodiscard]] std::vector<Line> arrivals(bool is_wanted) override;

 private:
  transport::Worker& worker_;
  transport::Destination proxy_;
  base::Duration patience_;
  bool was_reached_ = false;
  base::TimePoint next_{};
};

}  // namespace picket::apps::cli::conform::proxies
