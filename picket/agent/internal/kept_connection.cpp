#include "picket/agent/internal/kept_connection.hpp"

#include <utility>

#include <fmt/format.h>

#include "picket/session/registration.hpp"
#include "picket/transport/frame_link.hpp"

namespace picket::agent::internal {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Duration first_pause = milliseconds{1500};  // less a quarter at most: no less than a second
constexpr base::Duration longest_pause = seconds{60};
// A proxy that takes a connection and ends it soon is not dialled as one that was restarted.
constexpr base::Duration lasting = seconds{10};
// One that was lost so short a time ago is left to its own pause.
constexpr base::Duration settling = seconds{1};
constexpr base::Duration connect_timeout = seconds{5};

}  // namespace

KeptConnection::KeptConnection(std::shared_ptr<const DialledProxy> proxy, const ServedConnection::Terms& like,
                               Begun begun, std::uint32_t seed)
    : proxy_(std::move(proxy)),
      terms_(std::make_shared<ServedConnection::Terms>(like)),
      begun_(std::move(begun)),
      backoff_(first_pause, longest_pause, seed, first_pause),
      retry_([](void* self, base::TimePoint) { static_cast<KeptConnection*>(self)->dial(); }, this) {
  terms_->on_open = [this, greet = like.on_open](ServedConnection& connection) {
    greet(connection);
    opened(connection);
  };
  terms_->on_over = [this, forget = like.on_over](ServedConnection& connection, const base::Error* reason) {
    forget(connection, reason);
    over(reason);
  };
}

void KeptConnection::want() {
  is_wanted_ = true;
  if (is_there_ || (retry_.armed() && terms_->worker.now() - lost_at_ < settling)) return;
  dial();
}

void KeptConnection::dial() {
  retry_.cancel();
  if (!is_wanted_) return;
  auto token = token_of(proxy_->options);
  if (!token) return failed(token.error());
  is_there_ = true;
  auto connection = std::make_shared<ServedConnection>(terms_);
  begun_(connection);
  connection->start(
      [this](std::unique_ptr<session::AgentOpening> opening, transport::AgentLink::Owner& owner) {
        const transport::Destination there = proxy_->host->current().at(proxy_->address);
        return transport::FrameLink<session::AgentSession>::dial(transport::Channel{terms_->worker, there.layer()},
                                                                 there.endpoint(), std::move(opening), connect_timeout,
                                                                 owner);
      },
      std::make_unique<session::AgentRegistration>(
          terms_->config, session::Application{.agent_id = proxy_->agent_id, .token = std::move(*token)}));
}

void KeptConnection::opened(ServedConnection& connection) {
  is_open_ = true;
  opened_at_ = terms_->worker.now();
  said_.clear();
  say(fmt::format("registered with {} as '{}'", proxy_->address.spelled(), proxy_->agent_id));
  proxy_->on_wanted(connection.connections_wanted().value_or(1));
}

void KeptConnection::over(const base::Error* reason) {
  is_there_ = false;
  lost_at_ = terms_->worker.now();
  const bool lasted = std::exchange(is_open_, false) && lost_at_ - opened_at_ >= lasting;
  if (lasted) backoff_.reset();
  if (is_wanted_ && reason != nullptr) failed(*reason);
}

void KeptConnection::failed(const base::Error& reason) {
  if (std::exchange(said_, reason.message()) != reason.message())
    say(fmt::format("no connection to {}, which is dialled again: {}", proxy_->address.spelled(), reason.message()));
  terms_->worker.timers().arm(retry_, terms_->worker.now() + backoff_.next());
}

void KeptConnection::say(std::string_view line) const {
  if (proxy_->log) proxy_->log(line);
}

}  // namespace picket::agent::internal
