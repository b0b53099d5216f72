#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "picket/transport/layer.hpp"
#include "picket/transport/testing.hpp"
#include "picket/transport/testing/certificates.hpp"

namespace picket::transport::testing {

/// A layer as awkward as TLS may be: its bytes on the wire are not the channel's, it hands them out one at a time while
/// the socket is empty, and after `bytes_per_leave` it must hear from the peer before it writes on, who must write for
/// that in order to read. Both ends have one.
///
/// On the wire: records of a kind, a size and so many bytes, each of them turned.
class TrickleLayer final : public Layer {
 public:
  static constexpr std::size_t bytes_per_leave = 1000;
  static constexpr std::size_t bytes_per_record = 200;

  /// Something between the layers that the channels' users never see, as TLS's tickets are.
  static constexpr std::string_view notice{"n\3abc", 5};
  static constexpr std::string_view nonsense{"?\0", 2};
  /// What must be answered, and the answer: leave to write on.
  static constexpr std::string_view question{"q\0", 2};
  static constexpr std::string_view leave{"l\0", 2};
  /// A record of `text`, as it is on the wire.
  static std::string sealed(std::string_view text) {
    std::string record{'d', static_cast<char>(text.size())};
    for (const char c : text) record += turned(c);
    return record;
  }

  explicit TrickleLayer(std::size_t bytes_per_read = 1) : bytes_per_read_(bytes_per_read) {}

  Transfer read(int socket, std::span<char> into) override {
    const Transfer there = peek(socket);
    if (there.outcome != Transfer::Outcome::moved) return there;
    const std::size_t size = pending_.copy(into.data(), std::min(into.size(), bytes_per_read_));
    pending_.erase(0, size);
    return Transfer::moved(size, has_pending());
  }
  Transfer write(int socket, std::span<const iovec> parts) override {
    ++write_attempts_;
    if (sealed_size_ == 0) {
      fill(socket, 65536);  // what stands before the leave
      if (error_ != 0) return Transfer::failed(error_);
      if (left_ == 0 && !std::exchange(has_asked_, true)) outgoing_ += question;
      if (left_ != 0) seal(*std::ranges::find_if(parts, [](const iovec& part) { return part.iov_len != 0; }));
    }
    if (!flush(socket)) return error_ != 0 ? Transfer::failed(error_) : Transfer::blocked(Readiness::writable);
    if (sealed_size_ == 0) return has_ended_ ? Transfer::failed(EPIPE) : Transfer::blocked(Readiness::readable);
    return Transfer::moved(std::exchange(sealed_size_, 0), false);
  }
  Transfer peek(int socket) override {
    if (!has_pending()) fill(socket, 1);
    const bool has_said_all = sealed_size_ != 0 || flush(socket);
    if (has_pending()) return Transfer::moved(1, true);
    if (error_ != 0) return Transfer::failed(error_);
    if (has_ended_) return Transfer::ended();
    return Transfer::blocked(has_said_all ? Readiness::readable : Readiness::writable);
  }
  [[nodiscard]] bool has_pending() const noexcept override { return !pending_.empty(); }
  void end_writing(int socket) noexcept override {
    outgoing_.append("e\0", 2);
    flush(socket);
  }
  [[nodiscard]] base::Error failure(const Transfer& failed) const override {
    if (failed.error == EPROTO) return base::fail(base::ErrorKind::io, "the peer has no such layer");
    return base::fail(base::ErrorKind::connection_closed, "closed by the peer");
  }

  [[nodiscard]] int write_attempts() const noexcept { return write_attempts_; }

 private:
  static char turned(char c) noexcept { return static_cast<char>(c ^ 0x55); }

  void seal(const iovec& part) {
    sealed_size_ = std::min({part.iov_len, left_, bytes_per_record});
    left_ -= sealed_size_;
    outgoing_ += sealed({static_cast<const char*>(part.iov_base), sealed_size_});
  }
  /// Takes what the socket has, unless `most` bytes lie here already.
  void fill(int socket, std::size_t most) {
    if (pending_.size() >= most || has_ended_ || error_ != 0) return;
    std::array<char, 4096> bytes;
    const ssize_t size = ::recv(socket, bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size > 0) incoming_.append(bytes.data(), static_cast<std::size_t>(size));
    if (size == 0) has_ended_ = true;
    if (size < 0 && errno != EAGAIN) error_ = errno;
    open_records();
  }
  void open_records() {
    while (error_ == 0 && incoming_.size() >= 2) {
      const std::size_t size = static_cast<std::uint8_t>(incoming_[1]);
      if (incoming_.size() < 2 + size) return;
      open(incoming_[0], std::string_view{incoming_}.substr(2, size));
      incoming_.erase(0, 2 + size);
    }
  }
  void open(char kind, std::string_view bytes) {
    switch (kind) {
      case 'd': std::ranges::transform(bytes, std::back_inserter(pending_), turned); break;
      case 'q': outgoing_ += leave; break;
      case 'l':
        left_ = bytes_per_leave;
        has_asked_ = false;
        break;
      case 'e': has_ended_ = true; break;
      case 'n': break;
      default: error_ = EPROTO;
    }
  }
  /// Whether all has left.
  bool flush(int socket) noexcept {
    while (!outgoing_.empty()) {
      const ssize_t size = ::send(socket, outgoing_.data(), outgoing_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size < 0 && errno != EAGAIN) error_ = errno;
      if (size < 0) return false;
      outgoing_.erase(0, static_cast<std::size_t>(size));
    }
    return true;
  }

  std::size_t bytes_per_read_;
  int write_attempts_ = 0;
  std::string incoming_;         // not a whole record yet
  std::string pending_;          // for read()
  std::string outgoing_;         // records
  std::size_t sealed_size_ = 0;  // of write()'s bytes, in outgoing_
  std::size_t left_ = bytes_per_leave;
  bool has_asked_ = false;
  bool has_ended_ = false;
  int error_ = 0;
};

/// Has a socket take next to nothing while the other side does not read.
inline void have_little_room(int socket) {
  const int least = 0;
  EXPECT_EQ(::setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &least, sizeof least), 0);
}
/// Asks the other side's layer so often that its answers do not fit into the socket, then reads: whether all of them
/// come.
template <class Turn>
[[nodiscard]] bool answers_all_questions(RawPeer& peer, Turn&& turn) {
  constexpr int questions = 100;
  for (int i = 0; i < questions; ++i) {
    peer.send_bytes(TrickleLayer::question);
    turn();
  }
  std::string got;
  std::array<char, 4096> bytes;
  const base::TimePoint give_up = base::Clock::now() + patience;
  while (base::Clock::now() < give_up) {
    const ssize_t size = ::recv(peer.descriptor(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size > 0) got.append(bytes.data(), static_cast<std::size_t>(size));
    if (std::ranges::count(got, TrickleLayer::leave[0]) == questions) return true;
    turn();
  }
  return false;
}

/// What tests of links and streams run over.
enum class Kind : std::uint8_t { plain, layered, tls };

/// For the end that has accepted.
[[nodiscard]] inline std::unique_ptr<Layer> make_layer(Kind kind) {
  if (kind == Kind::tls) return AnyTls::instance().server->layer();
  return kind == Kind::plain ? nullptr : std::make_unique<TrickleLayer>();
}
/// For the end that has dialled.
[[nodiscard]] inline std::unique_ptr<Layer> make_dialled_layer(Kind kind) {
  return kind == Kind::tls ? AnyTls::instance().client->layer() : make_layer(kind);
}
/// For the test's own end, which has dialled and is in no want of trouble.
[[nodiscard]] inline std::unique_ptr<Layer> make_peer_layer(Kind kind) {
  return kind == Kind::layered ? std::make_unique<TrickleLayer>(65536) : make_dialled_layer(kind);
}
[[nodiscard]] inline std::string name_of(const ::testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::plain: return "Plain";
    case Kind::layered: return "Layered";
    case Kind::tls: return "Tls";
  }
  return {};
}

}  // namespace picket::transport::testing
