#pragma once

#include <memory>
#include <vector>

#include "apps/cli/conform/line.hpp"
#include "apps/cli/conform/pipe.hpp"
#include "apps/cli/conform/proxies/grpc_server.hpp"
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
  [[nodiscard]] virtual transport::Carrier carrier() const noexcept { return transport::Carrier::frames; }
  /// The conversations that are new. `is_wanted`: there is none that could be used. Throws Unreachable.
  [[nodiscard]] virtual std::vector<std::unique_ptr<Pipe>> arrivals(bool is_wanted) = 0;
  /// Closes what has come and was not asked for yet.
  virtual void forget() {}
};

/// Connections that a proxy makes.
class Accepting {
 public:
  /// `tls`: null where it dials in clear.
  Accepting(transport::Worker& worker, transport::Listener listener,
            std::shared_ptr<const transport::tls::Context> tls);
  Accepting(const Accepting&) = delete;
  Accepting& operator=(const Accepting&) = delete;
  ~Accepting();

  [[nodiscard]] std::vector<Line> lines();
  void forget();

 private:
  transport::Worker& worker_;
  transport::Listener listener_;
  std::shared_ptr<const transport::tls::Context> tls_;
  std::vector<int> accepted_;
};

/// A proxy that dials us, and speaks frames.
class Listening final : public Meeting {
 public:
  explicit Listening(std::unique_ptr<Accepting> accepting) noexcept : accepting_(std::move(accepting)) {}

  [[nodiscard]] Dialler dialler() const noexcept override { return Dialler::proxy; }
  [[nodiscard]] std::vector<std::unique_ptr<Pipe>> arrivals(bool is_wanted) override;
  void forget() override { accepting_->forget(); }

 private:
  std::unique_ptr<Accepting> accepting_;
};

/// A proxy that calls us on gRPC: each ProcessStream is a conversation.
class GrpcListening final : public Meeting {
 public:
  explicit GrpcListening(std::unique_ptr<Accepting> accepting) noexcept : accepting_(std::move(accepting)) {}

  [[nodiscard]] Dialler dialler() const noexcept override { return Dialler::proxy; }
  [[nodiscard]] std::vector<std::unique_ptr<Pipe>> arrivals(bool is_wanted) override;
  [[nodiscard]] transport::Carrier carrier() const noexcept override { return transport::Carrier::grpc; }
  void forget() override;
  /// Until forget(): when the heads of answers are sent on connections that are to come.
  void answer_heads(HeadOfAnswer when) noexcept { head_ = when; }

 private:
  std::unique_ptr<Accepting> accepting_;
  std::vector<std::shared_ptr<GrpcServer>> servers_;
  HeadOfAnswer head_ = HeadOfAnswer::at_once;
};

/// A proxy that is dialled: one connection at a time, and another when that has ended.
class Joining final : public Meeting {
 public:
  Joining(transport::Worker& worker, transport::Destination proxy, base::Duration patience)
      : worker_(worker), proxy_(std::move(proxy)), patience_(patience) {}

  [[nodiscard]] Dialler dialler() const noexcept override { return Dialler::agent; }
  [[nodiscard]] std::vector<std::unique_ptr<Pipe>> arrivals(bool is_wanted) override;

 private:
  transport::Worker& worker_;
  transport::Destination proxy_;
  base::Duration patience_;
  bool was_reached_ = false;
  base::TimePoint next_{};
};

}  // namespace picket::apps::cli::conform::proxies
