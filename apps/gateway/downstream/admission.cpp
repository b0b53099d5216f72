#include "apps/gateway/downstream/admission.hpp"

namespace picket::apps::gateway::downstream {

std::optional<Admission::Place> Admission::admit(const std::string& client, std::uint32_t limit) {
  if (limit == 0) return Place{};
  const std::lock_guard lock{mutex_};
  auto& count = connections_[client];
  if (count >= limit) return std::nullopt;
  ++count;
  return Place{*this, client};
}

void Admission::leave(const std::string& client) {
  const std::lock_guard lock{mutex_};
  const auto found = connections_.find(client);
  if (--found->second == 0) connections_.erase(found);
}

void Admission::join(transport::Worker& worker, GiveUp give_up) {
  const std::lock_guard lock{mutex_};
  members_.push_back({.worker = &worker, .give_up = std::make_shared<const GiveUp>(std::move(give_up))});
}

void Admission::part(const transport::Worker& worker) {
  const std::lock_guard lock{mutex_};
  std::erase_if(members_, [&](const Member& member) { return member.worker == &worker; });
}

Admission::Search Admission::ask_others(const transport::Worker& except, const std::string& client,
                                        std::uint32_t limit) {
  const std::lock_guard lock{mutex_};
  auto searching = std::make_shared<std::atomic<std::size_t>>(0);
  for (const auto& [worker, give_up] : members_) {
    if (worker == &except) continue;
    ++*searching;
    worker->post([this, give_up, client, limit, searching] {
      if (is_full(client, limit)) (*give_up)(client);  // another worker may have given one up already
      --*searching;
    });
  }
  return searching;
}

bool Admission::is_full(const std::string& client, std::uint32_t limit) {
  const std::lock_guard lock{mutex_};
  const auto found = connections_.find(client);
  return found != connections_.end() && found->second >= limit;
}

bool Admission::may_complain(base::TimePoint now) {
  const std::lock_guard lock{mutex_};
  if (complained_ && now - *complained_ < std::chrono::seconds{1}) return false;
  complained_ = now;
  return true;
}

}  // namespace picket::apps::gateway::downstream
