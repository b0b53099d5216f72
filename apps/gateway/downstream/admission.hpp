#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <boost/unordered/unordered_flat_map.hpp>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::downstream {

/// Clients that a worker turns away and still listens to for a moment, so that they can read why.
inline constexpr std::size_t max_turned_away = 8;

/// What the workers have to know together where clients come and go: how many connections each address has.
///
/// Thread safety: any thread. One table with a lock, which is taken per connection, never per request.
/// Lifetime: outlives its places.
class Admission {
 public:
  /// One connection of a client: counted until it is destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept
        : admission_(std::exchange(other.admission_, nullptr)), client_(std::move(other.client_)) {}
    Place& operator=(Place&&) = delete;
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

  /// Whether to say that nobody can be accepted: once a second, whichever worker it is.
  [[nodiscard]] bool may_complain(base::TimePoint now);

 private:
  void leave(const std::string& client);

  std::mutex mutex_;
  boost::unordered_flat_map<std::string, std::uint32_t> connections_;  // by client, none of them zero
  std::optional<base::TimePoint> complained_;
};

}  // namespace picket::apps::gateway::downstream
