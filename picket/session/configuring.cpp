#include "picket/session/configuring.hpp"

#include <fmt/format.h>

#include "picket/session/quote.hpp"

namespace picket::session {
namespace {

using base::ErrorKind;
using base::fail;
using wire::FrameType;

constexpr std::string_view configure_id = "picket-configure";
constexpr std::size_t longest_configuration = 4096;  // bytes of it in an error

}  // namespace

std::optional<std::string> refusal_in(const wire::AgentResponse& response, const std::string& said) {
  if (std::holds_alternative<wire::Allow>(response.decision) && response.version == protocol_version)
    return std::nullopt;
  const auto* const block = std::get_if<wire::Block>(&response.decision);
  return block != nullptr && block->body ? printable(*block->body) : "it gave no reason; it said " + said;
}

base::Status Configuring::begin(wire::Output& output, base::TimePoint now) {
  deadline_ = now + agreed_.config->configure_timeout;
  const auto& text = agreed_.config->config_json;
  is_over_ = !text;
  if (is_over_) return {};
  base::Arena arena;
  auto config = wire::parse_json(*text, arena);
  if (!config) return std::move(config.error());
  PICKET_TRY(wire::encode(
      agreed_.terms.format,
      wire::Configure{.config = *config, .config_version = {}, .correlation_id = configure_id, .is_initial = true},
      output));
  if (!agreed_.terms.pong_acknowledges_configure) return {};
  return wire::encode(agreed_.terms.format, wire::Ping{.sequence = acknowledging_ping}, output);
}

base::Status Configuring::take(const wire::FrameView& frame, wire::Output& output) {
  switch (frame.type) {
    case FrameType::ping: wire::append_frame(FrameType::pong, frame.payload, output, agreed_.terms.format); return {};
    case FrameType::pong: is_over_ = agreed_.terms.pong_acknowledges_configure; return {};
    case FrameType::agent_response: return on_response(frame);
    default: return keep(frame);
  }
}

base::Status Configuring::on_response(const wire::FrameView& frame) {
  base::Arena arena;
  const auto response = wire::decode<wire::AgentResponse>(agreed_.terms.format, frame.payload, arena);
  if (!response)
    return fail(response.error().kind(), fmt::format("{}: {}", name(frame.type), response.error().detail()));
  const auto said = [&] {
    return agreed_.terms.format.encoding == wire::Encoding::json ? quoted(frame.payload)
                                                                 : quoted(wire::to_json(*response));
  };
  if (response->correlation_id != configure_id) {
    if (stray_.empty()) stray_ = said();
    return keep(frame);
  }
  refusal_ = refusal_in(*response, said());
  is_over_ = !refusal_;
  if (is_over_) return {};
  *refusal_ += sent();
  return fail(ErrorKind::connection_failed, "the agent refused its configuration: " + *refusal_);
}

base::Status Configuring::keep(const wire::FrameView& frame) {
  // It is said again, and the agent's connection is not lost for it.
  if (frame.type == FrameType::metrics_report && kept_ + frame.payload.size() > most_kept / 2) return {};
  kept_ += sizeof(EarlyFrame) + frame.payload.size();  // an empty one takes memory, too
  if (kept_ > most_kept)
    return fail(
        ErrorKind::message_too_large,
        fmt::format("more than {} bytes of other messages before the agent accepted its configuration", most_kept));
  agreed_.early.push_back({frame.type, std::string{frame.payload}});
  return {};
}

base::Error Configuring::overdue() const {
  return fail(ErrorKind::timeout,
              "the agent did not accept its configuration in time" + sent() +
                  (stray_.empty() ? "" : "; it answered what names neither that nor an exchange: " + stray_));
}

base::Error Configuring::interrupted(const base::Error& reason) const {
  return fail(reason.kind(), reason.detail() + "; it had not accepted its configuration" + sent());
}

/// What was sent, for errors about it.
std::string Configuring::sent() const {
  return ", which was sent as " + quoted(*agreed_.config->config_json, longest_configuration);
}

}  // namespace picket::session
