#include "apps/gateway/upstream/pool.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>

namespace picket::apps::gateway::upstream {

namespace {

/// The addresses of a name, as the resolver orders them. Errors: connection_failed, where there is none.
base::Result<std::vector<transport::Endpoint>> look_up(const config::Target& target) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(target.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
  std::vector<transport::Endpoint> addresses;
  for (const addrinfo* at = found; error == 0 && at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    auto endpoint = transport::Endpoint::tcp(text.data(), target.port);
    const bool is_new =
        endpoint && std::ranges::find(addresses, endpoint->text(), &transport::Endpoint::text) == addresses.end();
    if (is_new) addresses.push_back(std::move(*endpoint));
  }
  if (addresses.empty())
    return base::fail(base::ErrorKind::connection_failed, error != 0 ? ::gai_strerror(error) : "none that is usable");
  return addresses;
}

/// "connection refused": what of a failed connect's error is not the address, which is told beside it.
base::Error cause_of(const base::Error& error) {
  if (error.kind() == base::ErrorKind::timeout) return {error.kind(), "connection timed out"};
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

bool is_same(const Resolved& a, const Resolved& b) {
  const auto are_same = [](const std::vector<transport::Endpoint>& some,
                           const std::vector<transport::Endpoint>& others) {
    return std::ranges::is_permutation(some, others, {}, &transport::Endpoint::text, &transport::Endpoint::text);
  };
  return a.upstream == b.upstream && std::ranges::equal(a.addresses, b.addresses, are_same);
}

base::Result<Resolved> resolve(const config::Upstream& upstream) {
  Resolved resolved{.upstream = upstream, .addresses = {}};
  for (const auto& target : upstream.targets) {
    if (auto literal = transport::Endpoint::tcp(target.host, target.port)) {
      resolved.addresses.push_back({std::move(*literal)});
      continue;
    }
    auto found = look_up(target);
    if (!found)
      return base::fail(base::ErrorKind::connection_failed,
                        fmt::format("upstream '{}': the target '{}' has no address: {}", upstream.id, target.host,
                                    found.error().detail()));
    resolved.addresses.push_back(std::move(*found));
  }
  return resolved;
}

Lease::Lease(Pool& pool, Socket socket, std::size_t target, const transport::Endpoint& endpoint, bool reused)
    : pool_(&pool), socket_(std::move(socket)), target_(target), endpoint_(&endpoint), reused_(reused) {
  pool.balancer_.began(target);
}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      socket_(std::move(other.socket_)),
      target_(other.target_),
      endpoint_(other.endpoint_),
      reused_(other.reused_) {}

Lease::~Lease() {
  if (pool_ != nullptr) pool_->balancer_.ended(target_);
}

void Lease::answered() noexcept { pool_->balancer_.succeeded(target_); }

void Lease::failed(base::Error why, Tried& tried) { pool_->note_failure(target_, *endpoint_, std::move(why), tried); }

void Lease::give_back(bool settling) { pool_->keep(std::move(socket_), target_, *endpoint_, settling); }

Pool::Pool(transport::Worker& worker, Resolved resolved, const Timeouts& timeouts, SocketBudget& sockets)
    : worker_(worker),
      resolved_(std::move(resolved)),
      timeouts_(timeouts),
      sockets_(sockets),
      balancer_(resolved_.upstream.targets, resolved_.upstream.load_balancing),
      preferred_(resolved_.addresses.size()),
      idle_timer_([](void* self, base::TimePoint now) { static_cast<Pool*>(self)->close_expired(now); }, this) {
  sockets_.join(idle_owner_);
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

void Pool::keep(Socket socket, std::size_t target, const transport::Endpoint& endpoint, bool settling) {
  if (idle_.size() >= max_idle || (settling && socket.stream.has_input())) return;
  const base::TimePoint now = worker_.now();
  idle_.push_back({std::move(socket), target, &endpoint, now, settling ? now + settling_time : now});
  if (!idle_timer_.armed()) worker_.timers().arm(idle_timer_, now + timeouts_.idle);
}

void Pool::close_expired(base::TimePoint now) {
  const auto fresh = std::ranges::find_if(idle_, [&](const Idle& idle) { return now - idle.since < timeouts_.idle; });
  idle_.erase(idle_.begin(), fresh);
  if (!idle_.empty()) worker_.timers().arm(idle_timer_, idle_.front().since + timeouts_.idle);
}

std::optional<Lease> Pool::take_idle(std::size_t target) {
  // The most recently used first: it is the likeliest to live.
  for (std::size_t i = idle_.size(); i-- != 0;) {
    if (idle_[i].target != target || idle_[i].usable_from > worker_.now()) continue;
    Idle idle = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!idle.socket.stream.has_input()) return Lease{*this, std::move(idle.socket), target, *idle.endpoint, true};
  }
  return std::nullopt;
}

// ---- new ones

bool Pool::is_exhausted(const Tried& tried) const noexcept {
  return tried.targets.size() == resolved_.addresses.size();
}

transport::Task<base::Result<Lease>> Pool::acquire(Tried& tried, transport::Cancel& cancel) {
  while (const auto target = balancer_.pick(tried.targets, worker_.now())) {
    if (!tried.pooled_was_stale)
      if (auto idle = take_idle(*target)) co_return std::move(*idle);
    auto lease = co_await connect(*target, tried, cancel);
    if (lease || cancel.is_requested() || lease.error().kind() == base::ErrorKind::io) co_return lease;
  }
  if (!tried.failures.empty()) co_return tried.failures.back().why;
  co_return base::fail(base::ErrorKind::connection_failed, "no target");
}

transport::Task<base::Result<Lease>> Pool::connect(std::size_t target, Tried& tried, transport::Cancel& cancel) {
  const base::TimePoint end = worker_.now() + timeouts_.connect;
  const auto addresses = untried(target, tried);
  auto left = static_cast<base::Duration::rep>(addresses.size());
  for (const transport::Endpoint* const endpoint : addresses) {
    // An address that drops what it gets takes its share of the time, not the others'.
    const base::TimePoint now = worker_.now();
    const base::Deadline deadline = base::Deadline::after(now, (end - now) / left--);
    connects.add();
    auto opened = co_await open(*endpoint, deadline, cancel);
    if (cancel.is_requested()) co_return base::fail(base::ErrorKind::connection_closed, "nobody waits for it any more");
    if (!opened && opened.error().kind() == base::ErrorKind::io) co_return cause_of(opened.error());
    // What it says before it is asked would be the first request's answer, and that one's the second's.
    const bool is_usable = opened && !opened->stream.has_input();
    if (is_usable) co_return Lease{*this, std::move(*opened), target, *endpoint, false};
    connect_failures.add();
    note_failure(target, *endpoint, opened ? spoke_first(opened->stream) : cause_of(opened.error()), tried);
  }
  co_return tried.failures.back().why;
}

transport::Task<base::Result<Socket>> Pool::open(const transport::Endpoint& endpoint, base::Deadline deadline,
                                                 transport::Cancel& cancel) {
  while (true) {
    Socket socket{transport::Stream{worker_}, sockets_.take()};
    const transport::Cancel::Guard guard{cancel, &close_stream, &socket.stream};
    auto connected = co_await socket.stream.connect(endpoint, deadline);
    if (connected) co_return std::move(socket);
    // A socket that could not be opened may be had in place of an idle one; there are fewer of those each time.
    const bool lacks_descriptors = connected.error().kind() == base::ErrorKind::io;
    if (cancel.is_requested() || !lacks_descriptors || !sockets_.close_oldest()) co_return std::move(connected.error());
  }
}

std::vector<const transport::Endpoint*> Pool::untried(std::size_t target, const Tried& tried) const {
  std::vector<const transport::Endpoint*> result;
  const auto& all = resolved_.addresses[target];
  for (std::size_t i = 0; i < all.size(); ++i) {
    const transport::Endpoint* const endpoint = &all[(preferred_[target] + i) % all.size()];
    if (std::ranges::find(tried.failures, endpoint, &Tried::Failure::endpoint) == tried.failures.end())
      result.push_back(endpoint);
  }
  return result;
}

void Pool::note_failure(std::size_t target, const transport::Endpoint& endpoint, base::Error why, Tried& tried) {
  const auto& all = resolved_.addresses[target];
  tried.failures.push_back({&endpoint, std::move(why)});
  const auto index = static_cast<std::size_t>(&endpoint - all.data());
  if (preferred_[target] == index) preferred_[target] = (index + 1) % all.size();
  if (!untried(target, tried).empty()) return;
  tried.targets.push_back(target);
  balancer_.failed(target, worker_.now());
}

}  // namespace picket::apps::gateway::upstream
