#pragma once

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/conform/grpc_message.hpp"
#include "apps/cli/conform/http2_line.hpp"
#include "apps/cli/conform/pipe.hpp"
#include "picket/transport/grpc_stream.hpp"

namespace picket::apps::cli::conform {

/// One call of gRPC on a connection of its own (protocol.md §9), as a client.
///
/// Not movable: the HTTP/2 connection refers to it.
class GrpcPipe final : public Pipe, private http2::Events {
 public:
  explicit GrpcPipe(Line line, std::string_view path = transport::process_stream);
  GrpcPipe(const GrpcPipe&) = delete;
  GrpcPipe& operator=(const GrpcPipe&) = delete;
  ~GrpcPipe() override = default;

  [[nodiscard]] const wire::Framing& framing() const noexcept override { return grpc_framing; }
  [[nodiscard]] wire::Encoding opening_encoding() const noexcept override { return wire::Encoding::protobuf; }
  [[nodiscard]] std::string framed(wire::FrameType type, std::string_view payload) const override {
    return grpc_message(type, payload);
  }
  [[nodiscard]] base::Status write(std::string_view bytes, base::TimePoint deadline) override;
  [[nodiscard]] Heard hear(base::TimePoint deadline) override;
  void end_writing() override;
  void reset() override { line_.reset(); }

  /// The next message, whatever it is; none where the call ends, or the deadline comes.
  [[nodiscard]] std::optional<std::string> hear_bytes(base::TimePoint deadline);
  /// A field of the answer's head or of its trailers; empty where it has not come.
  [[nodiscard]] std::string field(std::string_view name) const;
  [[nodiscard]] bool has_ended() const noexcept { return ended_.has_value(); }

 private:
  void on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(http2::StreamId stream, std::string_view bytes) override;
  void on_end(http2::StreamId stream) override;
  void on_closed(http2::StreamId stream, http2::ErrorCode code) override;
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}

  void end(std::string how);
  /// Whether something came.
  bool read(base::TimePoint deadline);

  PendingBytes body_;
  Http2Line line_;
  http2::StreamId stream_ = 0;
  http2::GrpcMessages messages_;
  std::deque<std::string> received_;
  std::vector<std::pair<std::string, std::string>> fields_;
  std::optional<std::string> ended_;
};

}  // namespace picket::apps::cli::conform
