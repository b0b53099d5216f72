#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "picket/base/limits.hpp"
#include "picket/base/time.hpp"
#include "picket/transport/endpoint.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/transport/layer.hpp"
#include "picket/transport/task.hpp"
#include "picket/transport/worker.hpp"
#include "picket/wire/codec.hpp"

/// What tests with sockets share. Every wait in here ends after `patience` with a failed test.
namespace picket::transport::testing {

inline constexpr base::Duration patience = std::chrono::seconds{20};

/// A folder that lives as long as the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "picket-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no temporary folder";
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] Endpoint socket(std::string_view name = "s") const {
    return Endpoint::unix_path((path_ / name).string()).value();
  }

 private:
  std::filesystem::path path_;
};

/// A process that connects as `uid`, waits for the end of the connection and exits with 0. Only for root.
[[nodiscard]] inline pid_t connect_as(uid_t uid, const Endpoint& endpoint) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (::setgroups(0, nullptr) != 0 || ::setgid(uid) != 0 || ::setuid(uid) != 0) ::_exit(2);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (::connect(descriptor, endpoint.address(), endpoint.size()) != 0) ::_exit(3);
  char byte = 0;
  (void)::read(descriptor, &byte, 1);
  ::_exit(0);
}

/// Turns `worker` until `holds()` says true; false where it never does.
template <class Predicate>
[[nodiscard]] bool turn_until(Worker& worker, Predicate&& holds) {
  const base::TimePoint give_up = base::Clock::now() + patience;
  while (!holds()) {
    const base::TimePoint now = base::Clock::now();
    if (now > give_up) return false;
    worker.turn(now + std::chrono::milliseconds{5});
  }
  return true;
}

/// Turns `worker` for so long, whatever happens; at least once, however long this thread had to wait.
inline void turn_for(Worker& worker, base::Duration duration) {
  const base::TimePoint until = base::Clock::now() + duration;
  do {
    worker.turn(until);
  } while (base::Clock::now() < until);
}

/// Runs `task` to its end and returns what it yields.
template <class T>
T run(Worker& worker, Task<T> task) {
  std::optional<T> result;
  const auto wrapper = [](Task<T> inner, std::optional<T>& out) -> Task<void> {
    auto value = co_await inner;
    out.emplace(std::move(value));
  };
  spawn(wrapper(std::move(task), result));
  if (!turn_until(worker, [&] { return result.has_value(); })) throw std::runtime_error("the task did not end");
  return std::move(*result);
}

/// A frame, owned, with the padding that decoders may overrun.
class OwnedFrame {
 public:
  OwnedFrame(wire::FrameType type, std::string_view payload) : type_(type), bytes_(payload), size_(payload.size()) {
    bytes_.append(base::limits::tail_padding, '\xee');
  }
  [[nodiscard]] wire::FrameType type() const noexcept { return type_; }
  [[nodiscard]] std::string_view payload() const noexcept { return std::string_view{bytes_}.substr(0, size_); }

  /// The message in it; it lives as long as frame and arena.
  template <class Message>
  [[nodiscard]] Message as(const wire::Format& format, base::Arena& arena) const {
    EXPECT_EQ(type_, Message::type) << name(type_);
    auto message = wire::decode<Message>(format, payload(), arena);
    if (!message) ADD_FAILURE() << message.error().message();
    return message.value_or(Message{});
  }

 private:
  wire::FrameType type_;
  std::string bytes_;
  std::size_t size_;
};

/// One connection seen from outside: frames and bytes by hand. With a worker, every wait turns it, so that both ends
/// run on the test's thread.
class RawPeer {
 public:
  explicit RawPeer(int descriptor, Worker* worker = nullptr, std::unique_ptr<Layer> layer = nullptr)
      : descriptor_(descriptor), worker_(worker), layer_(std::move(layer)) {
    ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  }
  RawPeer(RawPeer&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)),
        worker_(other.worker_),
        layer_(std::move(other.layer_)),
        held_(std::move(other.held_)) {}
  RawPeer& operator=(RawPeer&&) = delete;
  ~RawPeer() { close(); }

  [[nodiscard]] static RawPeer connect(const Endpoint& endpoint, Worker* worker = nullptr) {
    const int descriptor = ::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(descriptor, endpoint.address(), endpoint.size()), 0) << endpoint.text();
    return RawPeer{descriptor, worker};
  }

  void close() {
    if (descriptor_ >= 0 && layer_) layer_->end_writing(descriptor_);
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  /// Says that nothing more is written, in the layer's words alone: the socket stays open both ways.
  void end_writing_in_layer() { layer_->end_writing(descriptor_); }

  void send_bytes(std::string_view bytes) {
    const base::TimePoint give_up = base::Clock::now() + patience;
    while (!bytes.empty() && base::Clock::now() < give_up) {
      const Transfer sent = send_some(bytes);
      if (sent.outcome == Transfer::Outcome::failed) return;  // the other end closed: what comes back says so
      bytes.remove_prefix(sent.size);
      if (layer_ && sent.outcome == Transfer::Outcome::blocked) (void)read_some();  // which may have to come first
      if (sent.outcome == Transfer::Outcome::blocked) wait(sent.wanted == Readiness::readable ? POLLIN : POLLOUT);
    }
    EXPECT_TRUE(bytes.empty()) << "the other end does not read";
  }
  /// What is taken now.
  Transfer send_some(std::string_view bytes) {
    const iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    if (layer_) return layer_->write(descriptor_, {&part, 1});
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) return Transfer::moved(static_cast<std::size_t>(sent), false);
    return errno == EAGAIN ? Transfer::blocked(Readiness::writable) : Transfer::failed(errno);
  }
  void send_frame(wire::FrameType type, std::string_view payload) {
    std::string frame(frame_header_size, '\0');
    write_frame_header(frame.data(), type, payload.size());
    send_bytes(frame.append(payload));
  }
  template <class Message>
  void send(const wire::Format& format, const Message& message) {
    wire::Output output{stream_framing};
    const auto status = wire::encode(format, message, output);
    EXPECT_TRUE(status) << status.error().message();
    send_bytes(output.flatten());
  }

  /// The next frame; nothing once the other end has closed.
  [[nodiscard]] std::optional<OwnedFrame> receive() {
    const base::TimePoint give_up = base::Clock::now() + patience;
    while (base::Clock::now() < give_up) {
      const auto peek = peek_frame(held_);
      if (!peek) {
        ADD_FAILURE() << peek.error().message();
        return std::nullopt;
      }
      if (peek->frame) {
        OwnedFrame frame{peek->frame->type, peek->frame->payload};
        held_.erase(0, peek->needed);
        return frame;
      }
      if (!read_some()) return std::nullopt;
    }
    ADD_FAILURE() << "no frame came";
    return std::nullopt;
  }
  /// The next frame that is none of `type`: what a test that does not care for pings skips.
  [[nodiscard]] std::optional<OwnedFrame> receive_past(wire::FrameType type) {
    auto frame = receive();
    while (frame && frame->type() == type) frame = receive();
    return frame;
  }
  /// Whether the other end closes, whatever it sends before.
  [[nodiscard]] bool ends() {
    const base::TimePoint give_up = base::Clock::now() + patience;
    while (base::Clock::now() < give_up)
      if (!read_some()) return true;
    return false;
  }
  /// Whether bytes of the other end lie here, unread.
  [[nodiscard]] bool has_input() const {
    pollfd poll{descriptor_, POLLIN, 0};
    return !held_.empty() || ::poll(&poll, 1, 0) != 0;
  }

 private:
  /// Reads what is there, or waits a little. False at the end of the stream.
  bool read_some() {
    char bytes[65536];
    const Transfer got = receive_some(bytes);
    held_.append(bytes, got.size);
    if (got.outcome == Transfer::Outcome::blocked) wait(POLLIN);
    return got.outcome == Transfer::Outcome::moved || got.outcome == Transfer::Outcome::blocked;
  }
  Transfer receive_some(std::span<char> into) {
    if (layer_) return layer_->read(descriptor_, into);
    const ssize_t size = ::recv(descriptor_, into.data(), into.size(), 0);
    if (size > 0) return Transfer::moved(static_cast<std::size_t>(size), false);
    if (size == 0) return Transfer::ended();
    return errno == EAGAIN ? Transfer::blocked(Readiness::readable) : Transfer::failed(errno);
  }
  void wait(short what) {
    if (worker_ != nullptr) {
      worker_->turn(base::Clock::now() + std::chrono::milliseconds{2});
      return;
    }
    pollfd poll{descriptor_, what, 0};
    ::poll(&poll, 1, 50);
  }

  int descriptor_;
  Worker* worker_;
  std::unique_ptr<Layer> layer_;  // null: what it sends is what is on the wire
  std::string held_;
};

/// A listening Unix socket without any policy.
class RawListener {
 public:
  RawListener(const Endpoint& endpoint, Worker* worker)
      : descriptor_(::socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), worker_(worker) {
    EXPECT_EQ(::bind(descriptor_, endpoint.address(), endpoint.size()), 0) << endpoint.text();
    EXPECT_EQ(::listen(descriptor_, 64), 0);
  }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener() { ::close(descriptor_); }

  [[nodiscard]] RawPeer accept(std::unique_ptr<Layer> layer = nullptr) {
    const base::TimePoint give_up = base::Clock::now() + patience;
    int accepted = -1;
    while ((accepted = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC)) < 0 && base::Clock::now() < give_up)
      worker_->turn(base::Clock::now() + std::chrono::milliseconds{2});
    EXPECT_GE(accepted, 0) << "nobody connected";
    return RawPeer{accepted, worker_, std::move(layer)};
  }
  /// Whether a connection waits to be accepted.
  [[nodiscard]] bool has_connection() const {
    pollfd poll{descriptor_, POLLIN, 0};
    return ::poll(&poll, 1, 0) != 0;
  }

 private:
  int descriptor_;
  Worker* worker_;
};

}  // namespace picket::transport::testing
