#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "picket/base/error.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::transport::dns {

/// One address where what a name stands for is served. A value.
struct Place {
  Endpoint address;
  std::string host;            ///< What was looked up for it: the name itself, or the target of a service's record.
  std::uint16_t priority = 0;  ///< Of a service (RFC 2782): the least goes first.
  std::uint16_t weight = 0;    ///< Of a service, among those of one priority.

  [[nodiscard]] bool is_at(const Place& other) const noexcept { return address.text() == other.address.text(); }
};

/// What one look-up of a name has found out.
///
/// What nobody could say is no reason to leave an address, and stands in `unknown`; what an answer leaves out is one.
struct Findings {
  /// A host whose addresses of one family nobody could say: those that are known of it are good for as long.
  struct Unknown {
    std::string host;
    int family = 0;
  };
  std::vector<Place> places;
  std::vector<Unknown> unknown;
  bool services_are_unknown = false;  ///< Nobody could say where the service is.
  base::Duration ttl{};
  std::optional<base::Error> problem;  ///< Why something is unknown, or why there is no place.
};

/// Addresses of one name that are used: whoever answers for it must not make this process connect to thousands.
inline constexpr std::size_t most_places = 32;
/// How long an answer is good for, whatever it says itself: 0 must not make this process ask without a pause, and a
/// week must not keep it where nobody serves any more.
inline constexpr base::Duration least_ttl = std::chrono::seconds{1};
inline constexpr base::Duration most_ttl = std::chrono::minutes{5};
/// The longest pause after a look-up that failed; the first one is least_ttl, and each is twice as long.
inline constexpr base::Duration longest_pause = std::chrono::seconds{5};

/// What is known of a name, from look-up to look-up. Pure: who looks up and waits is the caller. Thread safety: none.
///
///   const dns::Knowledge::News news = knowledge.learn(findings);
///   if (news.places) connect_to(knowledge.places());
///   arm(timer, now + news.pause);
///
/// Lifetime: a value. Errors: none; those of look-ups are a part of what it learns.
class Knowledge {
 public:
  /// `longest_ttl`: how long an answer is good at most; from least_ttl to most_ttl.
  explicit Knowledge(base::Duration longest_ttl = most_ttl) noexcept : longest_ttl_(longest_ttl) {}

  /// What a look-up has changed. A value. For each look-up one, whether it has changed anything or not.
  struct News {
    bool is_whole = true;                ///< Nothing of what was asked is unknown.
    bool places = false;                 ///< There are others, or they are to be chosen otherwise.
    std::optional<base::Error> trouble;  ///< Why it failed, or half of it, where those before did not, or otherwise.
    bool is_well_again = false;          ///< It did not fail, but the one before did.
    std::size_t left_out = 0;            ///< Addresses above most_places, where none were left out before.
    base::Duration pause{};              ///< To make before the next.
  };
  /// What is unknown of a host stays as it was; what is known to be gone goes, unless no place were left: then all
  /// stays. Complexity: n² in places, of which there are at most most_places.
  [[nodiscard]] News learn(Findings findings);

  /// Those that were there keep their order; new ones come behind them. Lifetime: until the next learn().
  [[nodiscard]] std::span<const Place> places() const noexcept { return places_; }

 private:
  [[nodiscard]] base::Duration pause_after(const Findings& findings, bool failed) noexcept;

  base::Duration longest_ttl_;
  std::vector<Place> places_;
  std::optional<base::Error> trouble_;
  std::size_t left_out_ = 0;
  base::Duration pause_ = least_ttl;
};

}  // namespace picket::transport::dns
