#include "apps/gateway/upstream/pool.hpp"

#include <algorithm>
#include <utility>

namespace picket::apps::gateway::upstream {
namespace {

// Times that a request is asked of those who did nothing for it, unless `retry` says otherwise.
constexpr std::uint32_t most_refusals = 3;
// How long who may have a share of a connection waits for it to be opened, before it opens one of its own.
constexpr base::Duration patience_with_connects = std::chrono::seconds{1};

}  // namespace

Lease::Lease(Pool& pool, Socket socket, SitePtr site, bool reused)
    : pool_(&pool), socket_(std::move(socket)), site_(std::move(site)), reused_(reused) {
  site_->began();
  pool_->sites_.metrics_of(site_->target).requests.add();
}

Lease::Lease(Pool& pool, std::shared_ptr<SharedConnection> shared, SitePtr site)
    : pool_(&pool), shared_(std::move(shared)), site_(std::move(site)), reused_(true) {
  site_->began();
  pool_->sites_.metrics_of(site_->target).requests.add();
}

Lease::Lease(Lease&& other) noexcept = default;

Lease::~Lease() {
  if (!site_) return;
  site_->ended();
  if (shared_) pool_->end_share(*shared_);
}

void Lease::share(std::shared_ptr<SharedConnection> made) {
  shared_ = std::move(made);
  pool_->keep(shared_, site_);
}

const config::UpstreamTimeouts& Lease::timeouts() const noexcept { return pool_->timeouts(); }

base::Deadline Lease::within(base::Duration pause, base::Deadline until) const {
  if (pause.count() == 0) return until;
  return std::min(base::Deadline::after(pool_->worker_.now(), pause), until);
}

void Lease::answered() noexcept { site_->health.succeeded(pool_->worker_.now()); }

void Lease::unanswered() {
  if (pool_->spec_.upstream.passive_health) pool_->count_failure(*site_);
}

void Lease::failed(base::Error why, Tried& tried) { pool_->note_failure(site_, std::move(why), tried); }

void Lease::give_back(bool settling) { pool_->keep(std::move(*socket_), site_, settling); }

Pool::Pool(transport::Worker& worker, Spec spec, SocketBudget& sockets, Observer* observer, const Pool* predecessor)
    : places(worker, spec.upstream.connection_pool.max_connections),
      worker_(worker),
      spec_(std::move(spec)),
      socket_budget_(sockets),
      observer_(observer),
      balancer_(spec_.upstream.load_balancing, spec_.upstream.slow_start,
                static_cast<std::uint64_t>(worker.now().time_since_epoch().count())),
      idle_timer_([](void* self, base::TimePoint now) { static_cast<Pool*>(self)->close_expired(now); }, this),
      sites_(worker, spec_, *this, observer, predecessor == nullptr ? nullptr : &predecessor->sites_) {
  socket_budget_.join(idle_owner_);
  on_sites_changed();
}

// ---- idle connections, and those that several share

base::TimePoint Pool::idle_since(const void* self) {
  const auto& pool = *static_cast<const Pool*>(self);
  base::TimePoint oldest = pool.idle_.empty() ? base::TimePoint::max() : pool.idle_.front().since;
  for (const Shared& shared : pool.shared_)
    if (shared.is_idle()) oldest = std::min(oldest, shared.since);
  return oldest;
}

void Pool::close_oldest(void* self) { static_cast<Pool*>(self)->close_idle(); }

/// The oldest. Whether there was one.
bool Pool::close_idle() {
  const base::TimePoint oldest = idle_since(this);
  if (!idle_.empty() && idle_.front().since == oldest) {
    idle_.erase(idle_.begin());
    return true;
  }
  const auto shared =
      std::ranges::find_if(shared_, [&](const Shared& each) { return each.is_idle() && each.since == oldest; });
  if (shared == shared_.end()) return false;
  shared_.erase(shared);
  return true;
}

bool Pool::is_old(base::TimePoint opened) const noexcept {
  const base::Duration lifetime = spec_.upstream.connection_pool.max_lifetime;
  return lifetime.count() != 0 && worker_.now() - opened >= lifetime;
}

void Pool::keep(Socket socket, SitePtr site, bool settling) {
  const base::TimePoint now = worker_.now();
  if (!site->is_current || is_old(socket.opened) || idle_.size() >= spec_.upstream.connection_pool.max_idle) return;
  if (settling && socket.stream.has_input()) return;
  idle_.push_back({std::move(socket), std::move(site), now, settling ? now + settling_time : now});
  arm_idle_timer();
  places.call_next();
}

void Pool::keep(std::shared_ptr<SharedConnection> connection, SitePtr site) {
  const base::TimePoint now = worker_.now();
  shared_.push_back(
      {.connection = std::move(connection), .site = std::move(site), .opened = now, .since = now, .shares = 1});
}

void Pool::end_share(const SharedConnection& connection) {
  const auto found = std::ranges::find(shared_, &connection, [](const Shared& each) { return each.connection.get(); });
  if (found == shared_.end()) return;  // it serves nobody else any more
  --found->shares;
  found->since = worker_.now();
  if (!connection.is_open()) shared_.erase(found);
  arm_idle_timer();
  places.call_next();
}

void Pool::arm_idle_timer() {
  const base::TimePoint oldest = idle_since(this);
  if (idle_timer_.armed() || oldest == base::TimePoint::max()) return;
  worker_.timers().arm(idle_timer_, oldest + spec_.upstream.connection_pool.idle_timeout);
}

void Pool::close_expired(base::TimePoint now) {
  const base::Duration time = spec_.upstream.connection_pool.idle_timeout;
  const auto fresh = std::ranges::find_if(idle_, [&](const Idle& idle) { return now - idle.since < time; });
  idle_.erase(idle_.begin(), fresh);
  std::erase_if(shared_, [&](const Shared& shared) { return shared.is_idle() && now - shared.since >= time; });
  arm_idle_timer();
}

std::optional<Lease> Pool::take_idle(const Site& site) {
  // The most recently used first: it is the likeliest to live.
  for (std::size_t i = idle_.size(); i-- != 0;) {
    if (idle_[i].site != &site || idle_[i].usable_from > worker_.now()) continue;
    Idle idle = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    // What the loop has heard is as old as its turn: what came since would be the next request's answer, or a part of a
    // record in front of it.
    transport::Stream& stream = idle.socket.stream;
    if (!is_old(idle.socket.opened) && !stream.has_input() && !stream.holds_part())
      return Lease{*this, std::move(idle.socket), std::move(idle.site), true};
  }
  return std::nullopt;
}

/// One that is too old ends with those who have a share of it.
std::optional<Lease> Pool::take_shared(const Site& site) {
  std::erase_if(shared_, [this](const Shared& each) { return !each.connection->is_open() || is_old(each.opened); });
  for (const Shared& each : shared_)
    if (const auto most = each.connection->most()) each.site->most_at_once = most;
  for (Shared& each : shared_) {
    if (each.site != &site || !each.has_room()) continue;
    ++each.shares;
    return Lease{*this, each.connection, each.site};
  }
  return std::nullopt;
}

bool Pool::has_room() const noexcept {
  return !places.is_full() || !idle_.empty() ||
         std::ranges::any_of(shared_, [](const Shared& each) { return each.is_idle() || each.has_room(); });
}

/// HTTP/1.1 may be what it comes to, once, where that is agreed upon.
bool Pool::will_be_shared(const Site& site) const noexcept {
  return site.connecting != 0 && site.speaks != Site::Speaks::http1;
}

// ---- which one a request gets

bool Pool::is_exhausted(const Tried& tried) const noexcept {
  const auto sites = sites_.current();
  const auto& retry = spec_.upstream.retry;
  if (retry && tried.failures.size() + (tried.pooled_was_stale ? 1 : 0) >= retry->attempts) return true;
  return tried.failures.size() >= std::max(most_tried, sites.size()) ||
         std::ranges::all_of(sites, [&](const SitePtr& site) { return tried.has(*site); });
}

bool Pool::may_ask_again(const Tried& tried, bool was_reused) {
  const auto& retry = spec_.upstream.retry;
  if (is_exhausted(tried) || (retry && !retry->on_closed_before_response)) return false;
  if (was_reused || retry_budget_.take()) return true;
  retries_withheld.add();
  return false;
}

/// Not for ever: a server that goes away may say so on one connection after the other.
bool Pool::may_ask_elsewhere(Tried& tried, bool was_sent) const {
  const auto& retry = spec_.upstream.retry;
  if (!was_sent || !retry) return ++tried.refusals < most_refusals;
  return retry->on_refused_stream && ++tried.refusals < retry->attempts;
}

SitePtr Pool::next(const Tried& tried) {
  if (!tried.failures.empty() && (is_exhausted(tried) || tried.until.passed(worker_.now()))) return nullptr;
  return balancer_.choose(sites_.current(), tried, worker_.now(), tried.key);
}

transport::Task<base::Result<Lease>> Pool::acquire(Tried& tried, transport::Cancel& cancel) {
  if (tried.failures.empty() && !tried.pooled_was_stale) retry_budget_.asked();
  bool was_called = false;
  bool waits_for_others = true;
  while (true) {
    // Before a site is chosen: the choice is the next one's in turn, and of the sites that there are then.
    const bool has_stood = was_called || !waits_for_others;
    if (!has_room() || (places.has_line() && !has_stood)) {
      auto stood = co_await stand_in_line(timeouts().connect, tried.until, cancel);
      if (!stood) co_return std::move(stood.error());
      was_called = true;
      continue;
    }
    SitePtr site = next(tried);
    if (!site) break;
    if (auto lease = take_kept(*site, tried)) {
      if (lease->shared()) places.call_next();
      co_return std::move(*lease);
    }
    if (waits_for_others && will_be_shared(*site)) {
      auto stood = co_await stand_in_line(patience_with_connects, tried.until, cancel);
      if (cancel.is_requested()) co_return std::move(stood.error());
      was_called = stood.has_value();
      waits_for_others = was_called;
      continue;
    }
    auto place = take_place();
    if (!place) {
      auto stood = co_await stand_in_line(timeouts().connect, tried.until, cancel);
      if (!stood) co_return std::move(stood.error());
      was_called = true;
      continue;
    }
    auto lease = co_await connect(std::move(site), std::move(place), tried, cancel);
    if (lease || cancel.is_requested() || lease.error().kind() == base::ErrorKind::io) co_return lease;
    if (spec_.upstream.retry && !spec_.upstream.retry->on_connect_failure) break;
  }
  if (was_called) places.call_next();
  co_return tried.failures.empty() ? sites_.why_none() : tried.failures.back().why;
}

std::optional<Lease> Pool::take_kept(const Site& site, const Tried& tried) {
  if (auto shared = take_shared(site)) return shared;
  return tried.pooled_was_stale ? std::nullopt : take_idle(site);
}

ConnectionPlaces::Place Pool::take_place() {
  auto place = places.take();
  if (!place && close_idle()) place = places.take();
  return place;
}

transport::Task<base::Status> Pool::stand_in_line(base::Duration most, base::Deadline until,
                                                  transport::Cancel& cancel) {
  const base::Deadline deadline = std::min(base::Deadline::after(worker_.now(), most), until);
  ConnectionPlaces::Turn turn{places, deadline};
  const transport::Cancel::Guard guard{cancel, [](void* self) { static_cast<ConnectionPlaces::Turn*>(self)->stop(); },
                                       &turn};
  auto called = co_await turn;
  if (called && cancel.is_requested()) places.call_next();
  if (cancel.is_requested()) co_return base::fail(base::ErrorKind::connection_closed, "nobody waits for it any more");
  co_return called;
}

// ---- how sites fare

void Pool::note_failure(SitePtr site, base::Error why, Tried& tried, bool is_untrusted) {
  count_failure(*site);
  tried.failures.push_back({.site = std::move(site), .why = std::move(why), .is_untrusted = is_untrusted});
}

void Pool::count_failure(Site& site) {
  TargetMetrics& counted = sites_.metrics_of(site.target);
  counted.failures.add();
  const auto& terms = spec_.upstream.passive_health;
  if (!site.health.failed(terms.value_or(resting_at_once), !terms || may_rest(), worker_.now())) return;
  counted.rests.add();
  if (terms && observer_ != nullptr) observer_->on_rest(site.endpoint().text());
}

/// Never more than half of them: what is left could not bear the load of all.
bool Pool::may_rest() const {
  const auto sites = sites_.current();
  const auto away = std::ranges::count_if(
      sites, [now = worker_.now()](const SitePtr& site) { return !site->health.takes_requests(now); });
  return 2 * (static_cast<std::size_t>(away) + 1) <= sites.size();
}

void Pool::on_sites_changed() {
  std::erase_if(idle_, [](const Idle& idle) { return !idle.site->is_current; });
  std::erase_if(shared_, [](const Shared& shared) { return !shared.site->is_current; });
  if (!spec_.upstream.health_check) return;
  HealthCheck::Owner& hears = *this;
  std::erase_if(checks_, [](const auto& check) { return !check->site()->is_current; });
  for (const SitePtr& site : sites_.current())
    if (std::ranges::find(checks_, site, [](const auto& check) -> auto& { return check->site(); }) == checks_.end())
      checks_.push_back(std::make_unique<HealthCheck>(worker_, *spec_.upstream.health_check, spec_.upstream.min_version,
                                                      site, hears));
}

void Pool::on_checked(const SitePtr& site, const base::Status& outcome) {
  constexpr std::uint32_t telling = 3;
  const bool changes = site->health.checked(outcome.has_value(), *spec_.upstream.health_check, worker_.now());
  if (!outcome) sites_.metrics_of(site->target).checks_failed.add();
  if (changes) sites_.count_healthy(site->target);
  if (observer_ == nullptr) return;
  const std::string& address = site->endpoint().text();
  if (changes && outcome) observer_->on_up_again(address);
  if (changes && !outcome) observer_->on_down(address, outcome.error());
  if (site->health.has_only_failed(telling)) observer_->on_check_never_passes(address, outcome.error());
}

}  // namespace picket::apps::gateway::upstream
