#include "apps/cli/conform/proxies/meeting.hpp"

#include <utility>

#include <unistd.h>

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::chrono::milliseconds to_close{2};
constexpr std::chrono::milliseconds between_dials{20};

}  // namespace

Listening::Listening(transport::Worker& worker, transport::Listener listener,
                     std::shared_ptr<const transport::tls::Context> tls)
    : worker_(worker), listener_(std::move(listener)), tls_(std::move(tls)) {
  transport::spawn(transport::accept_all(
      listener_, worker_, [this](const transport::Accepted& accepted) { accepted_.push_back(accepted.descriptor); }));
}

Listening::~Listening() {
  forget();
  listener_.close();
  worker_.turn(base::Clock::now() + to_close);
}

void Listening::forget() {
  for (const int descriptor : std::exchange(accepted_, {})) ::close(descriptor);
}

std::vector<Line> Listening::arrivals(bool) {
  std::vector<Line> lines;
  for (const int descriptor : std::exchange(accepted_, {}))
    lines.emplace_back(transport::Channel{worker_, descriptor, tls_ ? tls_->layer() : nullptr});
  return lines;
}

std::vector<Line> Joining::arrivals(bool is_wanted) {
  std::vector<Line> lines;
  const base::TimePoint now = base::Clock::now();
  if (!is_wanted || now < next_) return lines;
  next_ = now + between_dials;
  Line line{transport::Channel{worker_, proxy_.layer()}};
  const auto dialled = line.dial(proxy_.endpoint(), now + patience_);
  if (!dialled && !was_reached_) throw Unreachable{dialled.error().message()};
  if (!dialled) return lines;
  was_reached_ = true;
  lines.push_back(std::move(line));
  return lines;
}

}  // namespace picket::apps::cli::conform::proxies
