#include "picket/transport/grpc_server.hpp"

#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "picket/session/quote.hpp"
#include "picket/transport/grpc_status.hpp"

namespace picket::transport {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::string_view service = "zentinel.agent.v2.AgentServiceV2";
constexpr std::string_view health_check = "/grpc.health.v1.Health/Check";
constexpr std::string_view health_watch = "/grpc.health.v1.Health/Watch";

constexpr std::array<base::Header, 2> answer_head{{{":status", "200"}, {"content-type", "application/grpc"}}};

/// grpc.health.v1.HealthCheckResponse.ServingStatus
enum class ServingStatus : std::uint8_t { serving = 1, not_serving = 2, service_unknown = 3 };

/// A status in the form of trailers, or of a head that is all there is.
class Ending {
 public:
  Ending(GrpcStatus status, std::string_view message)
      : status_(fmt::to_string(static_cast<int>(status))), message_(grpc_message(message)) {}
  /// Views of what it holds.
  [[nodiscard]] std::vector<base::Header> fields() const& {
    std::vector<base::Header> result{{"grpc-status", status_}};
    if (!message_.empty()) result.push_back({"grpc-message", message_});
    return result;
  }

 private:
  std::string status_;
  std::string message_;
};

/// Bytes that are all there already.
class Bytes final : public http2::Outgoing {
 public:
  void add(std::string_view bytes) { bytes_.append(bytes); }
  [[nodiscard]] std::size_t size() const noexcept override { return bytes_.size(); }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
    if (skip >= bytes_.size() || out.empty()) return 0;
    out[0] = {const_cast<char*>(bytes_.data()) + skip, bytes_.size() - skip};
    return 1;
  }
  void consume(std::size_t size) override { bytes_.consume(size); }

 private:
  base::Buffer bytes_;
};

/// The service that a HealthCheckRequest names: its field 1. None where it is no such message.
std::optional<std::string_view> asked_service(std::string_view message) {
  if (message.empty()) return "";
  const bool names_one = message.size() >= 2 && message[0] == 0x0a && message[1] >= 0 &&
                         message.size() == 2U + static_cast<std::size_t>(message[1]);
  return names_one ? std::optional{message.substr(2)} : std::nullopt;
}

}  // namespace

/// One call of a client. Lifetime: until its stream is closed.
class GrpcServer::Call {
 public:
  virtual ~Call() = default;
  virtual void on_data(std::string_view bytes) = 0;
  virtual void on_end() = 0;
  virtual void on_broken(const base::Error& reason) = 0;
  /// What is said to whoever asks whether the agent serves has changed.
  virtual void on_serving_changed() {}
};

/// A conversation.
class GrpcServer::ProcessStream final : public GrpcStream<session::AgentSession>, public Call {
 public:
  ProcessStream(Http2Link& http2, std::unique_ptr<session::AgentOpening> opening, AgentLink::Owner& owner)
      : GrpcStream(http2.worker(), std::move(opening), wire::Envelope::proxy_to_agent, owner), http2_(&http2) {}

  void start(http2::StreamId stream) {
    // The head goes out at once: some proxies send their handshake only once they have it.
    http2_->connection().respond(stream, base::Headers(answer_head), &body());
    begin(*http2_, stream);
    http2_->flush_later();
  }

  void on_data(std::string_view bytes) override { GrpcStream::on_data(bytes); }
  void on_end() override { on_ended(fail(ErrorKind::connection_closed, "the proxy ended the stream")); }
  void on_broken(const base::Error& reason) override {
    is_broken_ = true;
    on_ended(reason);
  }

 private:
  void end_stream(const base::Error* reason) noexcept override {
    if (is_broken_) return;
    const Ending ending(reason == nullptr ? GrpcStatus::ok : grpc_status(reason->kind()),
                        reason == nullptr ? "" : reason->detail());
    const auto fields = ending.fields();
    http2_->connection().finish(id(), base::Headers(fields));
    http2_->flush_later();
  }

  Http2Link* http2_;
  bool is_broken_ = false;
};

/// Check answers once, Watch answers and stays.
class GrpcServer::HealthCall final : public Call {
 public:
  HealthCall(Http2Link& http2, http2::StreamId stream, bool stays, const bool& is_serving)
      : http2_(http2), stream_(stream), stays_(stays), is_serving_(is_serving) {}

  void on_data(std::string_view bytes) override {
    http2_.connection().taken(stream_, bytes.size());
    const auto status = messages_.feed(bytes, [this](std::string_view message) -> base::Status {
      if (has_asked_) return fail(ErrorKind::invalid_message, "a second request");
      has_asked_ = true;
      answer(asked_service(message));
      return {};
    });
    if (!status) end(GrpcStatus::invalid_argument, status.error().detail());
  }
  void on_end() override {
    if (!has_asked_) end(GrpcStatus::invalid_argument, "the call ended without a request");
  }
  void on_broken(const base::Error&) override { has_ended_ = true; }
  void on_serving_changed() override {
    if (is_known_ && !has_ended_) say(is_serving_ ? ServingStatus::serving : ServingStatus::not_serving);
  }

 private:
  void answer(std::optional<std::string_view> name) {
    if (!name) return end(GrpcStatus::invalid_argument, "the request is no HealthCheckRequest");
    const bool is_known = name->empty() || *name == service;
    if (!is_known && !stays_) return end(GrpcStatus::not_found, "no such service");
    is_known_ = is_known;
    say(!is_known ? ServingStatus::service_unknown : is_serving_ ? ServingStatus::serving : ServingStatus::not_serving);
    if (!stays_) end(GrpcStatus::ok, "");
  }

  /// A HealthCheckResponse.
  void say(ServingStatus status) {
    std::array<char, http2::grpc_prefix_size + 2> bytes{};
    http2::write_grpc_prefix(bytes.data(), 2);
    bytes[http2::grpc_prefix_size] = 0x08;
    bytes[http2::grpc_prefix_size + 1] = static_cast<char>(status);
    body_.add({bytes.data(), bytes.size()});
    begin();
    http2_.connection().resume(stream_);
    http2_.flush_later();
  }

  void begin() {
    if (std::exchange(has_begun_, true)) return;
    http2_.connection().respond(stream_, base::Headers(answer_head), &body_);
  }

  void end(GrpcStatus status, std::string_view message) {
    if (std::exchange(has_ended_, true)) return;
    begin();
    const Ending ending(status, message);
    const auto fields = ending.fields();
    http2_.connection().finish(stream_, base::Headers(fields));
    http2_.flush_later();
  }

  Http2Link& http2_;
  http2::StreamId stream_;
  bool stays_;
  const bool& is_serving_;
  http2::GrpcMessages messages_;
  Bytes body_;
  bool has_asked_ = false;
  bool is_known_ = false;  // it was asked about a service that is here
  bool has_begun_ = false;
  bool has_ended_ = false;
};

/// One that was answered with its head.
class GrpcServer::RefusedCall final : public Call {
 public:
  RefusedCall(Http2Link& http2, http2::StreamId stream) : http2_(http2), stream_(stream) {}
  void on_data(std::string_view bytes) override { http2_.connection().taken(stream_, bytes.size()); }
  void on_end() override {}
  void on_broken(const base::Error&) override {}

 private:
  Http2Link& http2_;
  http2::StreamId stream_;
};

GrpcServer::GrpcServer(Channel channel, std::function<void(const MakeAgentLink&)> serve,
                       std::function<void(GrpcServer&)> on_over)
    : serve_(std::move(serve)),
      told_over_(std::move(on_over)),
      http2_(std::make_shared<Http2Link>(std::move(channel), http2::Role::server, http2::Limits{}, *this)) {}

GrpcServer::~GrpcServer() { close(); }

void GrpcServer::start() { http2_->serve(); }

void GrpcServer::drain() {
  if (std::exchange(is_draining_, true)) return;
  http2_->connection().go_away(http2::ErrorCode::no_error);
  set_serving(false);
  http2_->flush_later();
}

void GrpcServer::set_serving(bool is_serving) {
  if (is_draining_ && is_serving) return;
  if (std::exchange(is_serving_, is_serving) == is_serving) return;
  for (const auto& [stream, call] : calls_) call->on_serving_changed();
}

void GrpcServer::close() {
  if (!http2_->is_open()) return;
  end_calls(fail(ErrorKind::unavailable, "the agent ends"));
  http2_->close(std::make_shared<decltype(calls_)>(std::move(calls_)));
}

void GrpcServer::on_head(http2::StreamId stream, http2::HeadKind kind, base::Headers fields, bool) {
  if (kind == http2::HeadKind::head) calls_[stream] = make_call(stream, fields);
}

std::shared_ptr<GrpcServer::Call> GrpcServer::make_call(http2::StreamId stream, base::Headers head) {
  const auto refuse = [&](base::Headers answer) {
    http2_->connection().respond(stream, answer, nullptr);
    return std::make_shared<RefusedCall>(*http2_, stream);
  };
  const std::string_view path = head.find(":path").value_or("");
  const bool is_grpc =
      head.find(":method") == "POST" && head.find("content-type").value_or("").starts_with("application/grpc");
  if (!is_grpc) {
    static constexpr std::array<base::Header, 1> unsupported{{{":status", "415"}}};
    return refuse(base::Headers(unsupported));
  }
  if (path == health_check || path == health_watch)
    return std::make_shared<HealthCall>(*http2_, stream, path == health_watch, is_serving_);
  if (path == process_stream) {
    std::shared_ptr<ProcessStream> made;
    serve_([&](std::unique_ptr<session::AgentOpening> opening, AgentLink::Owner& owner) {
      made = std::make_shared<ProcessStream>(*http2_, std::move(opening), owner);
      return std::static_pointer_cast<AgentLink>(made);
    });
    made->start(stream);
    return made;
  }
  const Ending answer(GrpcStatus::unimplemented, fmt::format("no such method: {}", session::printable(path, 128)));
  auto fields = answer.fields();
  fields.insert(fields.begin(), answer_head.begin(), answer_head.end());
  return refuse(base::Headers(fields));
}

void GrpcServer::on_data(http2::StreamId stream, std::string_view bytes) {
  if (const auto found = calls_.find(stream); found != calls_.end()) std::shared_ptr(found->second)->on_data(bytes);
}

void GrpcServer::on_end(http2::StreamId stream) {
  if (const auto found = calls_.find(stream); found != calls_.end()) std::shared_ptr(found->second)->on_end();
}

void GrpcServer::on_closed(http2::StreamId stream, http2::ErrorCode code) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  const auto call = std::move(found->second);
  calls_.erase(found);
  call->on_broken(fail(ErrorKind::connection_closed, fmt::format("the stream ended: {}", http2::name(code))));
}

void GrpcServer::on_over(const base::Error& reason) {
  const auto self = shared_from_this();
  end_calls(reason);
  http2_->close(std::make_shared<decltype(calls_)>(std::move(calls_)));
  if (const auto told = std::exchange(told_over_, nullptr)) told(*this);
}

void GrpcServer::end_calls(const base::Error& reason) {
  const auto calls = calls_;  // what ends may call back
  for (const auto& [stream, call] : calls) call->on_broken(reason);
}

}  // namespace picket::transport
