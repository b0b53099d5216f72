#include "apps/cli/recording/script.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "apps/cli/recording/masking.hpp"
#include "apps/cli/recording/recorder.hpp"
#include "picket/base/limits.hpp"

namespace picket::apps::cli {
namespace {

using base::fail;
using wire::FrameType;

/// A copy with the padding that decoders ask for.
std::string_view padded(std::string_view text, base::Arena& arena) {
  auto* const copy = static_cast<char*>(arena.allocate(text.size() + base::limits::tail_padding, 1));
  std::ranges::copy(text, copy);
  return {copy, text.size()};
}

}  // namespace

base::Result<Script> Script::read(const std::vector<Record>& records) {
  Script script;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (auto status = script.add(records[i]); !status)
      return fail(status.error().kind(),
                  fmt::format("record {}, {}: {}", i + 1, name(records[i].type), status.error().detail()));
  return script;
}

base::Status Script::add(const Record& record) {
  const wire::FrameView frame{record.type, padded(record.payload, arena_)};
  if (const auto agreed = agreed_format(frame)) format_ = *agreed;
  if (record.direction == Direction::to_agent) return add_to_agent(frame);
  return frame.type == FrameType::agent_response ? add_answer(frame) : base::Status{};
}

template <class Message>
base::Result<Message> Script::decode(const wire::FrameView& frame) {
  return wire::decode<Message>(format_, frame.payload, arena_);
}

template <class Event>
base::Status Script::add_event(const wire::FrameView& frame) {
  const auto decoded = decode<Event>(frame);
  if (!decoded) return decoded.error();
  auto* const event = new (arena_.allocate(sizeof(Event), alignof(Event))) Event(*decoded);
  steps_.push_back({.what = What::asks,
                    .id = std::string{wire::correlation_id_of(*event)},
                    .event = event,
                    .key = session::reply_key(*event)});
  return {};
}

base::Status Script::add_to_agent(const wire::FrameView& frame) {
  switch (frame.type) {
    case FrameType::request_headers: return add_event<wire::RequestHeaders>(frame);
    case FrameType::request_body_chunk: return add_event<wire::RequestBodyChunk>(frame);
    case FrameType::response_headers: return add_event<wire::ResponseHeaders>(frame);
    case FrameType::response_body_chunk: return add_event<wire::ResponseBodyChunk>(frame);
    case FrameType::websocket_frame: return add_event<wire::WebSocketFrame>(frame);
    case FrameType::guardrail_inspect: return add_event<wire::GuardrailInspect>(frame);
    case FrameType::handshake_request: {
      const auto request = decode<wire::HandshakeRequest>(frame);
      if (!request) return request.error();
      encodings_.assign(request->supported_encodings.begin(), request->supported_encodings.end());
      if (!request->config.is_null()) config_ = wire::to_json(request->config);
      return {};
    }
    case FrameType::cancel: {
      const auto cancel = decode<wire::Cancel>(frame);
      if (!cancel) return cancel.error();
      steps_.push_back({.what = What::cancels, .id = std::string{cancel->correlation_id}, .cancel = *cancel});
      return {};
    }
    case FrameType::request_complete: {
      const auto summary = decode<wire::RequestComplete>(frame);
      if (!summary) return summary.error();
      steps_.push_back({.what = What::completes, .id = std::string{summary->correlation_id}, .summary = *summary});
      return {};
    }
    default: return {};
  }
}

base::Status Script::add_answer(const wire::FrameView& frame) {
  const auto response = decode<wire::AgentResponse>(frame);
  if (!response) return response.error();
  const auto is_answered = [&](const Step& step) {
    return step.what == What::asks && !step.answer && step.id == response->correlation_id &&
           (!response->reply_to || step.key == *response->reply_to);
  };
  const auto step = std::ranges::find_if(steps_, is_answered);
  if (step != steps_.end()) step->answer = *response;  // else to a configuration, or to a completion
  return {};
}

bool Script::config_is_masked() const noexcept { return config_ && config_->find(mask) != std::string::npos; }

wire::EventKind Script::kind_of(const session::EventPointer& event) {
  using enum wire::EventKind;
  constexpr std::array kinds{request_headers,     request_body_chunk, response_headers,
                             response_body_chunk, websocket_frame,    guardrail_inspect};  // as in EventPointer
  return kinds[event.index()];
}

std::vector<wire::EventKind> Script::kinds() const {
  std::vector<wire::EventKind> kinds;
  for (const Step& step : steps_) {
    const auto kind = step.what == What::completes ? wire::EventKind::request_complete : kind_of(step.event);
    if (step.what != What::cancels && std::ranges::find(kinds, kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds;
}

}  // namespace picket::apps::cli
