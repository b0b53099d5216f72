#include "apps/cli/conform/grpc_pipe.hpp"

#include <array>

#include <fmt/format.h>

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform {

GrpcPipe::GrpcPipe(Line line, std::string_view path) : line_(std::move(line), http2::Role::client, *this) {
  const std::array<base::Header, 7> head{{{":method", "POST"},
                                          {":scheme", "http"},
                                          {":path", path},
                                          {":authority", "localhost"},
                                          {"te", "trailers"},
                                          {"content-type", "application/grpc"},
                                          {"user-agent", "picket-conform"}}};
  const auto stream = line_.connection().request(base::Headers(head), &body_);
  if (!stream) throw Skipped{stream.error().message()};
  stream_ = *stream;
}

base::Status GrpcPipe::write(std::string_view bytes, base::TimePoint deadline) {
  if (ended_) return base::fail(base::ErrorKind::connection_closed, *ended_);
  body_.add(bytes);
  line_.connection().resume(stream_);
  PICKET_TRY(line_.flush(deadline));
  // What the peer's window holds back leaves once the peer has read.
  while (body_.size() != 0 && !ended_)
    if (!read(deadline)) return base::fail(base::ErrorKind::timeout, "it does not read");
  return {};
}

Heard GrpcPipe::hear(base::TimePoint deadline) {
  const auto message = hear_bytes(deadline);
  if (!message) return ended_ ? Heard{Ended{*ended_}} : Heard{Silence{}};
  return open_message(wire::Envelope::agent_to_proxy, *message);
}

std::optional<std::string> GrpcPipe::hear_bytes(base::TimePoint deadline) {
  if (const auto flushed = line_.flush(deadline); !flushed) end(flushed.error().detail());
  while (received_.empty() && !ended_ && read(deadline)) {
  }
  if (received_.empty()) return std::nullopt;
  std::string message = std::move(received_.front());
  received_.pop_front();
  return message;
}

void GrpcPipe::end_writing() {
  line_.connection().finish(stream_);
  (void)line_.flush(base::Clock::now() + std::chrono::seconds{1}).has_value();
}

std::string GrpcPipe::field(std::string_view name) const {
  for (const auto& [key, value] : fields_)
    if (base::same_name(key, name)) return value;
  return {};
}

bool GrpcPipe::read(base::TimePoint deadline) {
  const auto came = line_.read(deadline);
  if (!came) end(came.error().detail());
  return !came || *came;
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
  line_.connection().taken(stream, bytes.size());
}

void GrpcPipe::on_end(http2::StreamId) {
  end(fmt::format("it ended the call with grpc-status {}", field("grpc-status")));
}

void GrpcPipe::on_closed(http2::StreamId, http2::ErrorCode code) {
  end(fmt::format("it ended the call: {}", http2::name(code)));
}

}  // namespace picket::apps::cli::conform
