#include "apps/cli/conform/agents/registrations.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/cli/conform/peer.hpp"
#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr std::chrono::milliseconds between_looks{2};
// Agents wait for an answer, but not for long.
constexpr std::chrono::seconds unanswered{3};
// Those that bring back the others where all are used up.
constexpr std::size_t reserve = 6;
constexpr std::chrono::milliseconds between_closings{200};

}  // namespace

std::string text_of(const Welcome& welcome, std::string_view proxy_id) {
  return fmt::format(R"({{"success":{},"error":{},"proxy_id":"{}","proxy_version":"1","connection_id":"conform"{}{}}})",
                     welcome.success, welcome.error, proxy_id, welcome.wanted, welcome.more);
}

Registrations::Registrations(transport::Worker& worker, transport::Listener listener,
                             std::shared_ptr<const transport::tls::Context> tls, const Options& options)
    : worker_(worker), listener_(std::move(listener)), tls_(std::move(tls)), options_(options) {
  transport::spawn(transport::accept_all(
      listener_, worker_, [this](const transport::Accepted& accepted) { accepted_.push_back(accepted.descriptor); }));
}

Registrations::~Registrations() {
  for (const int descriptor : accepted_) ::close(descriptor);
  listener_.close();
  worker_.turn(base::Clock::now() + between_looks);
}

void Registrations::tend() {
  accept();
  park_what_waits();
  look_at_parked();
  most_ = std::max(most_, count());
}

void Registrations::accept() {
  worker_.turn(base::Clock::now() + between_looks);
  for (const int descriptor : std::exchange(accepted_, {}))
    fresh_.push_back({.line = Line{transport::Channel{worker_, descriptor, tls_ ? tls_->layer() : nullptr}, seat_},
                      .since = base::Clock::now()});
}

/// An agent that makes one connection only has it used, not parked.
void Registrations::park_what_waits() {
  const auto must_park = [this] {
    if (fresh_.empty()) return false;
    return base::Clock::now() - fresh_.front().since > unanswered || (parked_.size() < reserve && fresh_.size() > 1);
  };
  while (must_park()) {
    Line line = std::move(fresh_.front().line);
    fresh_.pop_front();
    (void)park(std::move(line));
  }
}

bool Registrations::park(Line line) {
  auto pipe = std::make_unique<FramePipe>(std::move(line));
  const Heard registration = pipe->hear(base::Clock::now() + unanswered);
  if (!std::holds_alternative<Frame>(registration)) return false;
  const std::string answer = socket_frame(static_cast<std::uint8_t>(FrameType::handshake_response),
                                          text_of(Welcome{}, "picket-conform/parked"));
  if (!pipe->write(answer, base::Clock::now() + unanswered)) return false;
  parked_.push_back(std::move(pipe));
  return true;
}

void Registrations::look_at_parked() {
  const auto has_ended = [](const std::unique_ptr<FramePipe>& pipe) {
    while (true) {
      const Heard heard = pipe->hear(base::TimePoint{});
      const auto* const frame = std::get_if<Frame>(&heard);
      if (frame == nullptr) return std::holds_alternative<Ended>(heard);
      if (frame->type != FrameType::ping) continue;
      const std::string pong = socket_frame(static_cast<std::uint8_t>(FrameType::pong), frame->payload());
      if (!pipe->write(pong, base::Clock::now() + unanswered)) return true;
    }
  };
  std::erase_if(parked_, has_ended);
}

Line Registrations::next() {
  base::TimePoint closed_at{};
  const base::TimePoint latest = deadline();
  while (true) {
    tend();
    if (!fresh_.empty()) {
      Line line = std::move(fresh_.front().line);
      fresh_.pop_front();
      return line;
    }
    const base::TimePoint now = base::Clock::now();
    if (now >= latest) throw_missing();
    if (parked_.empty() || now - closed_at < between_closings) continue;
    closed_at = now;
    parked_.pop_front();
  }
}

/// Where rules have all that an agent has ever made at once, it is given less time to make another.
base::TimePoint Registrations::deadline() const {
  const bool has_all = most_ != 0 && held() >= most_;
  return base::Clock::now() + (has_all ? options_.patience : options_.return_patience);
}

void Registrations::throw_missing() const {
  if (most_ == 0) throw Unreachable{fmt::format("no agent dials {}", listener_.endpoint().spelled())};
  need(held() == 0 || held() < most_, "the agent makes no more than {} connections at once", most_);
  throw Violation{"it does not dial again"};
}

}  // namespace picket::apps::cli::conform::agents
