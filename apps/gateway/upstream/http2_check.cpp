#include "apps/gateway/upstream/http2_check.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace picket::apps::gateway::upstream {
namespace {

using base::ErrorKind;
using base::fail;
using picket::http2::ErrorCode;
using picket::http2::HeadKind;
using picket::http2::StreamId;

// A message of gRPC: not compressed, four bytes of length, and nothing: HealthCheckRequest without a service.
constexpr std::string_view question{"\0\0\0\0\0", 5};
// HealthCheckResponse with status SERVING, behind the same.
constexpr std::string_view serving{"\0\0\0\0\2\x08\1", 7};

constexpr picket::http2::Limits limits{.stream_window = 65'535,
                                       .connection_window = 65'535,
                                       .frame_size = 16'384,
                                       .concurrent_streams = 0,
                                       .head_size = 64 * 1024,
                                       .idle_frames = 400,
                                       .queued = std::size_t{16} * 1024};

}  // namespace

Http2Check::Http2Check(transport::Channel channel, const config::HealthCheck& terms, std::string authority, Done done)
    : terms_(terms),
      authority_(std::move(authority)),
      done_(std::move(done)),
      body_(is_grpc() ? question : std::string_view{}),
      scheme_(channel.is_plain() ? "http" : "https"),
      link_(std::make_shared<transport::Http2Link>(std::move(channel), picket::http2::Role::client, limits,
                                                   static_cast<transport::Http2Link::Owner&>(*this))) {}

void Http2Check::cancel() noexcept {
  done_ = nullptr;
  link_->close(shared_from_this());
}

void Http2Check::on_connected() {
  const std::string_view path = is_grpc() ? "/grpc.health.v1.Health/Check" : std::string_view{terms_.path};
  const std::array<base::Header, 7> head{{{":method", is_grpc() ? "POST" : "GET"},
                                          {":scheme", scheme_},
                                          {":authority", authority_},
                                          {":path", path},
                                          {"user-agent", "picket-health-check"},
                                          {"te", "trailers"},
                                          {"content-type", "application/grpc"}}};
  const auto fields = std::span{head}.first(is_grpc() ? 7 : 5);
  const auto stream = link_->connection().request(base::Headers(fields), is_grpc() ? this : nullptr);
  if (!stream) return end(stream.error());
  if (is_grpc()) link_->connection().finish(*stream);
}

void Http2Check::on_head(StreamId, HeadKind kind, base::Headers fields, bool) {
  if (kind == HeadKind::interim) return;
  if (kind == HeadKind::head) status_ = fields.find(":status").value_or("");
  if (const auto grpc_status = fields.find("grpc-status")) grpc_status_ = *grpc_status;
  if (!is_grpc()) end(verdict());
}

void Http2Check::on_data(StreamId id, std::string_view bytes) {
  if (done_ == nullptr) return;
  answer_.append(bytes.substr(0, serving.size() - std::min(serving.size(), answer_.size())));
  link_->connection().taken(id, bytes.size());
}

void Http2Check::on_end(StreamId) { end(verdict()); }

void Http2Check::on_closed(StreamId, ErrorCode code) {
  end(fail(ErrorKind::invalid_message, fmt::format("the check's stream was reset: {}", name(code))));
}

void Http2Check::on_over(const base::Error& reason) { end(reason); }

std::size_t Http2Check::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  if (skip >= body_.size() || out.empty()) return 0;
  out.front() = {const_cast<char*>(body_.data()) + skip, body_.size() - skip};  // it is only read
  return 1;
}

base::Status Http2Check::verdict() const {
  const std::string expected = is_grpc() ? "200" : fmt::format("{}", terms_.expected_status);
  if (status_ != expected)
    return fail(ErrorKind::invalid_message, fmt::format("status {} in place of {}", status_, expected));
  if (!is_grpc() || (grpc_status_ == "0" && answer_ == serving)) return {};
  if (grpc_status_ == "0") return fail(ErrorKind::invalid_message, "the service says that it is not serving");
  return fail(ErrorKind::invalid_message,
              fmt::format("grpc-status {} in place of 0", grpc_status_.empty() ? "none" : grpc_status_.substr(0, 16)));
}

void Http2Check::end(const base::Status& outcome) {
  const Done done = std::exchange(done_, nullptr);
  if (!done) return;
  link_->close(shared_from_this());
  done(outcome);
}

}  // namespace picket::apps::gateway::upstream
