#include "picket/pool/reverse/registry.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/pool/reverse/relay.hpp"
#include "picket/session/quote.hpp"

namespace picket::pool::reverse {

Registry::Registry(transport::Worker& worker, std::size_t workers, Deliver deliver)
    : worker_(worker),
      workers_(workers),
      deliver_(std::move(deliver)),
      members_(std::make_shared<Members>(workers)),
      metrics_(std::make_shared<RegistryMetrics>()) {}

base::Status Registry::use(Rules rules) {
  if (auto problem = rules.problem()) return base::fail(base::ErrorKind::invalid_message, std::move(*problem));
  rules_ = std::move(rules);
  return {};
}

base::Result<Connection> Registry::admit(const wire::ReverseRegistration& registration) {
  const auto claim = rules_.judge(registration.agent_id, registration.auth_token);
  if (!claim) return claim.error();
  const std::uint32_t most = rules_.max_connections_per_agent;
  const auto wanted = static_cast<std::uint32_t>(std::min<std::size_t>(workers_, most));
  // Who names none of our keys is not told how many connections are wanted.
  const bool is_told = !registration.supported_encodings.empty() || !registration.extensions.empty();
  const bool is_shared = workers_ > 1 && (!is_told || wanted < workers_);
  if (is_shared && relays_ >= most_relays)
    return base::fail(base::ErrorKind::unavailable,
                      fmt::format("{} connections serve all workers already, which are the most", relays_));
  auto seat = members_->join((*claim)->agent, registration.agent_id, registration.auth_token,
                             {.of_an_id = most, .of_all = rules_.max_connections});
  if (!seat) return std::move(seat.error());
  return Connection{.agent = seat->agent,
                    .worker = seat->worker,
                    .name = fmt::format("{}/{}", session::printable(registration.agent_id), ++joined_),
                    .connections_wanted = wanted,
                    .is_shared = is_shared,
                    .socket = transport::Unbound{-1, nullptr},
                    .received = {},
                    .seat = hold(std::move(*seat))};
}

void Registry::deliver(Connection connection) {
  metrics_->registered.add();
  if (!connection.is_shared) return deliver_(std::move(connection));
  ++relays_;
  if (!Relay::start(worker_, std::move(connection), workers_, deliver_, [this] { --relays_; })) --relays_;
}

std::shared_ptr<void> Registry::hold(Seat seat) {
  metrics_->connections.add(1);
  const auto leave = [&worker = worker_, members = members_, metrics = metrics_](Seat* held) {
    worker.post([members, metrics, gone = std::unique_ptr<Seat>{held}] {
      members->leave(*gone);
      metrics->connections.add(-1);
    });
  };
  return std::shared_ptr<void>{std::shared_ptr<Seat>{new Seat{std::move(seat)}, leave}};
}

}  // namespace picket::pool::reverse
