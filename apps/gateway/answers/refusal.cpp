#include "apps/gateway/answers/refusal.hpp"

#include <array>

#include <fmt/format.h>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::answers {

std::string_view name(Reason reason) noexcept {
  constexpr auto names = std::to_array<std::string_view>(
      {"none", "agent_timeout", "agent_unavailable", "agent_protocol_error", "body_too_large", "body_undecodable",
       "bad_request", "misdirected_request", "upstream_error", "upstream_certificate", "overloaded", "guardrail",
       "client_gone", "proxy_shutdown", "websocket_breach"});
  static_assert(names.size() == reason_count);
  return names[static_cast<std::size_t>(reason)];
}

Reason reason_of(inspection::Failure failure) noexcept {
  using inspection::Failure;
  switch (failure) {
    case Failure::none: return Reason::none;
    case Failure::timeout: return Reason::agent_timeout;
    case Failure::unavailable: return Reason::agent_unavailable;
    case Failure::protocol_error: return Reason::agent_protocol_error;
    case Failure::overloaded: return Reason::overloaded;
    case Failure::body_too_large:
    case Failure::answer_too_large: return Reason::body_too_large;
    case Failure::body_undecodable:
    case Failure::answer_undecodable: return Reason::body_undecodable;
    case Failure::guardrail: return Reason::guardrail;
  }
  return Reason::none;
}

namespace {

/// Clients of models read an error's message.
constexpr std::string_view guardrail_body =
    R"({"error":{"message":"a guardrail does not let this pass","type":"guardrail","code":"guardrail"}})"
    "\n";

}  // namespace

inspection::Answer refusal(Reason reason, std::uint16_t status, base::Arena& arena) {
  inspection::Answer answer{.status = status, .fields = http::FieldList{arena}, .body = {}};
  const bool is_json = reason == Reason::guardrail;
  answer.fields.push_back({"content-type", is_json ? "application/json" : "text/plain; charset=utf-8"});
  answer.fields.push_back({"x-picket-reason", name(reason)});
  answer.body = is_json ? guardrail_body
                        : arena.copy(fmt::format("{} {}: {}\n", status, http::standard_reason(status), name(reason)));
  return answer;
}

}  // namespace picket::apps::gateway::answers
