#include <atomic>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <sys/prctl.h>
#include <unistd.h>

#include "picket/agent/server.hpp"
#include "picket/transport/testing.hpp"
#include "tests/support/echo_handler.hpp"

/// An agent for the chaos tests: faulty_agent ADDRESS FAULT SEED. It serves until it is killed; its faults follow from
/// the seed alone.
namespace picket::tests {
namespace {

using transport::testing::OwnedFrame;
using transport::testing::RawPeer;
using wire::FrameType;

constexpr wire::Format format{.encoding = wire::Encoding::msgpack, .raw_bytes = true, .event_reply = true};

/// What an event says of itself.
struct Event {
  wire::ReplyTo key;
  std::string id;
  std::string echo;
};

std::optional<Event> event_of(const OwnedFrame& frame) {
  base::Arena arena;
  switch (frame.type()) {
    case FrameType::request_headers: {
      const auto message = frame.as<wire::RequestHeaders>(format, arena);
      return Event{{.type = frame.type()}, std::string{message.metadata.correlation_id}, std::string{message.uri}};
    }
    case FrameType::request_body_chunk: {
      const auto message = frame.as<wire::RequestBodyChunk>(format, arena);
      return Event{{.type = frame.type(), .index = message.chunk_index},
                   std::string{message.correlation_id},
                   std::string{base::as_text(message.data)}};
    }
    default: return std::nullopt;
  }
}

std::string answer(const Event& event, std::string_view echo) {
  const std::array<wire::Text, 1> tags{echo};
  wire::AgentResponse response;
  response.audit.tags = tags;
  response.correlation_id = event.id;
  response.reply_to = event.key;
  wire::Output output{transport::stream_framing};
  return wire::encode(format, response, output) ? output.flatten() : std::string{};
}

/// Ids seen on each connection of this process, for answers to where they do not belong.
class SeenIds {
 public:
  void add(std::uint32_t connection, const std::string& id) {
    const std::lock_guard lock{mutex_};
    ids_.emplace_back(connection, id);
    if (ids_.size() > 256) ids_.erase(ids_.begin());
  }
  /// One that another connection was asked about; an invented one where there is none.
  std::string foreign(std::uint32_t connection, std::mt19937& random) {
    const std::lock_guard lock{mutex_};
    const auto& [owner, id] = ids_[random() % ids_.size()];
    return owner == connection ? std::string(32, '0') : id;
  }

 private:
  std::mutex mutex_;
  std::vector<std::pair<std::uint32_t, std::string>> ids_;
};

/// One connection and the randomness of its faults.
struct Connection {
  RawPeer peer;
  std::uint32_t number;
  std::mt19937 random;
  SeenIds& seen;
};

/// Answers pings; false where the proxy is gone.
bool shake_hands(Connection& connection) {
  if (!connection.peer.receive()) return false;
  constexpr std::array<std::int32_t, 3> events{1, 2, 5};
  constexpr std::array<wire::Text, 2> extensions{wire::extension_raw_bytes, wire::extension_event_reply};
  connection.peer.send(
      wire::Format{},
      wire::HandshakeResponse{
          .protocol_version = 2,
          .capabilities = {.agent_id = "f", .name = "faulty", .version = "1", .supported_events = events},
          .success = true,
          .encoding = format.encoding,
          .extensions = extensions});
  return true;
}

/// Serves one connection; `misbehave` sends what it likes for an event and returns false to hang up.
void serve(Connection& connection, const std::function<bool(Connection&, const Event&)>& misbehave) {
  if (!shake_hands(connection)) return;
  while (const auto frame = connection.peer.receive()) {
    if (frame->type() == FrameType::ping) {
      base::Arena arena;
      const auto ping = frame->as<wire::Ping>(format, arena);
      connection.peer.send(format, wire::Pong{ping.sequence, ping.timestamp_ms});
    }
    const auto event = event_of(*frame);
    if (!event) continue;
    connection.seen.add(connection.number, event->id);
    if (!misbehave(connection, *event)) return;
  }
}

/// Mostly right answers, at times garbage: in a frame, or instead of one.
bool garbage(Connection& connection, const Event& event) {
  std::string noise(1 + connection.random() % 200, '\0');
  for (char& byte : noise) byte = static_cast<char>(connection.random());
  switch (connection.random() % 40) {
    case 0: connection.peer.send_bytes(noise); break;
    case 1: connection.peer.send_frame(FrameType::agent_response, noise); break;
    case 2: connection.peer.send_frame(FrameType::health_status, noise); break;
    case 3: connection.peer.send_frame(FrameType::request_headers, "{}"); break;
    default: connection.peer.send_bytes(answer(event, event.echo));
  }
  return true;
}

/// The right answer stands among others: forged ids, ids of other connections, wrong events, duplicates.
bool forge(Connection& connection, const Event& event) {
  Event forged = event;
  forged.id[connection.random() % forged.id.size()] ^= 1;
  Event foreign = event;
  foreign.id = connection.seen.foreign(connection.number, connection.random);
  Event mistaken = event;
  mistaken.key = {.type = FrameType::response_body_chunk, .index = 77};
  std::string bytes;
  for (const auto& wrong : {forged, foreign, mistaken})
    if (connection.random() % 2 == 0) bytes += answer(wrong, "forged");
  const std::string right = answer(event, event.echo);
  bytes += right;
  for (auto duplicates = connection.random() % 3; duplicates != 0; --duplicates) bytes += answer(event, "forged");
  connection.peer.send_bytes(bytes);
  return true;
}

/// Hangs up in the middle of an answer, now and then.
bool cut(Connection& connection, const Event& event) {
  const std::string right = answer(event, event.echo);
  if (connection.random() % 50 != 0) {
    connection.peer.send_bytes(right);
    return true;
  }
  connection.peer.send_bytes(right.substr(0, connection.random() % right.size()));
  return false;
}

/// Reads nothing any more after a few answers.
bool deaf(Connection& connection, const Event& event) {
  connection.peer.send_bytes(answer(event, event.echo));
  if (connection.random() % 20 == 0) ::pause();
  return true;
}

/// Answers late, and sometimes too late; the loop stays free meanwhile.
class Slow final : public EchoHandler<> {
 public:
  explicit Slow(std::uint32_t seed)
      : random_(seed), thread_([this](const std::stop_token& stop) { complete_in_time(stop); }) {}
  agent::Reply on_request_headers(const agent::RequestHeaders& event, agent::Context& context) override {
    auto completion = context.defer();
    const auto deferred = completion.deferred();
    const std::lock_guard lock{mutex_};
    const auto delay = std::chrono::milliseconds{random_() % 8 == 0 ? 600 + random_() % 800 : random_() % 5};
    pending_.emplace(base::Clock::now() + delay,
                     Answer{std::move(completion), agent::Decision::allow().tag(std::string{event.uri})});
    return deferred;
  }

 private:
  struct Answer {
    agent::Completion completion;
    agent::Decision decision;
  };
  void complete_in_time(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
      const std::lock_guard lock{mutex_};
      while (!pending_.empty() && pending_.begin()->first <= base::Clock::now()) {
        auto due = pending_.extract(pending_.begin());
        std::move(due.mapped().completion).complete(std::move(due.mapped().decision));
      }
    }
  }

  std::mutex mutex_;
  std::mt19937 random_;
  std::multimap<base::TimePoint, Answer> pending_;
  std::jthread thread_;
};

int serve_sdk(const std::string& address, bool slow, std::uint32_t seed) {
  agent::Server server{
      {.listen = {address}, .insecure = true, .threads = 4, .execution = agent::Execution::handed_over},
      slow ? agent::HandlerFactory{[seed] { return std::make_unique<Slow>(seed); }}
           : agent::HandlerFactory{[] { return std::make_unique<EchoHandler<>>(); }}};
  if (!server.start()) return 1;
  server.wait();
  return 0;
}

int serve_by_hand(const std::string& address, const std::string& fault, std::uint32_t seed) {
  using Misbehave = bool (*)(Connection&, const Event&);
  const std::map<std::string, Misbehave> faults{
      {"garbage", garbage}, {"forge", forge}, {"cut", cut}, {"deaf", deaf}, {"mute", nullptr}};
  const auto found = faults.find(fault);
  if (found == faults.end()) return 2;
  const auto endpoint = transport::Endpoint::parse(address, transport::ClearText::allowed).value();
  const int listening = ::socket(endpoint.address()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  constexpr int yes = 1;
  ::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (::bind(listening, endpoint.address(), endpoint.size()) != 0 || ::listen(listening, 64) != 0) return 1;
  SeenIds seen;
  for (std::uint32_t number = 0;; ++number) {
    const int accepted = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    if (accepted < 0) continue;
    if (found->second == nullptr) continue;  // mute: accepted, never read, never closed
    std::thread{[accepted, number, seed, &seen, misbehave = found->second] {
      Connection connection{RawPeer{accepted}, number, std::mt19937{seed * 1000 + number}, seen};
      serve(connection, misbehave);
    }}.detach();
  }
}

}  // namespace
}  // namespace picket::tests

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives the test
  const std::string fault = argv[2];
  const auto seed = static_cast<std::uint32_t>(std::atoi(argv[3]));
  if (fault == "none" || fault == "slow") return picket::tests::serve_sdk(argv[1], fault == "slow", seed);
  return picket::tests::serve_by_hand(argv[1], fault, seed);
}
