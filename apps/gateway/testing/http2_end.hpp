#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/gateway/testing/loop.hpp"
#include "picket/http2/connection.hpp"

namespace picket::apps::gateway::testing {

/// What came on one stream.
struct OnStream {
  std::vector<std::string> heads;  ///< "name=value name=value", the interim ones first.
  std::vector<std::string> trailers;
  std::string body;
  bool has_ended = false;
  std::optional<picket::http2::ErrorCode> closed;  ///< Both ways.
};

/// An end of HTTP/2 in the test's hands, at the far end of a connection. It moves its bytes while the test waits, and
/// only then, or in write().
class Http2End : private picket::http2::Events {
 public:
  using ErrorCode = picket::http2::ErrorCode;
  using StreamId = picket::http2::StreamId;
  /// What one stream may bring before this end gives credit.
  static constexpr std::size_t window = std::size_t{1024} * 1024;

  /// `takes_websockets`: of a server: clients may ask for them (RFC 8441).
  Http2End(picket::http2::Role role, transport::Worker& worker, FarEnd& far, bool takes_websockets = false)
      : worker_(worker),
        far_(far),
        connection_(role, {.stream_window = window, .extended_connect = takes_websockets}, *this) {}
  Http2End(const Http2End&) = delete;
  Http2End& operator=(const Http2End&) = delete;

  // ---- saying
  /// More of what this end sends on a stream that has a body.
  void say(StreamId id, std::string_view more) {
    bodies_.at(id)->bytes += more;
    connection_.resume(id);
  }
  void finish(StreamId id, base::Headers trailers = {}) { connection_.finish(id, trailers); }
  void reset(StreamId id, ErrorCode code = ErrorCode::cancel) { connection_.reset(id, code); }
  void go_away() { connection_.go_away(ErrorCode::no_error); }
  /// What of its body stands in no frame that has left.
  [[nodiscard]] std::size_t unsent(StreamId id) const { return bodies_.at(id)->bytes.size(); }
  /// Writes what it has to say; nobody has read it yet when this returns.
  void write() {
    std::array<iovec, 16> parts;
    while (connection_.has_output()) {
      std::string bytes;
      const std::size_t count = connection_.gather(parts);
      for (std::size_t i = 0; i < count; ++i)
        bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
      if (bytes.empty()) break;
      far_.send(bytes);
      connection_.wrote(bytes.size());
    }
  }

  // ---- hearing
  /// The peer may send no more on it than its window holds, until release().
  void hold(StreamId id) { held_.insert(id); }
  void release(StreamId id) {
    held_.erase(id);
    connection_.taken(id, heard_[id].body.size());
  }
  /// Whether it reads its socket.
  void read(bool reads) { reads_ = reads; }
  [[nodiscard]] const OnStream& heard(StreamId id) { return heard_[id]; }
  /// The last stream that is served, once that is said.
  [[nodiscard]] std::optional<StreamId> last_served() const noexcept { return last_served_; }

  /// Turns the other end until `holds()`; false where it never does.
  template <class Predicate>
  [[nodiscard]] bool until(Predicate holds) {
    return turn_until(worker_, [&] { return move(), holds(); });
  }
  [[nodiscard]] bool until_closed(StreamId id) {
    return until([&] { return heard_[id].closed.has_value(); });
  }
  /// Has both ends say what they have to say.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      move();
      worker_.turn(worker_.now());
    }
  }

 protected:
  ~Http2End() = default;

  struct Text final : picket::http2::Outgoing {
    [[nodiscard]] std::size_t size() const noexcept override { return bytes.size(); }
    [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
      if (skip >= bytes.size() || out.empty()) return 0;
      out.front() = {const_cast<char*>(bytes.data()) + skip, bytes.size() - skip};
      return 1;
    }
    void consume(std::size_t size) override { bytes.erase(0, size); }
    std::string bytes;
  };

  [[nodiscard]] picket::http2::Connection& connection() noexcept { return connection_; }
  /// What a stream's say() adds to.
  void keep(StreamId id, std::unique_ptr<Text> body) { bodies_.emplace(id, std::move(body)); }
  /// The last stream on which a head came first.
  [[nodiscard]] StreamId last_begun() const noexcept { return last_begun_; }

 private:
  void move() {
    write();
    if (!reads_) return;
    const std::string bytes = far_.take();
    EXPECT_TRUE(connection_.feed(bytes, worker_.now()));
  }

  void on_head(StreamId id, picket::http2::HeadKind kind, base::Headers fields, bool ends) override {
    std::string line;
    for (const auto& [name, value] : fields) line += fmt::format("{}{}={}", line.empty() ? "" : " ", name, value);
    OnStream& stream = heard_[id];
    if (stream.heads.empty()) last_begun_ = id;
    (kind == picket::http2::HeadKind::trailers ? stream.trailers : stream.heads).push_back(std::move(line));
    stream.has_ended = stream.has_ended || ends;
  }
  void on_data(StreamId id, std::string_view bytes) override {
    heard_[id].body += bytes;
    if (!held_.contains(id)) connection_.taken(id, bytes.size());
  }
  void on_end(StreamId id) override { heard_[id].has_ended = true; }
  void on_closed(StreamId id, ErrorCode code) override { heard_[id].closed = code; }
  void on_goaway(StreamId last, ErrorCode, std::string_view) override { last_served_ = last; }

  transport::Worker& worker_;
  FarEnd& far_;
  std::map<StreamId, std::unique_ptr<Text>> bodies_;
  std::map<StreamId, OnStream> heard_;
  std::set<StreamId> held_;
  std::optional<StreamId> last_served_;
  StreamId last_begun_ = 0;
  bool reads_ = true;
  picket::http2::Connection connection_;
};

}  // namespace picket::apps::gateway::testing
