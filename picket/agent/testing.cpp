#include "picket/agent/testing.hpp"

#include <stdexcept>

#include "picket/transport/worker.hpp"

namespace picket::agent::testing {
namespace {

std::vector<wire::Header> fields(const Exchange::HeaderList& headers) {
  std::vector<wire::Header> list;
  for (const auto& [name, value] : headers) list.push_back({name, value});
  return list;
}

}  // namespace

/// Collects what a deferred handler decides.
class Exchange::Completions final : public CompletionSource {
 public:
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
  transport::Worker worker_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>(worker_);
  std::optional<Decision> decision_;
  bool answered_ = false;
};

Exchange::Exchange(Handler& handler, std::vector<wire::EventKind> announced_events)
    : metadata{.correlation_id = "test",
               .request_id = "test",
               .client_ip = "192.0.2.1",
               .client_port = 40000,
               .protocol = "HTTP/1.1",
               .timestamp = "2026-01-01T00:00:00Z"},
      handler_(handler),
      connection_{handler.make_connection_state(), std::move(announced_events)},
      completions_(std::make_unique<Completions>()) {
  state_.correlation_id = "test";
}

Exchange::~Exchange() {
  if (over_) return;
  Context context{state_, connection_, *completions_};
  handler_.on_complete({.correlation_id = state_.correlation_id, .status = status_, .request_body_size = received_},
                       context);
}

Decision Exchange::take(Reply reply) {
  if (auto* const decision = std::get_if<Decision>(&reply)) return std::move(*decision);
  return completions_->wait();
}

Decision Exchange::get(std::string_view uri, const HeaderList& headers) { return request("GET", uri, headers); }

Decision Exchange::request(std::string_view method, std::string_view uri, const HeaderList& headers) {
  Context context{state_, connection_, *completions_};
  const auto list = fields(headers);
  return take(handler_.on_request_headers(
      {.metadata = metadata, .method = method, .uri = uri, .headers = std::span{list}}, context));
}

Decision Exchange::body(std::string_view data, bool is_last) {
  Context context{state_, connection_, *completions_};
  received_ += data.size();
  return take(handler_.on_request_body({.correlation_id = state_.correlation_id,
                                        .data = base::as_bytes(data),
                                        .is_last = is_last,
                                        .chunk_index = next_chunk_++,
                                        .bytes_received = received_},
                                       context));
}

Decision Exchange::response(std::uint16_t status, const HeaderList& headers) {
  Context context{state_, connection_, *completions_};
  status_ = status;
  const auto list = fields(headers);
  return take(handler_.on_response_headers(
      {.correlation_id = state_.correlation_id, .status = status, .headers = std::span{list}}, context));
}

base::Status Exchange::configure(const wire::Value& config) {
  Context context{state_, connection_, *completions_};
  auto said = handler_.on_configure(config, context);
  if (auto* const status = std::get_if<base::Status>(&said)) return std::move(*status);
  const Decision later = completions_->wait();
  if (later.is_allow()) return {};
  return base::fail(base::ErrorKind::invalid_message, std::string{later.block_body()});
}

void Exchange::cancel() {
  over_ = true;
  Context context{state_, connection_, *completions_};
  handler_.on_cancel(context);
}

}  // namespace picket::agent::testing
