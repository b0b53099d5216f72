#include "apps/cli/conform/proxies/meeting.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include <unistd.h>

#include "apps/cli/conform/frame_pipe.hpp"
#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::chrono::milliseconds to_close{2};
constexpr std::chrono::milliseconds between_dials{20};

}  // namespace

Accepting::Accepting(transport::Worker& worker, transport::Listener listener,
                     std::shared_ptr<const transport::tls::Context> tls)
    : worker_(worker), listener_(std::move(listener)), tls_(std::move(tls)) {
  transport::spawn(transport::accept_all(
      listener_, worker_, [this](const transport::Accepted& accepted) { accepted_.push_back(accepted.descriptor); }));
}

Accepting::~Accepting() {
  forget();
  listener_.close();
  worker_.turn(base::Clock::now() + to_close);
}

void Accepting::forget() {
  for (const int descriptor : std::exchange(accepted_, {})) ::close(descriptor);
}

std::vector<Line> Accepting::lines() {
  std::vector<Line> lines;
  for (const int descriptor : std::exchange(accepted_, {}))
    lines.emplace_back(transport::Channel{worker_, descriptor, tls_ ? tls_->layer() : nullptr});
  return lines;
}

std::vector<std::unique_ptr<Pipe>> Listening::arrivals(bool) {
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (Line& line : accepting_->lines()) pipes.push_back(std::make_unique<FramePipe>(std::move(line)));
  return pipes;
}

std::vector<std::unique_ptr<Pipe>> GrpcListening::arrivals(bool) {
  for (Line& line : accepting_->lines()) servers_.push_back(std::make_shared<GrpcServer>(std::move(line), head_));
  std::vector<std::unique_ptr<Pipe>> pipes;
  for (const auto& server : servers_) {
    server->read();
    std::ranges::move(server->arrivals(), std::back_inserter(pipes));
  }
  std::erase_if(servers_, [](const auto& server) { return server->has_ended(); });
  return pipes;
}

void GrpcListening::forget() {
  accepting_->forget();
  servers_.clear();
  head_ = HeadOfAnswer::at_once;
}

std::vector<std::unique_ptr<Pipe>> Joining::arrivals(bool is_wanted) {
  std::vector<std::unique_ptr<Pipe>> pipes;
  const base::TimePoint now = base::Clock::now();
  if (!is_wanted || now < next_) return pipes;
  next_ = now + between_dials;
  Line line{transport::Channel{worker_, proxy_.layer()}};
  const auto dialled = line.dial(proxy_.endpoint(), now + patience_);
  if (!dialled && !was_reached_) throw Unreachable{dialled.error().message()};
  if (!dialled) return pipes;
  was_reached_ = true;
  pipes.push_back(std::make_unique<FramePipe>(std::move(line)));
  return pipes;
}

}  // namespace picket::apps::cli::conform::proxies
