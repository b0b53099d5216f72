#include "apps/cli/conform/peer.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>

#include "picket/base/overloaded.hpp"
#include "picket/transport/frame_header.hpp"

namespace picket::apps::cli::conform {
namespace {

// Between two pieces, so that the peer may read each alone.
constexpr std::chrono::microseconds pause{100};

double seconds(base::Duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

Document::Document(Frame read) : frame(std::move(read)) {
  const auto parsed = wire::parse_json(frame.payload(), arena);
  if (!parsed) throw Violation{fmt::format("its {} is no JSON: {}", name(frame.type), parsed.error().detail())};
  value = *parsed;
}

const wire::Value* Document::find(std::string_view path) const {
  const wire::Value* at = &value;
  while (at != nullptr && !path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    at = at->find(path.substr(0, dot));
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return at;
}

void Peer::write(std::string_view bytes) {
  const auto status = pipe_->write(bytes, base::Clock::now() + patience_);
  if (!status && status.error().kind() == base::ErrorKind::timeout) throw Violation{status.error().detail()};
}

void Peer::write_slowly(std::string_view bytes, std::size_t piece) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    write(bytes.substr(0, piece));
    std::this_thread::sleep_for(pause);
  }
}

Frame Peer::hear(std::string_view wanted) {
  auto frame = hear_or_end(wanted);
  expect(frame.has_value(), "it closed the connection where {} was to come", wanted);
  return std::move(*frame);
}

std::optional<Frame> Peer::hear_or_end(std::string_view wanted) {
  Heard heard = pipe_->hear(base::Clock::now() + patience_);
  expect(!std::holds_alternative<Silence>(heard), "no {} within {} s", wanted, seconds(patience_));
  if (auto* const frame = std::get_if<Frame>(&heard)) return std::move(*frame);
  return std::nullopt;
}

std::vector<Frame> Peer::hear_end(std::string_view cause) {
  std::vector<Frame> frames;
  const base::TimePoint deadline = base::Clock::now() + patience_;
  while (true) {
    Heard heard = pipe_->hear(deadline);
    if (std::holds_alternative<Ended>(heard)) return frames;
    expect(!std::holds_alternative<Silence>(heard), "it keeps the connection open for {} s after {}",
           seconds(patience_), cause);
    frames.push_back(std::move(std::get<Frame>(heard)));
  }
}

}  // namespace picket::apps::cli::conform
