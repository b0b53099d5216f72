#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/cli/conform/grpc_message.hpp"
#include "apps/cli/conform/http2_line.hpp"
#include "apps/cli/conform/pipe.hpp"

namespace picket::apps::cli::conform::proxies {

/// A field of a head, with memory of its own.
struct HeadField {
  std::string name;
  std::string value;
};

/// A call of ProcessStream, as the server has it.
struct GrpcCall {
  PendingBytes body;
  std::vector<HeadField> head;
  http2::GrpcMessages messages;
  std::deque<std::string> received;
  std::optional<std::string> ended;
  bool is_answered = false;  ///< The head of the answer is on its way.
};

/// When the head of an answer is sent: at once, or with the first message behind it.
enum class HeadOfAnswer : std::uint8_t { at_once, with_message };

/// A connection of a proxy that calls an agent on gRPC (protocol.md §9): its calls of ProcessStream are conversations.
/// Health/Check is answered, ControlStream heard in silence, and any other method is UNIMPLEMENTED.
///
/// Thread safety and lifetime: its worker's; shared with its calls.
class GrpcServer final : public std::enable_shared_from_this<GrpcServer>, private http2::Events {
 public:
  GrpcServer(Line line, HeadOfAnswer head) : line_(std::move(line), http2::Role::server, *this), head_(head) {}
  GrpcServer(const GrpcServer&) = delete;
  GrpcServer& operator=(const GrpcServer&) = delete;
  ~GrpcServer() = default;

  /// Takes what is there.
  void read();
  /// The conversations that have begun since it was asked last.
  [[nodiscard]] std::vector<std::unique_ptr<Pipe>> arrivals();
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }

  // ---- for its calls
  [[nodiscard]] base::Status write(http2::StreamId id, std::string_view bytes, base::TimePoint deadline);
  /// Ends a call as a server does that has no more to say.
  void finish(http2::StreamId id, std::string_view grpc_status);
  /// Says that it takes no other call; those that are there go on.
  void go_away();
  void reset();

 private:
  void on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool ends) override;
  void on_data(http2::StreamId stream, std::string_view bytes) override;
  void on_end(http2::StreamId stream) override;
  void on_closed(http2::StreamId stream, http2::ErrorCode code) override;
  void on_goaway(http2::StreamId, http2::ErrorCode, std::string_view) override {}

  void begin(http2::StreamId stream, base::Headers fields);
  [[nodiscard]] PendingBytes* bytes_of_other(http2::StreamId stream);
  void answer_health(http2::StreamId stream);
  void respond(http2::StreamId stream, GrpcCall& call);
  void end(http2::StreamId stream, std::string how);
  void flush();

  // Before the connection: it refers to the calls' bytes.
  std::map<http2::StreamId, std::shared_ptr<GrpcCall>> calls_;
  std::map<http2::StreamId, std::unique_ptr<PendingBytes>> others_;
  std::vector<http2::StreamId> new_;
  Http2Line line_;
  HeadOfAnswer head_;
  bool has_ended_ = false;
};

/// One conversation of a GrpcServer's.
class ServedCall final : public Pipe {
 public:
  ServedCall(std::shared_ptr<GrpcServer> server, http2::StreamId id, std::shared_ptr<GrpcCall> call) noexcept
      : server_(std::move(server)), id_(id), call_(std::move(call)) {}

  [[nodiscard]] const wire::Framing& framing() const noexcept override { return grpc_framing; }
  [[nodiscard]] wire::Encoding opening_encoding() const noexcept override { return wire::Encoding::protobuf; }
  [[nodiscard]] std::string framed(wire::FrameType type, std::string_view payload) const override {
    return grpc_message(type, payload);
  }
  [[nodiscard]] base::Status write(std::string_view bytes, base::TimePoint deadline) override {
    return server_->write(id_, bytes, deadline);
  }
  /// What is there; it does not wait.
  [[nodiscard]] Heard hear(base::TimePoint deadline) override;
  void end_writing() override { server_->finish(id_, "0"); }
  void reset() override { server_->reset(); }

  [[nodiscard]] GrpcServer& server() noexcept { return *server_; }
  [[nodiscard]] http2::StreamId id() const noexcept { return id_; }
  [[nodiscard]] const std::vector<HeadField>& head() const noexcept { return call_->head; }

 private:
  std::shared_ptr<GrpcServer> server_;
  http2::StreamId id_;
  std::shared_ptr<GrpcCall> call_;
};

}  // namespace picket::apps::cli::conform::proxies
