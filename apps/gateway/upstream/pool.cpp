#include "apps/gateway/upstream/pool.hpp"

#include <algorithm>
#include <utility>

namespace picket::apps::gateway::upstream {

Lease::Lease(Pool& pool, Socket socket, SitePtr site, bool reused)
    : pool_(&pool), socket_(std::move(socket)), site_(std::move(site)), reused_(reused) {
  site_->began();
  pool_->sites_.metrics_of(site_->target).requests.add();
}

Lease::Lease(Lease&& other) noexcept = default;

Lease::~Lease() {
  if (site_) site_->ended();
}

void Lease::answered() noexcept { site_->health.succeeded(pool_->worker_.now()); }

void Lease::unanswered() {
  if (pool_->spec_.upstream.passive_health) pool_->count_failure(*site_);
}

void Lease::failed(base::Error why, Tried& tried) { pool_->note_failure(site_, std::move(why), tried); }

void Lease::give_back(bool settling) { pool_->keep(std::move(socket_), site_, settling); }

Pool::Pool(transport::Worker& worker, Spec spec, SocketBudget& sockets, Observer* observer, const Pool* predecessor)
    : places(worker, spec.upstream.connection_pool.max_connections),
      timeouts(spec.upstream.timeouts),
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

// ---- idle connections

base::TimePoint Pool::idle_since(const void* self) {
  const auto& idle = static_cast<const Pool*>(self)->idle_;
  return idle.empty() ? base::TimePoint::max() : idle.front().since;
}

void Pool::close_oldest(void* self) {
  auto& idle = static_cast<Pool*>(self)->idle_;
  idle.erase(idle.begin());
}

void Pool::keep(Socket socket, SitePtr site, bool settling) {
  const auto& terms = spec_.upstream.connection_pool;
  const base::TimePoint now = worker_.now();
  const bool is_old = terms.max_lifetime.count() != 0 && now - socket.opened >= terms.max_lifetime;
  if (!site->is_current || is_old || idle_.size() >= terms.max_idle) return;
  if (settling && socket.stream.has_input()) return;
  idle_.push_back({std::move(socket), std::move(site), now, settling ? now + settling_time : now});
  if (!idle_timer_.armed()) worker_.timers().arm(idle_timer_, now + terms.idle_timeout);
  places.call_next();
}

void Pool::close_expired(base::TimePoint now) {
  const base::Duration time = spec_.upstream.connection_pool.idle_timeout;
  const auto fresh = std::ranges::find_if(idle_, [&](const Idle& idle) { return now - idle.since < time; });
  idle_.erase(idle_.begin(), fresh);
  if (!idle_.empty()) worker_.timers().arm(idle_timer_, idle_.front().since + time);
}

std::optional<Lease> Pool::take_idle(const Site& site) {
  const base::Duration lifetime = spec_.upstream.connection_pool.max_lifetime;
  // The most recently used first: it is the likeliest to live.
  for (std::size_t i = idle_.size(); i-- != 0;) {
    if (idle_[i].site != &site || idle_[i].usable_from > worker_.now()) continue;
    Idle idle = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    const bool is_old = lifetime.count() != 0 && worker_.now() - idle.socket.opened >= lifetime;
    if (!is_old && !idle.socket.stream.has_input())
      return Lease{*this, std::move(idle.socket), std::move(idle.site), true};
  }
  return std::nullopt;
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

SitePtr Pool::next(const Tried& tried) {
  if (!tried.failures.empty() && (is_exhausted(tried) || tried.until.passed(worker_.now()))) return nullptr;
  return balancer_.choose(sites_.current(), tried, worker_.now(), tried.key);
}

transport::Task<base::Result<Lease>> Pool::acquire(Tried& tried, transport::Cancel& cancel) {
  if (tried.failures.empty() && !tried.pooled_was_stale) retry_budget_.asked();
  bool was_called = false;
  while (true) {
    // Before a site is chosen: the choice is the next one's in turn, and of the sites that there are then.
    if (!has_room() || (places.has_line() && !was_called)) {
      auto stood = co_await stand_in_line(tried.until, cancel);
      if (!stood) co_return std::move(stood.error());
      was_called = true;
      continue;
    }
    SitePtr site = next(tried);
    if (!site) break;
    if (!tried.pooled_was_stale)
      if (auto idle = take_idle(*site)) co_return std::move(*idle);
    if (places.is_full()) close_oldest(this);
    auto lease = co_await connect(std::move(site), tried, cancel);
    if (lease || cancel.is_requested() || lease.error().kind() == base::ErrorKind::io) co_return lease;
    if (spec_.upstream.retry && !spec_.upstream.retry->on_connect_failure) break;
  }
  if (was_called) places.call_next();
  co_return tried.failures.empty() ? sites_.why_none() : tried.failures.back().why;
}

transport::Task<base::Status> Pool::stand_in_line(base::Deadline until, transport::Cancel& cancel) {
  const base::Deadline deadline = std::min(base::Deadline::after(worker_.now(), timeouts.connect), until);
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
  if (!spec_.upstream.health_check) return;
  HealthCheck::Owner& hears = *this;
  std::erase_if(checks_, [](const auto& check) { return !check->site()->is_current; });
  for (const SitePtr& site : sites_.current())
    if (std::ranges::find(checks_, site, [](const auto& check) -> auto& { return check->site(); }) == checks_.end())
      checks_.push_back(std::make_unique<HealthCheck>(worker_, *spec_.upstream.health_check, site, hears));
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
