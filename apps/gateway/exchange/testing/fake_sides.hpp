#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/gateway/exchange/client_side.hpp"
#include "apps/gateway/exchange/upstream_side.hpp"
#include "apps/gateway/websocket/testing/fake_end.hpp"
#include "picket/transport/cancel.hpp"
#include "picket/transport/worker.hpp"

/// Sides of an exchange that a test plays: streams of a connection that serves several, as HTTP/2 has them. Nothing
/// happens by itself, and each thing that peers do is a call.
namespace picket::apps::gateway::exchange::testing {

using websocket::testing::broken;
using websocket::testing::FakeEnd;
using websocket::testing::Gate;
using websocket::testing::Incoming;

/// Counts what is done to read and write, and fails one of it.
class Steps {
 public:
  static constexpr int none = -1;
  explicit Steps(int failing = none) : failing_(failing) {}
  [[nodiscard]] bool next_fails() { return taken_++ == failing_; }
  [[nodiscard]] int taken() const { return taken_; }

 private:
  int failing_;
  int taken_ = 0;
};

inline std::vector<std::string> names_of(const http::FieldList& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields.items()) names.emplace_back(field.name);
  return names;
}

/// The one that a head says of its body; empty: none.
inline std::string coding_of(const http::FieldList& fields) {
  const auto* const coding = http::find(fields, "content-encoding");
  return coding != nullptr ? std::string{coding->value} : std::string{};
}

inline std::optional<std::uint64_t> announced_by(const BodyLength& length) {
  return length.kind == BodyLength::Kind::known ? std::optional{length.bytes} : std::nullopt;
}

class FakeClient final : public ClientSide {
 public:
  /// `whole`: the body, where it has come with its head (ADR 0010); the client sends no more of it then.
  FakeClient(transport::Worker& worker, http::RequestHead request, Steps& steps, std::optional<std::string> whole = {})
      : body(worker), tunnelled(worker), request_(request), steps_(steps), whole_(std::move(whole)), writable_(worker) {
    if (whole_) body.push(*whole_);
    if (whole_ || !request.has_body()) body.end();
  }
  ~FakeClient() = default;

  // What the client does.
  Incoming body;
  FakeEnd tunnelled;  ///< Once it has switched to WebSocket.
  void leaves() { left_ = true, on_gone_(); }
  void stalls() { stalled_ = true; }
  void goes_on() { stalled_ = false, writable_.open(); }

  // What it got.
  std::optional<std::uint16_t> status;     ///< Once the head has left.
  std::string answer;                      ///< Its body.
  std::optional<std::uint64_t> announced;  ///< Its size, where the head says it.
  std::string coding;                      ///< Of it, as the head says.
  bool answer_ended = false;
  std::optional<ResetCode> was_reset;
  std::vector<std::uint16_t> interims;
  bool wrote_after_the_end = false;
  std::vector<std::string> got_behind;  ///< Names of trailers.
  bool duplex = false;                  ///< Its body may be read while it is answered.
  // What it sends behind its body, and whether it wants such a thing.
  std::vector<base::Header> came_behind;
  bool wants_trailers = true;

  [[nodiscard]] const http::RequestHead& request() const noexcept override { return request_; }
  void on_gone(std::function<void()> on_gone) override { on_gone_ = std::move(on_gone); }
  [[nodiscard]] std::optional<base::SharedBytes> take_whole() override {
    if (!whole_) return std::nullopt;
    body.take_all();
    return base::SharedBytes::borrowed(base::as_bytes(*whole_));
  }
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into, base::Deadline) override {
    if (steps_.next_fails()) co_return broken();
    co_return co_await body.read(into);
  }
  [[nodiscard]] bool is_duplex() const noexcept override { return duplex; }
  void stop_reading() noexcept override { body.stop(); }
  void stop() noexcept override {
    body.stop();
    tunnelled.stop();
    stopped_ = writable_.is_awaited();
    writable_.open();
  }
  [[nodiscard]] bool body_has_come() const noexcept override { return body.is_read(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return body.is_read(); }
  void interim(std::uint16_t status_before, std::string_view, const http::FieldList&) override {
    wrote_after_the_end = wrote_after_the_end || status;
    interims.push_back(status_before);
  }
  [[nodiscard]] base::Headers trailers(base::Arena&) const override {
    return body.is_read() ? base::Headers{std::span<const base::Header>{came_behind}} : base::Headers{};
  }
  void begin(const AnswerStart& start) override {
    begun_ = start.status;
    announced = announced_by(start.length);
    coding = coding_of(start.fields);
  }
  [[nodiscard]] bool takes_trailers() const noexcept override { return wants_trailers && !announced; }
  void end_with(const http::FieldList& trailers) override { got_behind = names_of(trailers); }
  [[nodiscard]] transport::Task<base::Status> write(std::string_view bytes, bool last) override {
    if (steps_.next_fails() || left_) co_return broken();
    while (stalled_ && !stopped_) co_await writable_;
    if (std::exchange(stopped_, false)) co_return broken();
    wrote_after_the_end = wrote_after_the_end || answer_ended;
    if (begun_) status = std::exchange(begun_, std::nullopt);
    answer += bytes;
    answer_ended = last;
    co_return base::Status{};
  }
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return &tunnelled; }
  void reset(ResetCode code) noexcept override { was_reset = code; }

 private:
  http::RequestHead request_;
  Steps& steps_;
  std::optional<std::string> whole_;
  std::function<void()> on_gone_;
  Gate writable_;
  std::optional<std::uint16_t> begun_;
  bool stalled_ = false;
  bool stopped_ = false;
  bool left_ = false;
};

class FakeUpstream final : public UpstreamSide {
 public:
  FakeUpstream(transport::Worker& worker, transport::Cancel& cancel, Steps& steps, int targets = 1)
      : body(worker),
        tunnelled(worker),
        steps_(steps),
        targets_(targets),
        spoken_(worker),
        writable_(worker),
        guard_(cancel, [](void* self) { static_cast<FakeUpstream*>(self)->reset(ResetCode::cancelled); }, this) {}
  ~FakeUpstream() = default;

  // What the upstream does, whether or not it is asked yet.
  Incoming body;
  FakeEnd tunnelled;  ///< Once it has switched to WebSocket.
  /// A switch is the answer to the key of the standard's example (RFC 6455 §1.3).
  void answers(std::uint16_t status) {
    static constexpr base::Header accept{"Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="};
    const auto headers = status == 101 ? std::span{&accept, 1} : std::span<const base::Header>{answer_fields};
    say(http::ResponseHead{.status = status, .headers = headers, .framing = http::Framing::chunked});
  }
  void answers_with_length(std::uint64_t length) {
    say(http::ResponseHead{.status = 200,
                           .headers = std::span<const base::Header>{answer_fields},
                           .framing = http::Framing::length,
                           .content_length = length});
  }
  void stalls() { stalled_ = true; }
  void goes_on() { stalled_ = false, writable_.open(); }
  void hangs_up() { say(broken()); }
  void takes_too_long() { say(base::fail(base::ErrorKind::timeout, "no answer in time")); }
  void has_no_place() { say(base::fail(base::ErrorKind::message_too_large, "no place for the answer's body")); }
  /// Nothing where nobody listens: it was not asked yet, has answered, or is asked no more.
  void interims(std::uint16_t status) {
    if (request_begun && !has_answered_ && !said_ && !was_reset) listener_->on_interim({.status = status});
  }

  std::vector<base::Header> answer_fields;   ///< Of the head. Views.
  std::vector<base::Header> answers_behind;  ///< Trailers.
  bool duplex = false;                       ///< A request may go on beside its answer.
  bool takes_no_more = false;                ///< Of the request: what is written fails.

  // What it got, on the connection that was the last.
  std::vector<std::string> got_behind;  ///< Names of trailers.
  std::string request_body;
  std::optional<std::uint64_t> announced;  ///< Its size, where the head says it.
  std::string coding;                      ///< Of it, as the head says.
  int writes = 0;                          ///< The head leaves with the first.
  bool request_begun = false;
  bool request_ended = false;
  bool was_finished = false;
  std::optional<ResetCode> was_reset;
  int connections = 0;

  [[nodiscard]] transport::Task<base::Status> connect(const UpstreamTerms&, UpstreamListener& listener) override {
    listener_ = &listener;
    ++connections;
    request_body.clear();
    got_behind.clear();
    coding.clear();
    writes = 0;
    request_begun = request_ended = false;
    if (steps_.next_fails()) co_return base::fail(base::ErrorKind::connection_failed, "refused");
    co_return base::Status{};
  }
  [[nodiscard]] bool is_untrusted() const noexcept override { return false; }
  [[nodiscard]] base::Deadline patience() const override { return {}; }
  [[nodiscard]] std::string_view address() const noexcept override { return "fake"; }
  [[nodiscard]] bool has_another(const base::Error& error) override {
    return error.kind() == base::ErrorKind::connection_closed && connections < targets_;
  }
  void begin(const RequestStart& start) override {
    announced = announced_by(start.length);
    coding = coding_of(start.fields);
    if (said_) listener_->on_early_answer();
    request_begun = true;
  }
  [[nodiscard]] bool is_duplex() const noexcept override { return duplex; }
  [[nodiscard]] bool takes_trailers() const noexcept override { return !announced; }
  void end_with(const http::FieldList& trailers) override { got_behind = names_of(trailers); }
  [[nodiscard]] transport::Task<base::Status> write(std::span<const base::SharedBytes> pieces, bool last) override {
    if (steps_.next_fails() || was_reset || takes_no_more) co_return broken();
    stopped_ = false;
    while (stalled_ && !stopped_ && !was_reset) co_await writable_;
    if (stopped_ || was_reset) co_return broken();
    ++writes;
    for (const auto& piece : pieces) request_body += base::as_text(piece.view());
    request_ended = last;
    co_return base::Status{};
  }
  void stop_writing() noexcept override { stopped_ = true, writable_.open(); }
  [[nodiscard]] transport::Task<base::Result<const http::ResponseHead*>> answer() override {
    if (steps_.next_fails()) co_return broken();
    while (!said_ && !was_reset) co_await spoken_;
    if (was_reset) co_return broken();
    const auto said = *std::exchange(said_, std::nullopt);
    has_answered_ = said.has_value();
    if (!said) co_return said.error();
    head_ = *said;
    co_return &head_;
  }
  [[nodiscard]] transport::Task<base::Result<std::size_t>> read(std::span<char> into) override {
    if (steps_.next_fails() || was_reset) co_return broken();
    co_return co_await body.read(into);
  }
  [[nodiscard]] bool has_bytes() const noexcept override { return body.has_bytes(); }
  [[nodiscard]] bool body_is_read() const noexcept override { return body.is_read(); }
  [[nodiscard]] base::Headers trailers(base::Arena&) const override {
    return body.is_read() ? base::Headers{std::span<const base::Header>{answers_behind}} : base::Headers{};
  }
  [[nodiscard]] websocket::TunnelEnd* tunnel_end() override { return &tunnelled; }
  void finish() override { was_finished = true; }
  void reset(ResetCode code) noexcept override {
    if (was_reset || connections == 0) return;
    was_reset = code;
    body.stop();
    tunnelled.stop();
    spoken_.open();
    writable_.open();
  }

 private:
  void say(base::Result<http::ResponseHead> what) {
    said_ = std::move(what);
    if (request_begun && !request_ended) listener_->on_early_answer();
    spoken_.open();
  }

  Steps& steps_;
  int targets_;
  Gate spoken_;
  Gate writable_;
  bool stalled_ = false;
  bool stopped_ = false;
  transport::Cancel::Guard guard_;
  UpstreamListener* listener_ = nullptr;
  std::optional<base::Result<http::ResponseHead>> said_;
  bool has_answered_ = false;
  http::ResponseHead head_;
};

}  // namespace picket::apps::gateway::exchange::testing
