#include "picket/pool/sticky_sessions.hpp"

namespace picket::pool {

std::optional<Pin> StickySessions::find(std::string_view key, base::TimePoint now) {
  expire(now);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  use(found->second, now);
  return found->second->pin;
}

void StickySessions::put(std::string_view key, Pin pin, base::TimePoint now) {
  if (timeout_ == base::Duration{} || most_ == 0) return;
  expire(now);
  if (const auto found = by_key_.find(key); found != by_key_.end()) {
    found->second->pin = pin;
    return use(found->second, now);
  }
  if (sessions_.size() == most_) forget(sessions_.begin());
  sessions_.push_back({.key = std::string{key}, .pin = pin, .until = now + timeout_});
  by_key_.emplace(sessions_.back().key, std::prev(sessions_.end()));
}

bool StickySessions::has(std::string_view key, base::TimePoint now) const {
  const auto found = by_key_.find(key);
  return found != by_key_.end() && now < found->second->until;
}

bool StickySessions::clear(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return false;
  forget(found->second);
  return true;
}

std::size_t StickySessions::size(base::TimePoint now) {
  expire(now);
  return sessions_.size();
}

void StickySessions::expire(base::TimePoint now) {
  while (!sessions_.empty() && now >= sessions_.front().until) forget(sessions_.begin());
}

void StickySessions::use(Sessions::iterator session, base::TimePoint now) {
  session->until = now + timeout_;
  sessions_.splice(sessions_.end(), sessions_, session);
}

void StickySessions::forget(Sessions::iterator session) {
  by_key_.erase(session->key);
  sessions_.erase(session);
}

}  // namespace picket::pool
