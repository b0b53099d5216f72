#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "apps/cli/conform/agents/reach.hpp"
#include "apps/cli/conform/frame_pipe.hpp"
#include "picket/transport/listener.hpp"
#include "picket/transport/tls/context.hpp"

namespace picket::apps::cli::conform::agents {

/// How many connections an agent is told to make, which hears it.
inline constexpr std::uint32_t connections_wanted = 64;

/// What is answered to a registration, part by part: what no codec would write.
struct Welcome {
  std::string_view success = "true";
  std::string_view error = "null";
  /// An agent that is told of fewer connections than it has makes no more.
  std::string_view wanted = R"(,"connections_wanted":64)";
  std::string_view more;  ///< Members, each with a comma before it.
};
[[nodiscard]] std::string text_of(const Welcome& welcome, std::string_view proxy_id);

/// An agent that dials us (protocol.md §8).
///
/// A connection that a rule has used up is made again after a second or more, so those that are there and not used are
/// kept: new ones as they came, for a rule to answer as it wants; and parked ones, which are answered and asked
/// nothing. Agents that keep many connections make all of them again when one is taken, so that a parked one that is
/// closed brings back the others.
class Registrations final : public Reach {
 public:
  /// `tls`: null where it dials in clear.
  Registrations(transport::Worker& worker, transport::Listener listener,
                std::shared_ptr<const transport::tls::Context> tls, const Options& options);
  Registrations(const Registrations&) = delete;
  Registrations& operator=(const Registrations&) = delete;
  ~Registrations() override;

  [[nodiscard]] Line next() override;
  void tend() override;
  [[nodiscard]] bool has_new() const noexcept override { return !fresh_.empty(); }
  [[nodiscard]] std::size_t count() const noexcept override { return fresh_.size() + parked_.size() + held(); }

 private:
  struct Fresh {
    Line line;
    base::TimePoint since;
  };

  void accept();
  void park_what_waits();
  void look_at_parked();
  [[nodiscard]] bool park(Line line);
  /// How many of them rules have.
  [[nodiscard]] std::size_t held() const noexcept {
    return static_cast<std::size_t>(seat_.use_count()) - 1 - fresh_.size() - parked_.size();
  }
  [[nodiscard]] base::TimePoint deadline() const;
  [[noreturn]] void throw_missing() const;

  transport::Worker& worker_;
  transport::Listener listener_;
  std::shared_ptr<const transport::tls::Context> tls_;
  Options options_;
  std::shared_ptr<const int> seat_ = std::make_shared<const int>(0);  // each connection has a share of it
  std::vector<int> accepted_;
  std::deque<Fresh> fresh_;
  std::deque<std::unique_ptr<FramePipe>> parked_;
  std::size_t most_ = 0;
};

}  // namespace picket::apps::cli::conform::agents
