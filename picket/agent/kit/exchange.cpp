#include "picket/agent/kit/exchange.hpp"

#include <stdexcept>
#include <utility>

#include "picket/agent/internal/line.hpp"
#include "picket/transport/worker.hpp"
#include "picket/wire/codec.hpp"

namespace picket::agent::kit {
namespace {

std::vector<wire::Header> fields(const Exchange::HeaderList& headers) {
  std::vector<wire::Header> list;
  for (const auto& [name, value] : headers) list.push_back({name, value});
  return list;
}

}  // namespace

/// Collects what a deferred handler decides, and what it says unasked.
class Exchange::Proxy final : public internal::EventSource {
 public:
  std::shared_ptr<internal::Line> line() override { return line_; }
  [[nodiscard]] const std::vector<std::string>& said() const noexcept { return line_->said; }

  Completion defer() override {
    answered_ = false;
    return {mailbox_, [this](std::optional<Decision> decision) {
              answered_ = true;
              decision_ = std::move(decision);
            }};
  }

  Decision wait() {
    const auto give_up = base::Clock::now() + std::chrono::seconds{10};
    while (!answered_ && base::Clock::now() < give_up) worker_.turn(base::Clock::now() + std::chrono::milliseconds{50});
    if (!answered_) throw std::runtime_error("the handler deferred its answer and did not complete it within 10 s");
    if (!decision_) throw std::runtime_error("the handler left the event unanswered");
    Decision decision = std::move(*decision_);
    decision_.reset();
    return decision;
  }

 private:
  struct Heard final : internal::Line {
    void say(std::shared_ptr<const internal::Remark> remark) override {
      said.push_back(std::visit([](const auto& message) { return wire::to_json(message); }, remark->message));
    }
    void ask(std::shared_ptr<internal::Remark> request, ProxyHandle::Answered answered) override {
      say(std::move(request));
      if (answered) answered(std::nullopt);
    }
    std::vector<std::string> said;
  };
  std::shared_ptr<Heard> line_ = std::make_shared<Heard>();
  transport::Worker worker_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>(worker_);
  std::optional<Decision> decision_;
  bool answered_ = false;
};

Exchange::Exchange(internal::AnyHandler& handler, std::vector<wire::EventKind> announced_events)
    : metadata{.correlation_id = "test",
               .request_id = "test",
               .client_ip = "192.0.2.1",
               .client_port = 40000,
               .protocol = "HTTP/1.1",
               .timestamp = "2026-01-01T00:00:00Z"},
      handler_(handler),
      connection_{handler.connect(), std::move(announced_events)},
      proxy_(std::make_unique<Proxy>()) {
  state_.correlation_id = "test";
}

Exchange::~Exchange() {
  if (over_) return;
  const wire::RequestComplete end{
      .correlation_id = state_.correlation_id, .status = status_, .request_body_size = request_.received};
  (void)handle(&end);
}

Reply Exchange::handle(const session::EventMessage& event) {
  return handler_.handle(event, {state_, connection_, *proxy_});
}

Decision Exchange::decide(const session::EventMessage& event) {
  Reply reply = handle(event);
  if (std::holds_alternative<Unanswered>(reply)) throw std::runtime_error("the handler left the event unanswered");
  auto* const now = std::get_if<Decision>(&reply);
  Decision decision = now != nullptr ? std::move(*now) : proxy_->wait();
  const wire::FrameType type = std::visit([](const auto* of) { return of->type; }, event);
  if (const std::string_view call = decision.misfit(type); !call.empty())
    throw std::logic_error(std::string{wire::name(type)} + " cannot honour " + std::string{call});
  return decision;
}

Decision Exchange::get(std::string_view uri, const HeaderList& headers) { return request("GET", uri, headers); }

Decision Exchange::request(std::string_view method, std::string_view uri, const HeaderList& headers) {
  const auto list = fields(headers);
  const RequestHeaders head{.metadata = metadata, .method = method, .uri = uri, .headers = std::span{list}};
  return decide(&head);
}

Decision Exchange::body(std::string_view data, bool is_last) {
  request_.received += data.size();
  const RequestBodyChunk chunk{.correlation_id = state_.correlation_id,
                               .data = base::as_bytes(data),
                               .is_last = is_last,
                               .chunk_index = request_.next_chunk++,
                               .bytes_received = request_.received};
  return decide(&chunk);
}

Decision Exchange::response(std::uint16_t status, const HeaderList& headers) {
  status_ = status;
  const auto list = fields(headers);
  const ResponseHeaders head{.correlation_id = state_.correlation_id, .status = status, .headers = std::span{list}};
  return decide(&head);
}

Decision Exchange::response_body(std::string_view data, bool is_last) {
  response_.received += data.size();
  const ResponseBodyChunk chunk{.correlation_id = state_.correlation_id,
                                .data = base::as_bytes(data),
                                .is_last = is_last,
                                .chunk_index = response_.next_chunk++,
                                .bytes_sent = response_.received};
  return decide(&chunk);
}

Exchange::Streamed Exchange::stream(const std::vector<std::string_view>& chunks, Send send) {
  Streamed streamed;
  std::string held;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const bool is_last = i + 1 == chunks.size();
    Decision decision = (this->*send)(chunks[i], is_last);
    ++streamed.answers;
    if (!decision.is_allow()) {
      streamed.refusal = std::move(decision);
      return streamed;
    }
    held += decision.replaced_body() ? std::string_view{*decision.replaced_body()} : chunks[i];
    if (decision.wants_more() && is_last)
      throw std::logic_error("needs_more() on the last chunk: nothing comes that could release it");
    if (!decision.wants_more()) streamed.received += std::exchange(held, {});
  }
  return streamed;
}

Exchange::Streamed Exchange::stream_body(const std::vector<std::string_view>& chunks) {
  return stream(chunks, &Exchange::body);
}

Exchange::Streamed Exchange::stream_response_body(const std::vector<std::string_view>& chunks) {
  return stream(chunks, &Exchange::response_body);
}

std::vector<std::string_view> Exchange::pieces(std::string_view body, std::size_t size) {
  std::vector<std::string_view> chunks{body.substr(0, size)};
  for (std::size_t at = size; at < body.size(); at += size) chunks.push_back(body.substr(at, size));
  return chunks;
}

Decision Exchange::websocket_frame(std::string_view data, bool client_to_server) {
  const WebSocketFrame frame{.correlation_id = state_.correlation_id,
                             .data = base::as_bytes(data),
                             .client_to_server = client_to_server,
                             .frame_index = (client_to_server ? request_ : response_).next_frame++,
                             .client_ip = metadata.client_ip};
  return decide(&frame);
}

Decision Exchange::guardrail(std::string_view content, wire::InspectionType type, wire::TextList categories,
                             wire::TextMap about) {
  const GuardrailInspect text{.correlation_id = state_.correlation_id,
                              .inspection_type = type,
                              .content = content,
                              .categories = categories,
                              .metadata = about};
  return decide(&text);
}

base::Status Exchange::configure(const wire::Value& config) {
  const wire::Configure told{.config = config, .config_version = {}, .correlation_id = state_.correlation_id};
  const Decision said = decide(&told);
  if (said.is_allow()) return {};
  return base::fail(base::ErrorKind::invalid_message, std::string{said.block_body()});
}

const std::vector<std::string>& Exchange::said() const noexcept { return proxy_->said(); }

void Exchange::cancel() {
  over_ = true;
  handler_.cancelled({state_, connection_, *proxy_});
}

}  // namespace picket::agent::kit
