#include "apps/cli/conform/grpc_pipe.hpp"

#include <array>

#include <fmt/format.h>

#include "apps/cli/conform/violation.hpp"
#include "picket/wire/envelope.hpp"

namespace picket::apps::cli::conform {
namespace {

constexpr wire::Framing message_framing{
    .header_size = http2::grpc_prefix_size,
    .write_header = [](char* out, wire::FrameType, std::size_t size) noexcept { http2::write_grpc_prefix(out, size); }};

}  // namespace

std::size_t GrpcPipe::Body::gather(std::size_t skip, std::span<iovec> out) const noexcept {
  if (skip >= bytes_.size() || out.empty()) return 0;
  out[0] = {const_cast<char*>(bytes_.data()) + skip, bytes_.size() - skip};
  return 1;
}

GrpcPipe::GrpcPipe(Line line, std::string_view path)
    : line_(std::move(line)), connection_(http2::Role::client, http2::Limits{}, *this) {
  const std::array<base::Header, 7> head{{{":method", "POST"},
                                          {":scheme", "http"},
                                          {":path", path},
                                          {":authority", "localhost"},
                                          {"te", "trailers"},
                                          {"content-type", "application/grpc"},
                                          {"user-agent", "picket-conform"}}};
  const auto stream = connection_.request(base::Headers(head), &body_);
  if (!stream) throw Skipped{stream.error().message()};
  stream_ = *stream;
}

const wire::Framing& GrpcPipe::framing() const noexcept { return message_framing; }

base::Status GrpcPipe::write(std::string_view bytes, base::TimePoint deadline) {
  if (ended_) return base::fail(base::ErrorKind::connection_closed, *ended_);
  body_.add(bytes);
  connection_.resume(stream_);
  PICKET_TRY(flush(deadline));
  // What the peer's window holds back leaves once the peer has read.
  while (body_.size() != 0 && !ended_)
    if (!read(deadline)) return base::fail(base::ErrorKind::timeout, "it does not read");
  return {};
}

Heard GrpcPipe::hear(base::TimePoint deadline) {
  const auto message = hear_bytes(deadline);
  if (!message) return ended_ ? Heard{Ended{*ended_}} : Heard{Silence{}};
  std::string padded = *message;
  padded.resize(message->size() + base::limits::tail_padding);
  const auto frame =
      wire::open_envelope(wire::Envelope::agent_to_proxy, std::string_view{padded}.substr(0, message->size()));
  if (!frame) throw Violation{"it sent " + frame.error().detail()};
  return Frame{*frame};
}

std::optional<std::string> GrpcPipe::hear_bytes(base::TimePoint deadline) {
  if (const auto flushed = flush(deadline); !flushed) end(flushed.error().detail());
  while (received_.empty() && !ended_ && read(deadline)) {
  }
  if (received_.empty()) return std::nullopt;
  std::string message = std::move(received_.front());
  received_.pop_front();
  return message;
}

void GrpcPipe::end_writing() {
  connection_.finish(stream_);
  (void)flush(base::Clock::now() + std::chrono::seconds{1}).has_value();
}

std::string GrpcPipe::field(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (base::same_name(key, name)) return value;
  return {};
}

base::Status GrpcPipe::flush(base::TimePoint deadline) {
  constexpr std::size_t most_parts = 64;
  std::array<iovec, most_parts> parts;
  while (connection_.has_output()) {
    const std::size_t count = connection_.gather(parts);
    if (count == 0) break;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string_view part{static_cast<const char*>(parts[i].iov_base), parts[i].iov_len};
      PICKET_TRY(line_.write(part, deadline));
      connection_.wrote(part.size());
    }
  }
  return {};
}

bool GrpcPipe::read(base::TimePoint deadline) {
  base::Buffer bytes;
  switch (line_.read(bytes, deadline)) {
    case Line::Got::nothing: return false;
    case Line::Got::end: end("it closed the connection"); return true;
    case Line::Got::bytes: break;
  }
  if (const auto fed = connection_.feed(bytes.text(), base::Clock::now()); !fed) end(fed.error().detail());
  if (const auto flushed = flush(deadline); !flushed) end(flushed.error().detail());
  return true;
}

void GrpcPipe::end(std::string how) {
  if (!ended_) ended_ = std::move(how);
}

// ---- what the connection says

void GrpcPipe::on_head(http2::StreamId, http2::HeadKind kind, base::Headers fields, bool ends) {
  if (kind == http2::HeadKind::interim) return;
  for (const auto& [name, value] : fields) fields_.emplace_back(name, value);
  if (ends) end(fmt::format("it ended the call with grpc-status {}", field("grpc-status")));
}

void GrpcPipe::on_data(http2::StreamId stream, std::string_view bytes) {
  const auto status = messages_.feed(bytes, [this](std::string_view message) -> base::Status {
    received_.emplace_back(message);
    return {};
  });
  if (!status) end(status.error().detail());
  connection_.taken(stream, bytes.size());
}

void GrpcPipe::on_end(http2::StreamId) {
  end(fmt::format("it ended the call with grpc-status {}", field("grpc-status")));
}

void GrpcPipe::on_closed(http2::StreamId, http2::ErrorCode code) {
  end(fmt::format("it ended the call: {}", http2::name(code)));
}

}  // namespace picket::apps::cli::conform
