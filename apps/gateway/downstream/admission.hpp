#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "apps/gateway/downstream/handshake_rate.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::downstream {

/// Clients that a worker turns away and still listens to for a moment, so that they can read why.
inline constexpr std::size_t max_turned_away = 8;

/// What the workers have to know together where clients come and go: how many connections each address has, and which
/// workers there are to give one up.
///
/// Thread safety: any thread. One table with a lock, which is taken per connection, never per request.
/// Lifetime: outlives its places and the workers that joined.
class Admission {
 public:
  /// One connection of a client: counted until it is destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), client_(std::move(other.client_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(admission_, other.admission_);
      std::swap(client_, other.client_);
      return *this;
    }
    ~Place() {
      if (admission_ != nullptr) admission_->leave(client_);
    }
    [[nodiscard]] bool is_counted() const noexcept { return admission_ != nullptr; }

   private:
    friend class Admission;
    Place() = default;
    Place(Admission& admission, std::string client) : admission_(&admission), client_(std::move(client)) {}

    Admission* admission_ = nullptr;  // null: not counted
    std::string client_;
  };

  /// Nothing where the client has `limit` connections already; 0 is no limit, and what comes in then is not counted.
  [[nodiscard]] std::optional<Place> admit(const std::string& client, std::uint32_t limit);

  /// Closes the idle connection of a client that has waited longest, where there is one. Called on its worker.
  using GiveUp = std::function<void(const std::string& client)>;
  /// A worker whose connections are counted here, and how it gives one up; until part().
  void join(transport::Worker& worker, GiveUp give_up);
  /// From now on the worker is asked no more; what it was asked before it still does.
  void part(const transport::Worker& worker);
  /// Whether workers are still looking for a connection to give up.
  using Search = std::shared_ptr<const std::atomic<std::size_t>>;
  /// Asks all workers but `except` for a place of the client, while it has `limit`. Returns how many have not looked
  /// yet.
  [[nodiscard]] Search ask_others(const transport::Worker& except, const std::string& client, std::uint32_t limit);

  /// Whether the client may begin a TLS handshake now. `per_second`: 0 is no limit.
  [[nodiscard]] bool may_shake_hands(const std::string& client, std::uint32_t per_second, base::TimePoint now) {
    return handshakes_.admit(client, per_second, now);
  }

  /// Whether to say that nobody can be accepted: once a second, whichever worker it is.
  [[nodiscard]] bool may_complain(base::TimePoint now);

 private:
  struct Member {
    transport::Worker* worker;
    std::shared_ptr<const GiveUp> give_up;
  };

  void leave(const std::string& client);
  [[nodiscard]] bool is_full(const std::string& client, std::uint32_t limit);

  std::mutex mutex_;
  boost::unordered_flat_map<std::string, std::uint32_t> connections_;  // by client, none of them zero
  std::vector<Member> members_;
  HandshakeRate handshakes_;
  std::optional<base::TimePoint> complained_;
};

}  // namespace picket::apps::gateway::downstream
