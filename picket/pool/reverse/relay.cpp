#include "picket/pool/reverse/relay.hpp"

#include <algorithm>
#include <utility>

#include "picket/base/buffer.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/transport/frame_reader.hpp"

namespace picket::pool::reverse {
namespace {

constexpr std::size_t read_size = std::size_t{16} * 1024;
constexpr base::Duration look_again = std::chrono::milliseconds{1};
// For what an end is still to hear, or to say, once another has closed.
constexpr base::Duration farewell = std::chrono::seconds{1};

}  // namespace

base::Status Relay::start(transport::Worker& worker, Connection connection, std::size_t workers,
                          const std::function<void(Connection)>& deliver, std::function<void()> on_over) {
  std::vector<transport::Unbound> theirs;
  const std::shared_ptr<Relay> relay{new Relay{worker, workers, std::move(on_over)}};
  relay->ends_.push_back(nullptr);
  for (std::size_t i = 0; i < workers; ++i) {
    auto pair = transport::Unbound::pair();
    if (!pair) {
      refuse(worker, std::move(connection), "the proxy has no descriptor left");
      return std::move(pair.error());
    }
    relay->ends_.push_back(std::make_unique<End>(transport::Channel{worker, std::move(pair->first)}));
    theirs.push_back(std::move(pair->second));
  }
  relay->ends_.front() = std::make_unique<End>(transport::Channel{worker, std::move(connection.socket)});
  const std::size_t registration = transport::peek_frame(connection.received)->needed;
  for (std::size_t i = 0; i < workers; ++i) {
    deliver(Connection{.agent = connection.agent,
                       .worker = i,
                       .name = connection.name,
                       .connections_wanted = connection.connections_wanted,
                       .is_shared = false,
                       .socket = std::move(theirs[i]),
                       .received = connection.received.substr(0, registration),
                       .seat = connection.seat});
    transport::spawn(read(relay, i + 1, {}));
  }
  transport::spawn(read(relay, 0, connection.received.substr(registration)));
  return {};
}

void Relay::send(End& end, wire::FrameType type, std::string_view payload) {
  char header[transport::frame_header_size];
  transport::write_frame_header(header, type, payload.size());
  end.unsent.append(header, sizeof header).append(payload);
  if (!std::exchange(end.is_writing, true)) transport::spawn(write(shared_from_this(), end));
}

transport::Task<void> Relay::write(std::shared_ptr<Relay> /*owner of end*/, End& end) {
  const base::Deadline never;
  bool goes_on = true;
  while (goes_on && !end.unsent.empty()) {
    std::string bytes = std::exchange(end.unsent, {});
    iovec part{bytes.data(), bytes.size()};
    const std::span<iovec> parts{&part, 1};
    const auto written = co_await end.stream.write(parts, never);
    goes_on = written.has_value();
  }
  end.is_writing = false;
}

bool Relay::is_backlogged() const noexcept {
  return std::ranges::any_of(ends_, [](const auto& end) { return end->unsent.size() > most_unsent; });
}

base::Status Relay::take(std::size_t from, const wire::FrameView& frame) {
  return from == 0 ? routing_.from_agent(frame, *this) : routing_.from_worker(from - 1, frame, *this);
}

transport::Task<void> Relay::read(std::shared_ptr<Relay> self, std::size_t from, std::string received) {
  const base::Deadline never;
  transport::FrameReader frames;
  base::Buffer bytes;
  bytes.append(received);
  ++self->reading_;
  transport::Stream& stream = self->ends_[from]->stream;
  const auto take = [&self, from](const wire::FrameView& frame) { return self->take(from, frame); };
  while (frames.feed(bytes.text(), take).has_value()) {
    bytes.clear();
    const std::span<char> into{bytes.prepare(read_size), read_size};
    while (self->is_backlogged() && stream.is_open()) {
      const base::TimePoint later = self->worker_.now() + look_again;
      co_await transport::SleepUntil(self->worker_, later);
    }
    const auto got = co_await stream.read_some(into, never);
    if (!got || *got == 0) break;
    bytes.commit(*got);
  }
  co_await self->wind_up(from);
  if (--self->reading_ == 0) self->on_over_();
}

/// What was said last, as why an agent may not stay, is written before all ends close; where it is a worker that goes,
/// the agent answers the others first.
transport::Task<void> Relay::wind_up(std::size_t from) {
  if (from != 0) routing_.leave(from - 1);
  const auto is_silent = [this, from] {
    if (from != 0 && routing_.open() != 0 && ends_.front()->stream.is_open()) return false;
    return std::ranges::none_of(ends_, [](const auto& end) { return end->stream.is_open() && end->is_writing; });
  };
  const base::TimePoint until = worker_.now() + farewell;
  bool waits = !is_silent();
  while (waits) {
    const base::TimePoint later = worker_.now() + look_again;
    co_await transport::SleepUntil(worker_, later);
    waits = !is_silent() && worker_.now() < until;
  }
  for (const auto& end : ends_) end->stream.close();
}

}  // namespace picket::pool::reverse
