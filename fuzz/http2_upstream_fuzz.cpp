#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "fuzz/check.hpp"
#include "picket/base/buffer.hpp"
#include "picket/http/fields.hpp"
#include "picket/http/http2_response.hpp"
#include "picket/http/response_head.hpp"
#include "picket/http/trailers.hpp"
#include "picket/http2/connection.hpp"

namespace base = picket::base;
namespace http = picket::http;
namespace http2 = picket::http2;
using picket::fuzz::require;

namespace {

constexpr http2::Limits limits{.stream_window = 65'535,
                               .connection_window = 65'535 * 4,
                               .frame_size = 16'384,
                               .concurrent_streams = 0,
                               .head_size = 4096,
                               .idle_frames = 400,
                               .queued = 65'536};
constexpr http::HeadLimits head_limits{.max_size = 64 * 1024, .max_fields = 1000};
constexpr std::size_t most_output = 16 << 20;
constexpr int requests = 3;

/// What goes down to HTTP/1.1 is read there as what it is.
void check_answer(const http::ResponseHead& head) {
  base::Arena arena;
  base::Buffer out;
  http::write_status_line(out, head.status, "x");
  for (const auto& field : head.headers) http::write_field(out, field.name, field.value);
  out.append("\r\n");
  const auto again = http::read_response_head(out.text(), head_limits, false, arena);
  require(again.has_value(), "a head that passes is one of HTTP/1.1");
  require(again->status == head.status && std::ranges::equal(again->headers, head.headers),
          "a head that passes is the same in HTTP/1.1");
}

/// A gateway that has asked a few times, and reads half of the answers only.
class Gateway final : public http2::Events {
 public:
  void on_head(http2::StreamId id, http2::HeadKind kind, base::Headers fields, bool ends) override {
    require(unread_.contains(id), "nobody answers what was not asked");
    if (kind == http2::HeadKind::trailers) {
      for (const auto& field : fields) (void)http::may_be_trailer(field);
      return;
    }
    base::Arena arena;
    const auto read = http::read_http2_response(fields, ends, false, head_limits, arena);
    if (read) check_answer(*read);
  }
  void on_data(http2::StreamId id, std::string_view bytes) override {
    std::size_t& unread = unread_.at(id);
    unread += bytes.size();
    require(unread <= limits.stream_window, "no more comes than the window lets");
    if (id % 4 != 1) return;
    connection->taken(id, unread);
    unread = 0;
  }
  void on_end(http2::StreamId) override {}
  void on_closed(http2::StreamId id, http2::ErrorCode) override { unread_.erase(id); }
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}

  void ask() {
    static constexpr std::array<base::Header, 4> head{
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}};
    const auto stream = connection->request(base::Headers(head), nullptr);
    require(stream.has_value(), "a new connection takes requests");
    unread_.emplace(*stream, 0);
  }

  http2::Connection* connection = nullptr;

 private:
  std::map<http2::StreamId, std::size_t> unread_;
};

std::size_t write_all(http2::Connection& connection) {
  std::array<iovec, 16> parts{};
  std::size_t output = 0;
  while (connection.has_output()) {
    std::size_t written = 0;
    for (const iovec& part : std::span{parts}.first(connection.gather(parts))) written += part.iov_len;
    if (written == 0) break;
    connection.wrote(written);
    output += written;
  }
  return output;
}

}  // namespace

/// The first byte says in which pieces the rest comes, behind the server's SETTINGS.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  constexpr std::string_view settings{"\0\0\0\4\0\0\0\0\0", 9};
  const std::string text = std::string{settings} + std::string{picket::fuzz::text_of(data + 1, size - 1)};
  Gateway events;
  http2::Connection connection{http2::Role::client, limits, events};
  events.connection = &connection;
  for (int i = 0; i < requests; ++i) events.ask();
  const base::TimePoint now{std::chrono::hours{1}};
  std::size_t output = write_all(connection);
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const bool goes_on = connection.feed(std::string_view{text}.substr(at, piece), now).has_value();
    output += write_all(connection);
    if (!goes_on) break;
  }
  require(output <= most_output, "little in makes little out");
  return 0;
}
