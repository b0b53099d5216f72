#include "apps/gateway/upstream/pool.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>
#include <netdb.h>

namespace picket::apps::gateway::upstream {

base::Result<Resolved> resolve(const config::Upstream& upstream) {
  Resolved resolved{.upstream = upstream, .endpoints = {}};
  for (const auto& target : upstream.targets) {
    if (auto literal = transport::Endpoint::tcp(target.host, target.port)) {
      resolved.endpoints.push_back(std::move(*literal));
      continue;
    }
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int error = ::getaddrinfo(target.host.c_str(), nullptr, &hints, &found);
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, &::freeaddrinfo};
    std::array<char, NI_MAXHOST> text{};
    if (error != 0 ||
        ::getnameinfo(found->ai_addr, found->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
      return base::fail(base::ErrorKind::connection_failed,
                        fmt::format("upstream '{}': the target '{}' has no address: {}", upstream.id, target.host,
                                    ::gai_strerror(error)));
    auto endpoint = transport::Endpoint::tcp(text.data(), target.port);
    if (!endpoint) return std::move(endpoint.error());
    resolved.endpoints.push_back(std::move(*endpoint));
  }
  return resolved;
}

Lease::Lease(Pool& pool, transport::Stream stream, std::size_t target, bool reused)
    : pool_(&pool), stream_(std::move(stream)), target_(target), reused_(reused) {
  pool.balancer_.began(target);
}

Lease::Lease(Lease&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      stream_(std::move(other.stream_)),
      target_(other.target_),
      reused_(other.reused_) {}

Lease::~Lease() {
  if (pool_ != nullptr) pool_->balancer_.ended(target_);
}

const std::string& Lease::address() const noexcept { return pool_->resolved_.endpoints[target_].text(); }

void Lease::give_back() { pool_->keep(std::move(stream_), target_); }

Pool::Pool(transport::Worker& worker, const Resolved& resolved, const Timeouts& timeouts)
    : worker_(worker),
      resolved_(resolved),
      timeouts_(timeouts),
      balancer_(resolved.upstream.targets, resolved.upstream.load_balancing),
      idle_timer_([](void* self, base::TimePoint now) { static_cast<Pool*>(self)->close_expired(now); }, this) {}

void Pool::keep(transport::Stream stream, std::size_t target) {
  if (idle_.size() >= max_idle) return;
  idle_.push_back({std::move(stream), target, worker_.now()});
  if (!idle_timer_.armed()) worker_.timers().arm(idle_timer_, worker_.now() + timeouts_.idle);
}

void Pool::close_expired(base::TimePoint now) {
  const auto fresh = std::ranges::find_if(idle_, [&](const Idle& idle) { return now - idle.since < timeouts_.idle; });
  idle_.erase(idle_.begin(), fresh);
  if (!idle_.empty()) worker_.timers().arm(idle_timer_, idle_.front().since + timeouts_.idle);
}

std::optional<transport::Stream> Pool::take_idle(std::size_t target) {
  // The most recently used first: it is the likeliest to live.
  for (std::size_t i = idle_.size(); i-- != 0;) {
    if (idle_[i].target != target) continue;
    transport::Stream stream = std::move(idle_[i].stream);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!stream.has_input()) return stream;
  }
  return std::nullopt;
}

transport::Task<base::Result<Lease>> Pool::acquire(bool fresh, transport::Stream*& connecting, const bool& given_up) {
  std::vector<std::size_t> tried;
  std::optional<base::Error> last;
  while (const auto target = balancer_.pick(tried, worker_.now())) {
    if (!fresh)
      if (auto idle = take_idle(*target)) co_return Lease{*this, std::move(*idle), *target, true};
    transport::Stream stream{worker_};
    const base::Deadline deadline = base::Deadline::after(worker_.now(), timeouts_.connect);
    connects.add();
    connecting = &stream;
    const auto connected = co_await stream.connect(resolved_.endpoints[*target], deadline);
    connecting = nullptr;
    if (given_up) co_return base::fail(base::ErrorKind::connection_closed, "nobody waits for it any more");
    if (connected) {
      balancer_.succeeded(*target);
      co_return Lease{*this, std::move(stream), *target, false};
    }
    connect_failures.add();
    balancer_.failed(*target, worker_.now());
    last = connected.error();
    tried.push_back(*target);
  }
  if (last) co_return std::move(*last);
  co_return base::fail(base::ErrorKind::connection_failed, fmt::format("upstream '{}' has no target", id()));
}

}  // namespace picket::apps::gateway::upstream
