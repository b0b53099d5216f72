#include "picket/pool/reverse/members.hpp"

#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "picket/pool/reverse/rules.hpp"
#include "picket/session/quote.hpp"

namespace picket::pool::reverse {
namespace {

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::unavailable, std::move(detail)); }

bool is_same(const std::optional<std::string>& known, std::optional<std::string_view> given) noexcept {
  const bool equals = same_token(known ? std::string_view{*known} : std::string_view{}, given.value_or(""));
  return known.has_value() == given.has_value() && equals;
}

}  // namespace

base::Result<Seat> Members::join(std::string_view agent, std::string_view id, std::optional<std::string_view> token,
                                 MostConnections most) {
  auto found = by_id_.find(id);
  if (found != by_id_.end() && !is_same(found->second.token, token))
    return refused(fmt::format("the id '{}' is held by another agent, which came with another auth_token",
                               session::printable(id)));
  if (found != by_id_.end() && found->second.connections >= most.of_an_id)
    return refused(fmt::format("the id '{}' has {} connections already, {} are the most", session::printable(id),
                               found->second.connections, most.of_an_id));
  if (size_ >= most.of_all)
    return refused(fmt::format("agents have {} connections to this proxy already, which are the most", size_));
  if (found == by_id_.end()) {
    Member first{.token = {}, .connections = 0, .by_worker = Counts(workers_)};
    if (token) first.token.emplace(*token);
    found = by_id_.emplace(id, std::move(first)).first;
  }
  Member& member = found->second;
  Counts& served = by_agent_.try_emplace(std::string{agent}, Counts(workers_)).first->second;
  std::size_t least = 0;
  for (std::size_t i = 1; i < workers_; ++i)
    if (std::pair(served[i], member.by_worker[i]) < std::pair(served[least], member.by_worker[least])) least = i;
  ++served[least];
  ++member.by_worker[least];
  ++member.connections;
  ++size_;
  return Seat{.agent = std::string{agent}, .id = std::string{id}, .worker = least};
}

void Members::leave(const Seat& seat) {
  const auto member = by_id_.find(seat.id);
  --member->second.by_worker[seat.worker];
  if (--member->second.connections == 0) by_id_.erase(member);
  const auto agent = by_agent_.find(seat.agent);
  Counts& served = agent->second;
  --served[seat.worker];
  if (std::accumulate(served.begin(), served.end(), 0U) == 0) by_agent_.erase(agent);
  --size_;
}

}  // namespace picket::pool::reverse
