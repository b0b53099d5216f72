#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "picket/base/buffer.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/http2_request.hpp"
#include "picket/http2/connection.hpp"

namespace base = picket::base;
namespace http = picket::http;
namespace http2 = picket::http2;
using picket::fuzz::require;

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr http2::Limits limits{.stream_window = 65'535,
                               .connection_window = 65'535 * 4,
                               .frame_size = 16'384,
                               .concurrent_streams = 4,
                               .head_size = 4096,
                               .idle_frames = 400,
                               .queued = 65'536,
                               .extended_connect = true};
constexpr std::size_t most_output = 16 << 20;

/// What goes down to HTTP/1.1 is read there as what it is.
void check_request(const http::RequestHead& head) {
  base::Arena arena;
  base::Buffer out;
  http::write_request_line(out, head.method, head.target);
  for (const auto& field : head.headers) http::write_field(out, field.name, field.value);
  out.append("\r\n");
  const auto again = http::read_request_head(out.text(), {}, arena);
  require(!again.error, "a head that passes is one of HTTP/1.1");
  require(again.head.method == head.method && again.head.target == head.target && again.head.framing == head.framing &&
              std::ranges::equal(again.head.headers, head.headers),
          "a head that passes is the same in HTTP/1.1");
}

/// A gateway that answers each request once it is whole, with its body, and reads half of the bodies only.
class Gateway final : public http2::Events, public http2::Outgoing {
 public:
  void on_head(http2::StreamId id, http2::HeadKind kind, base::Headers fields, bool ends) override {
    require(kind != http2::HeadKind::interim, "requests have no interim heads");
    if (kind == http2::HeadKind::trailers) return;
    require(unread_.emplace(id, 0).second, "a stream has one head");
    require(unread_.size() <= limits.concurrent_streams, "no more streams than allowed");
    base::Arena arena;
    const auto read = http::read_http2_request(fields, ends, {}, arena);
    if (!read.error) check_request(read.head);
  }
  void on_data(http2::StreamId id, std::string_view bytes) override {
    const auto stream = unread_.find(id);
    require(stream != unread_.end(), "bytes belong to a stream that has a head and is not over");
    stream->second += bytes.size();
    require(stream->second <= limits.stream_window, "no more comes than the window lets");
    if (id % 4 != 1) return;
    connection->taken(id, stream->second);
    stream->second = 0;
  }
  void on_end(http2::StreamId id) override {
    static constexpr std::array<base::Header, 1> head{{{":status", "200"}}};
    connection->respond(id, base::Headers(head), this);
    connection->finish(id);
  }
  void on_closed(http2::StreamId id, http2::ErrorCode) override { unread_.erase(id); }
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}

  [[nodiscard]] std::size_t size() const noexcept override { return 0; }
  [[nodiscard]] std::size_t gather(std::size_t, std::span<iovec>) const noexcept override { return 0; }
  void consume(std::size_t) override {}

  http2::Connection* connection = nullptr;

 private:
  std::map<http2::StreamId, std::size_t> unread_;
};

}  // namespace

/// The first byte says in which pieces the rest comes, behind a preface.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const std::string text = std::string{preface} + std::string{picket::fuzz::text_of(data + 1, size - 1)};
  Gateway events;
  http2::Connection connection{http2::Role::server, limits, events};
  events.connection = &connection;
  const base::TimePoint now{std::chrono::hours{1}};
  std::size_t output = 0;
  std::array<iovec, 16> parts{};
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const bool goes_on = connection.feed(std::string_view{text}.substr(at, piece), now).has_value();
    while (connection.has_output()) {
      std::size_t written = 0;
      for (const iovec& part : std::span{parts}.first(connection.gather(parts))) written += part.iov_len;
      if (written == 0) break;
      connection.wrote(written);
      output += written;
    }
    if (!goes_on) break;
  }
  require(output <= most_output, "little in makes little out");
  return 0;
}
