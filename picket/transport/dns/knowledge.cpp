#include "picket/transport/dns/knowledge.hpp"

#include <algorithm>
#include <utility>

namespace picket::transport::dns {
namespace {

const Place* find(std::span<const Place> places, const Place& wanted) noexcept {
  const auto found = std::ranges::find_if(places, [&](const Place& place) { return place.is_at(wanted); });
  return found == places.end() ? nullptr : &*found;
}

/// Whether nobody could say that it is gone.
bool is_kept(const Place& place, const Findings& findings) noexcept {
  return findings.services_are_unknown || std::ranges::any_of(findings.unknown, [&](const Findings::Unknown& one) {
           return one.host == place.host && one.family == place.address.family();
         });
}

/// Of those that are known the ones that stay, then the new ones.
std::vector<Place> merged(std::span<const Place> known, const Findings& findings) {
  std::vector<Place> all;
  for (const Place& place : known) {
    if (const Place* const found = find(findings.places, place)) {
      all.push_back(*found);
    } else if (is_kept(place, findings)) {
      all.push_back(place);
    }
  }
  for (const Place& place : findings.places)
    if (find(all, place) == nullptr) all.push_back(place);
  return all;
}

bool are_same(std::span<const Place> some, std::span<const Place> others) noexcept {
  return std::ranges::equal(some, others, [](const Place& one, const Place& other) {
    return one.is_at(other) && one.priority == other.priority && one.weight == other.weight;
  });
}

}  // namespace

Knowledge::News Knowledge::learn(Findings findings) {
  News news;
  // An answer without any address is as little help as none: what is there goes on.
  const bool failed = findings.places.empty();
  std::vector<Place> places = failed ? places_ : merged(places_, findings);
  const std::size_t left_out = places.size() - std::min(places.size(), most_places);
  places.resize(places.size() - left_out);
  news.left_out = left_out_ == 0 ? left_out : 0;
  left_out_ = left_out;
  news.places = !are_same(places, places_);
  places_ = std::move(places);
  news.pause = pause_after(findings, failed);
  news.is_whole = !findings.problem;
  if (findings.problem && findings.problem != trouble_) news.trouble = findings.problem;
  news.is_well_again = trouble_ && !findings.problem;
  trouble_ = std::move(findings.problem);
  return news;
}

base::Duration Knowledge::pause_after(const Findings& findings, bool failed) noexcept {
  if (failed) return std::exchange(pause_, std::min(pause_ * 2, longest_pause));
  pause_ = least_ttl;
  const base::Duration pause = std::clamp(findings.ttl, least_ttl, longest_ttl_);
  return findings.problem ? std::min(pause, longest_pause) : pause;
}

}  // namespace picket::transport::dns
