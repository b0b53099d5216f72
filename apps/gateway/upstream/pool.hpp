#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "apps/gateway/upstream/balancer.hpp"
#include "apps/gateway/upstream/connection_places.hpp"
#include "apps/gateway/upstream/health_check.hpp"
#include "apps/gateway/upstream/observer.hpp"
#include "apps/gateway/upstream/retry_budget.hpp"
#include "apps/gateway/upstream/shared_connection.hpp"
#include "apps/gateway/upstream/site.hpp"
#include "apps/gateway/upstream/sites.hpp"
#include "apps/gateway/upstream/socket_budget.hpp"
#include "picket/base/result.hpp"
#include "picket/base/timer_wheel.hpp"
#include "picket/metrics/counter.hpp"
#include "picket/transport/cancel.hpp"
#include "picket/transport/stream.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/tls/reason.hpp"

namespace picket::transport::tls {
class TlsLayer;
}

namespace picket::apps::gateway::upstream {

/// What an address of a name has to take a connection at the least, however many there are: more than one lost packet
/// costs.
inline constexpr base::Duration least_connect_time = std::chrono::milliseconds{1'500};

/// How long a connection is left alone on which bytes may come that nobody asked for.
inline constexpr base::Duration settling_time = std::chrono::milliseconds{100};

/// Sites that one request tries, where there are no more at once: a name whose addresses change all the while must not
/// keep it busy for ever.
inline constexpr std::size_t most_tried = 64;

/// Handshakes of TLS with an upstream's targets. One that is not over in time is none of them.
struct HandshakeMetrics {
  metrics::Counter handshakes;                                                  ///< That came to a good end.
  metrics::Counter resumed;                                                     ///< Of them: with a ticket.
  std::array<metrics::Counter, transport::tls::refusal_names.size()> refusals;  ///< By transport::tls::Refusal.
};

class Pool;

/// A connection, and that it is counted.
struct Socket {
  transport::Stream stream;
  SocketBudget::Place place;
  ConnectionPlaces::Place upstream_place;
  base::TimePoint opened;
  bool speaks_http2 = false;
};

/// A connection to an upstream for one request: its own meanwhile, which goes back with give_back() and is closed
/// otherwise; or a share of one that serves several. Move-only.
class Lease {
 public:
  Lease(Pool& pool, Socket socket, SitePtr site, bool reused);
  Lease(Pool& pool, std::shared_ptr<SharedConnection> shared, SitePtr site);
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&&) = delete;
  ~Lease();

  [[nodiscard]] transport::Stream& stream() noexcept { return socket_->stream; }
  /// The connection that it has a share of; null: it has one of its own.
  [[nodiscard]] const std::shared_ptr<SharedConnection>& shared() const noexcept { return shared_; }
  /// Whether HTTP/2 is spoken on it: one of its own is to be made a shared one.
  [[nodiscard]] bool speaks_http2() const noexcept { return !socket_ || socket_->speaks_http2; }
  /// Gives its own connection away, and has a share of what is made of it, as others may from now on.
  template <class Make>
  void share(Make make) {
    Socket socket = std::move(*socket_);
    socket_.reset();
    share(std::shared_ptr<SharedConnection>{make(std::move(socket))});
  }
  /// Whether it served an earlier request, so that it may have gone stale.
  [[nodiscard]] bool reused() const noexcept { return reused_; }
  [[nodiscard]] const std::string& address() const noexcept { return site_->endpoint().text(); }
  /// What a request names as its host that names none.
  [[nodiscard]] const std::string& authority() const noexcept { return site_->destination.authority(); }
  [[nodiscard]] const config::UpstreamTimeouts& timeouts() const noexcept;
  /// When something is late that may take so long from now on; 0: as long as it likes, until `until`.
  [[nodiscard]] base::Deadline within(base::Duration pause, base::Deadline until) const;
  /// The upstream has answered: its site is well.
  void answered() noexcept;
  /// It has not, in time or not with what can be understood: its site is told so where failures in a row count.
  void unanswered();
  /// It has not, which counts as a connect that failed.
  void failed(base::Error why, Tried& tried);
  /// The response was read to its end and the connection may serve again. `settling`: more may come that belongs to no
  /// answer: it is not kept where that has come already, and not leased within settling_time. Nor is it kept where the
  /// upstream is not served any more.
  void give_back(bool settling = false);

 private:
  void share(std::shared_ptr<SharedConnection> made);

  Pool* pool_;
  std::optional<Socket> socket_;              // its own
  std::shared_ptr<SharedConnection> shared_;  // else
  SitePtr site_;                              // null once it was moved from
  bool reused_;
};

/// The connections of one worker to one upstream, and how its sites fare: what requests come to, and what checks say
/// where there are any. A reload that leaves the upstream as it is keeps its pool. Connections to a site that has left
/// are closed once they are idle. Thread safety: its worker's thread; counters may be read from any. Lifetime: outlives
/// its leases.
class Pool final : private Sites::Owner, private HealthCheck::Owner {
 public:
  /// Begins to look names up, and to check. `spec`: what it says of connections is this worker's share. `sockets`: the
  /// worker's, shared with its other pools. `observer`: null: nobody wants to know. `predecessor`: the upstream as it
  /// was configured before, whose addresses keep their health; null: there is none.
  Pool(transport::Worker& worker, Spec spec, SocketBudget& sockets, Observer* observer = nullptr,
       const Pool* predecessor = nullptr);

  /// An idle connection where there is one that lives and may be used, else a new one; each site that is not in `tried`
  /// is tried once. What is known to be stale is not used; a connection that goes stale afterwards shows in reused(). A
  /// request of `cancel` ends the call: no other site is tried, and none is to blame. Where the upstream has as many
  /// connections as it may, one that is free is waited for. Errors: that of the last failure,
  /// or why there is no site; connection_closed where it was cancelled; and no failure of anybody: io where this
  /// process can open no socket, not even in place of an idle one, unavailable where no connection was free in time.
  [[nodiscard]] transport::Task<base::Result<Lease>> acquire(Tried& tried, transport::Cancel& cancel);

  /// Whether no other site is to be tried: all were, or as many as a request may.
  [[nodiscard]] bool is_exhausted(const Tried& tried) const noexcept;
  /// Whether a request whose connection was closed before it was answered may be sent again, for all that is known of
  /// it here; that it is, is counted. `was_reused`: the connection may have been stale, which says nothing of the
  /// upstream.
  [[nodiscard]] bool may_ask_again(const Tried& tried, bool was_reused);
  /// The same of one for which a target has done nothing, and has said so: it is sent again, as often as `retry` lets.
  /// `was_sent`: else its connection turned out to have no place for it, which `retry` says nothing of.
  [[nodiscard]] bool may_ask_elsewhere(Tried& tried, bool was_sent) const;

  [[nodiscard]] const std::string& id() const noexcept { return spec_.upstream.id; }
  [[nodiscard]] const Spec& spec() const noexcept { return spec_; }
  [[nodiscard]] const Sites& sites() const noexcept { return sites_; }
  [[nodiscard]] const config::UpstreamTimeouts& timeouts() const noexcept { return spec_.upstream.timeouts; }
  [[nodiscard]] std::size_t idle() const noexcept { return idle_.size(); }

  metrics::Counter connects;
  metrics::Counter connect_failures;
  metrics::Counter retries_withheld;
  HandshakeMetrics tls;
  ConnectionPlaces places;

 private:
  friend class Lease;
  struct Idle {
    Socket socket;
    SitePtr site;
    base::TimePoint since;
    base::TimePoint usable_from;
  };
  /// A connection that several have a share of.
  struct Shared {
    std::shared_ptr<SharedConnection> connection;
    SitePtr site;
    base::TimePoint opened;
    base::TimePoint since;  // that nobody has a share of it
    std::size_t shares = 0;
    [[nodiscard]] bool is_idle() const noexcept { return shares == 0; }
    /// Whether it takes one more. Who has a share may not have asked yet; what it takes may be known of others alone.
    [[nodiscard]] bool has_room() const noexcept {
      const auto most = connection->most();
      return connection->room() != 0 && shares < most.value_or(site->most_at_once.value_or(shares + 1));
    }
  };
  static base::TimePoint idle_since(const void* self);
  static void close_oldest(void* self);

  void keep(Socket socket, SitePtr site, bool settling);
  void keep(std::shared_ptr<SharedConnection> connection, SitePtr site);
  void end_share(const SharedConnection& connection);
  [[nodiscard]] std::optional<Lease> take_shared(const Site& site);
  /// A share, or an idle one.
  [[nodiscard]] std::optional<Lease> take_kept(const Site& site, const Tried& tried);
  [[nodiscard]] bool is_old(base::TimePoint opened) const noexcept;
  void arm_idle_timer();
  bool close_idle();
  /// Whether a connection to it is being opened that several requests will share.
  [[nodiscard]] bool will_be_shared(const Site& site) const noexcept;
  /// An idle connection to `site` that lives; stale ones are closed on the way.
  [[nodiscard]] std::optional<Lease> take_idle(const Site& site);
  /// The next site for a request; null where there is none that it was not in vain at.
  [[nodiscard]] SitePtr next(const Tried& tried);
  /// Waits until it is worth looking for a connection. Errors: as acquire().
  [[nodiscard]] transport::Task<base::Status> stand_in_line(base::Duration most, base::Deadline until,
                                                            transport::Cancel& cancel);
  /// Whether there is a connection, or a place for one more, at the worst that of an idle one.
  [[nodiscard]] bool has_room() const noexcept;
  /// That of an idle connection, at the worst; null where there is none.
  [[nodiscard]] ConnectionPlaces::Place take_place();
  [[nodiscard]] transport::Task<base::Result<Lease>> connect(SitePtr site, ConnectionPlaces::Place place, Tried& tried,
                                                             transport::Cancel& cancel);
  /// Why a connection could not be opened.
  struct Unopened {
    base::Error why;            ///< Without the address. io where this process has no socket.
    bool is_untrusted = false;  ///< The target's certificate is not accepted.
  };
  using Opened = std::variant<Socket, Unopened>;
  /// Connects; where descriptors are wanting, again in place of the oldest idle connection.
  [[nodiscard]] transport::Task<Opened> open(Site& site, ConnectionPlaces::Place place, base::Deadline deadline,
                                             transport::Cancel& cancel);
  /// Shakes hands where TLS is spoken, and notes what is spoken then. Errors: connection_failed; never io.
  [[nodiscard]] transport::Task<base::Status> secure(transport::Stream& stream, const transport::tls::TlsLayer* layer,
                                                     Site& site, base::Deadline deadline);
  [[nodiscard]] base::Deadline connect_deadline(const Site& site) const;
  void note_failure(SitePtr site, base::Error why, Tried& tried, bool is_untrusted = false);
  void count_failure(Site& site);
  [[nodiscard]] bool may_rest() const;
  void on_sites_changed() override;
  void on_checked(const SitePtr& site, const base::Status& outcome) override;
  void close_expired(base::TimePoint now);

  transport::Worker& worker_;
  const Spec spec_;
  SocketBudget& socket_budget_;
  Observer* observer_;
  Balancer balancer_;
  RetryBudget retry_budget_;
  IdleOwner idle_owner_{&Pool::idle_since, &Pool::close_oldest, this};
  std::vector<Idle> idle_;  // most recently used last
  std::vector<Shared> shared_;
  base::Timer idle_timer_;                            // due when the first of them expires, or earlier
  std::vector<std::unique_ptr<HealthCheck>> checks_;  // of the current sites
  Sites sites_;                                       // the first to go: it tells of what leaves
};

}  // namespace picket::apps::gateway::upstream
