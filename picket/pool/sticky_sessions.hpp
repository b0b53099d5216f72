#pragma once

#include <cstddef>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "picket/base/time.hpp"
#include "picket/pool/pin.hpp"

namespace picket::pool {

/// Which connection of an agent the exchanges of one session take: the same, for as long as it lives and the session is
/// used. A session is whatever the caller calls one: a client's address, a cookie.
///
/// Bounded: over the most that are kept the one goes that was not used for the longest; clients choose the keys, and
/// could else fill the memory.
///
/// Thread safety: none; the worker's, through Agent::sticky_sessions(). Lifetime: keys are copied; a pin is compared,
/// and never followed to a connection that is gone. Complexity: O(1) each, and what has expired.
///
///   const auto begun = agent.begin_session(client_ip);  // picks a connection now
///   exchange.stick_to(client_ip);                       // takes it, or with the first call finds one and puts it here
///   agent.sticky_sessions().clear(client_ip);           // the next exchange of it takes any connection
class StickySessions {
 public:
  /// `timeout`: for which one that is not used is kept; 0: nothing is kept at all. `most` of 0: the same.
  StickySessions(base::Duration timeout, std::size_t most) noexcept : timeout_(timeout), most_(most) {}
  StickySessions(const StickySessions&) = delete;
  StickySessions& operator=(const StickySessions&) = delete;

  /// Uses it, so that it is kept from now on for the whole time again. Whether that connection is still there is for
  /// the caller to see: Pin::now().
  [[nodiscard]] std::optional<Pin> find(std::string_view key, base::TimePoint now);
  /// Keeps it, in place of the one that the key had.
  void put(std::string_view key, Pin pin, base::TimePoint now);

  /// Does not use it.
  [[nodiscard]] bool has(std::string_view key, base::TimePoint now) const;
  /// Uses it. Whether it is there.
  bool refresh(std::string_view key, base::TimePoint now) { return find(key, now).has_value(); }
  /// Whether it was there.
  bool clear(std::string_view key);
  /// Those that are kept at that time; forgets what has expired.
  [[nodiscard]] std::size_t size(base::TimePoint now);

 private:
  struct Session {
    std::string key;
    Pin pin;
    base::TimePoint until;
  };
  using Sessions = std::list<Session>;

  void expire(base::TimePoint now);
  void use(Sessions::iterator session, base::TimePoint now);
  void forget(Sessions::iterator session);

  base::Duration timeout_;
  std::size_t most_;
  Sessions sessions_;  // the longest unused first
  std::unordered_map<std::string_view, Sessions::iterator> by_key_;
};

}  // namespace picket::pool
