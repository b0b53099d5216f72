#include "apps/gateway/upstream/pool.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/gateway/upstream/balancer.hpp"
#include "picket/transport/tls/layer.hpp"

namespace picket::apps::gateway::upstream {

namespace {

constexpr std::string_view no_tls = "no TLS connection: ";

/// "connection refused": what of a failed connect's error is not the address, which is told beside it.
base::Error cause_of(const base::Error& error) {
  if (error.kind() == base::ErrorKind::timeout) return {error.kind(), "connection timed out"};
  if (error.detail().starts_with(no_tls)) return error;
  std::string why = error.detail().substr(error.detail().rfind(": ") + 2);
  if (!why.empty() && why.front() >= 'A' && why.front() <= 'Z') why.front() = static_cast<char>(why.front() | 0x20);
  return {error.kind(), std::move(why)};
}

void close_stream(void* stream) { static_cast<transport::Stream*>(stream)->close(); }

/// A connection that is readable before anything was asked on it.
base::Error spoke_first(transport::Stream& stream) {
  return base::fail(base::ErrorKind::connection_closed,
                    stream.has_ended() ? "closed before it was asked" : "an answer before it was asked");
}

}  // namespace

Lease::Lease(Pool& pool, Socket socket, SitePtr site, bool reused)
    : pool_(&pool), socket_(std::move(socket)), site_(std::move(site)), reused_(reused) {
  site_->began();
}

Lease::Lease(Lease&& other) noexcept = default;

Lease::~Lease() {
  if (site_) site_->ended();
}

void Lease::failed(base::Error why, Tried& tried) { pool_->note_failure(site_, std::move(why), tried); }

void Lease::give_back(bool settling) { pool_->keep(std::move(socket_), site_, settling); }

Pool::Pool(transport::Worker& worker, Spec spec, const Timeouts& timeouts, SocketBudget& sockets, Observer* observer)
    : worker_(worker),
      spec_(std::move(spec)),
      timeouts_(timeouts),
      socket_budget_(sockets),
      idle_timer_([](void* self, base::TimePoint now) { static_cast<Pool*>(self)->close_expired(now); }, this),
      sites_(worker, spec_, *this, observer) {
  socket_budget_.join(idle_owner_);
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
  if (!site->is_current || idle_.size() >= max_idle || (settling && socket.stream.has_input())) return;
  const base::TimePoint now = worker_.now();
  idle_.push_back({std::move(socket), std::move(site), now, settling ? now + settling_time : now});
  if (!idle_timer_.armed()) worker_.timers().arm(idle_timer_, now + timeouts_.idle);
}

void Pool::on_sites_left() {
  std::erase_if(idle_, [](const Idle& idle) { return !idle.site->is_current; });
}

void Pool::close_expired(base::TimePoint now) {
  const auto fresh = std::ranges::find_if(idle_, [&](const Idle& idle) { return now - idle.since < timeouts_.idle; });
  idle_.erase(idle_.begin(), fresh);
  if (!idle_.empty()) worker_.timers().arm(idle_timer_, idle_.front().since + timeouts_.idle);
}

std::optional<Lease> Pool::take_idle(const Site& site) {
  // The most recently used first: it is the likeliest to live.
  for (std::size_t i = idle_.size(); i-- != 0;) {
    if (idle_[i].site != &site || idle_[i].usable_from > worker_.now()) continue;
    Idle idle = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!idle.socket.stream.has_input()) return Lease{*this, std::move(idle.socket), std::move(idle.site), true};
  }
  return std::nullopt;
}

// ---- new ones

bool Pool::is_exhausted(const Tried& tried) const noexcept {
  const auto sites = sites_.current();
  return tried.failures.size() >= std::max(most_tried, sites.size()) ||
         std::ranges::all_of(sites, [&](const SitePtr& site) { return tried.has(*site); });
}

SitePtr Pool::next(const Tried& tried) const {
  if (!tried.failures.empty() && is_exhausted(tried)) return nullptr;
  return choose(sites_.current(), spec_.upstream.load_balancing, tried, worker_.now());
}

transport::Task<base::Result<Lease>> Pool::acquire(Tried& tried, transport::Cancel& cancel) {
  while (SitePtr site = next(tried)) {
    if (!tried.pooled_was_stale)
      if (auto idle = take_idle(*site)) co_return std::move(*idle);
    auto lease = co_await connect(std::move(site), tried, cancel);
    if (lease || cancel.is_requested() || lease.error().kind() == base::ErrorKind::io) co_return lease;
  }
  co_return tried.failures.empty() ? sites_.why_none() : tried.failures.back().why;
}

/// An address that drops what it gets takes its share of the time, not that of the name's others.
base::Deadline Pool::connect_deadline(const Site& site) const {
  const auto sharers = static_cast<base::Duration::rep>(std::max<std::size_t>(sites_.count_of(site.target), 1));
  const base::Duration share = std::max(timeouts_.connect / sharers, std::min(timeouts_.connect, least_connect_time));
  return base::Deadline::after(worker_.now(), share);
}

transport::Task<base::Result<Lease>> Pool::connect(SitePtr site, Tried& tried, transport::Cancel& cancel) {
  const base::Deadline deadline = connect_deadline(*site);
  connects.add();
  bool is_untrusted = false;
  auto opened = co_await open(*site, deadline, cancel, is_untrusted);
  if (cancel.is_requested()) co_return base::fail(base::ErrorKind::connection_closed, "nobody waits for it any more");
  if (!opened && opened.error().kind() == base::ErrorKind::io) co_return cause_of(opened.error());
  // What it says before it is asked would be the first request's answer, and that one's the second's.
  const bool is_usable = opened && !opened->stream.has_input();
  if (is_usable) co_return Lease{*this, std::move(*opened), std::move(site), false};
  connect_failures.add();
  note_failure(std::move(site), opened ? spoke_first(opened->stream) : cause_of(opened.error()), tried, is_untrusted);
  co_return tried.failures.back().why;
}

transport::Task<base::Result<Socket>> Pool::open(const Site& site, base::Deadline deadline, transport::Cancel& cancel,
                                                 bool& is_untrusted) {
  while (true) {
    auto layer = site.destination.layer();
    const auto* const tls_layer =
        static_cast<const transport::tls::TlsLayer*>(layer.get());  // destinations have no others
    transport::Channel channel{worker_, std::move(layer)};
    Socket socket{transport::Stream{std::move(channel)}, socket_budget_.take()};
    const transport::Cancel::Guard guard{cancel, &close_stream, &socket.stream};
    const auto connected = co_await socket.stream.connect(site.endpoint(), deadline);
    if (connected) {
      const auto secured = co_await secure(socket.stream, tls_layer, deadline);
      if (secured) co_return std::move(socket);
      is_untrusted = tls_layer->refusal() == transport::tls::Refusal::certificate;
      co_return secured.error();
    }
    // A socket that could not be opened may be had in place of an idle one; there are fewer of those each time.
    const bool lacks_descriptors = connected.error().kind() == base::ErrorKind::io;
    if (cancel.is_requested() || !lacks_descriptors || !socket_budget_.close_oldest()) co_return connected.error();
  }
}

transport::Task<base::Status> Pool::secure(transport::Stream& stream, const transport::tls::TlsLayer* layer,
                                           base::Deadline deadline) {
  if (layer == nullptr) co_return base::Status{};
  const auto established = co_await stream.establish(deadline);
  if (established) {
    tls.handshakes.add();
    if (layer->is_resumed()) tls.resumed.add();
    co_return base::Status{};
  }
  if (const auto refusal = layer->refusal(); refusal != transport::tls::Refusal::none)
    tls.refusals.at(static_cast<std::size_t>(refusal)).add();
  const base::Error& why = established.error();
  if (why.kind() == base::ErrorKind::timeout)
    co_return base::fail(base::ErrorKind::connection_failed, "no TLS connection: the handshake was not over in time");
  if (why.kind() == base::ErrorKind::connection_failed) co_return why;
  co_return base::fail(base::ErrorKind::connection_failed, fmt::format("{}{}", no_tls, why.detail()));
}

void Pool::note_failure(SitePtr site, base::Error why, Tried& tried, bool is_untrusted) {
  site->failed(worker_.now());
  tried.failures.push_back({.site = std::move(site), .why = std::move(why), .is_untrusted = is_untrusted});
}

}  // namespace picket::apps::gateway::upstream
