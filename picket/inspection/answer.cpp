#include "picket/inspection/answer.hpp"

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "picket/http/grammar.hpp"
#include "picket/inspection/operations.hpp"
#include "picket/session/quote.hpp"
#include "picket/websocket/close.hpp"

namespace picket::inspection {
namespace {

base::Error invalid(std::string detail) { return base::fail(base::ErrorKind::invalid_message, std::move(detail)); }

constexpr std::uint32_t protocol_version = 2;

bool is_final_status(std::uint16_t status) noexcept { return status >= 200 && status <= 599; }
bool is_redirect(std::uint16_t status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// RFC 3986 knows neither white space nor control characters; what a client makes of them is anybody's guess.
bool is_one_word(std::string_view url) noexcept {
  return !url.empty() && std::ranges::none_of(url, [](unsigned char c) { return c <= ' ' || c == 0x7F; });
}

/// What an agent may not set, because it belongs to a connection or to the framing of a message.
bool is_reserved(std::string_view name) noexcept {
  return http::stays_on_its_hop(name) || base::same_name(name, "host");
}

constexpr std::size_t longest_quote = 64;  // of an agent's words in an error

base::Status check_field(std::string_view name, std::string_view value) {
  if (!http::is_token(name))
    return invalid(fmt::format("'{}' is no header name", session::printable(name, longest_quote)));
  if (is_reserved(name)) return invalid(fmt::format("an agent must not touch the header '{}'", name));
  if (!http::is_field_value(value))
    return invalid(
        fmt::format("the header '{}' has a value with control characters", session::printable(name, longest_quote)));
  return {};
}

/// What becomes fields of a head, counted before any of it is looked at.
struct FieldSum {
  std::size_t fields = 0;
  std::size_t bytes = 0;

  void add(std::string_view name, std::string_view value) noexcept {
    ++fields;
    bytes += name.size() + value.size();
  }
  void add(base::HeaderOps ops) noexcept {
    for (const auto& op : ops) add(op.name, op.value);
  }
  void add(wire::TextMap pairs) noexcept {
    for (const auto& pair : pairs) add(pair.key, pair.value);
  }
};

base::Status check_amount(const wire::AgentResponse& response) {
  FieldSum sum;
  sum.add(response.request_headers);
  sum.add(response.response_headers);
  if (const auto* const block = std::get_if<wire::Block>(&response.decision); block != nullptr && block->headers)
    sum.add(*block->headers);
  if (const auto* const redirect = std::get_if<wire::Redirect>(&response.decision)) sum.add("location", redirect->url);
  if (const auto* const challenge = std::get_if<wire::Challenge>(&response.decision)) sum.add(challenge->params);
  if (sum.fields > most_operations || sum.bytes > most_operation_bytes)
    return invalid(fmt::format("{} header fields of {} bytes in one answer; {} of {} bytes are the most", sum.fields,
                               sum.bytes, most_operations, most_operation_bytes));
  return {};
}

base::Status check_ops(base::HeaderOps ops) {
  for (const auto& op : ops) PICKET_TRY(check_field(op.name, op.value));
  return {};
}

base::Status check_decision(const wire::Decision& decision) {
  if (const auto* const block = std::get_if<wire::Block>(&decision)) {
    if (!is_final_status(block->status)) return invalid(fmt::format("{} is no status to block with", block->status));
    if (block->headers)
      for (const auto& header : *block->headers) PICKET_TRY(check_field(header.key, header.value));
  } else if (const auto* const redirect = std::get_if<wire::Redirect>(&decision)) {
    if (!is_redirect(redirect->status))
      return invalid(fmt::format("{} is no status to redirect with", redirect->status));
    if (!is_one_word(redirect->url))
      return invalid("a redirect to a URL that is empty or has white space or control characters");
  } else if (const auto* const challenge = std::get_if<wire::Challenge>(&decision)) {
    if (!http::is_token(challenge->challenge_type)) return invalid("a challenge whose type is no token");
    for (const auto& param : challenge->params)
      if (!http::is_token(param.key) || !http::is_field_value(param.value))
        return invalid("a challenge with a parameter that is no header");
  }
  return {};
}

bool changes(const std::optional<wire::BodyMutation>& mutation) noexcept {
  return mutation && mutation->data.has_value();
}

base::Status check_frame(const wire::AgentResponse& response, const Question& question) {
  if (passes_frame(response)) return {};
  if (question.kind != wire::EventKind::websocket_frame)
    return invalid("a decision about a WebSocket frame in an answer to something else");
  const auto* const close = std::get_if<wire::WebSocketClose>(&*response.websocket_decision);
  if (close == nullptr) return {};
  if (!websocket::may_be_sent(close->code)) return invalid(fmt::format("{} is no code to close with", close->code));
  if (!websocket::is_reason(close->reason))
    return invalid("a reason to close that is longer than 123 bytes, or not UTF-8");
  return {};
}

base::Status check_mutation(const wire::BodyMutation& mutation, const Question& question) {
  if (question.body == nullptr) return invalid("a mutation of a body that is not held");
  if (mutation.chunk_index > question.chunk)
    return invalid(
        fmt::format("a mutation of chunk {} in the answer to chunk {}", mutation.chunk_index, question.chunk));
  if (!question.body->holds(mutation.chunk_index))
    return invalid(fmt::format("a mutation of chunk {}, which has gone on", mutation.chunk_index));
  const std::uint64_t size = question.body->size_with(mutation.chunk_index, mutation.data->size());
  if (size > question.max_body_size)
    return invalid(fmt::format("a mutation makes the body {} bytes long; max-body-size-bytes is {}", size,
                               question.max_body_size));
  return {};
}

/// Whether nothing that comes later could be waited for.
bool judges_alone(wire::EventKind kind) noexcept {
  return kind == wire::EventKind::guardrail_inspect || kind == wire::EventKind::websocket_frame;
}

/// What an answer that allows says of the body and of frames.
base::Status check_release(const wire::AgentResponse& response, const Question& question) {
  const bool of_request = question.kind == wire::EventKind::request_body_chunk;
  const bool of_response = question.kind == wire::EventKind::response_body_chunk;
  if ((changes(response.request_body_mutation) && !of_request) ||
      (changes(response.response_body_mutation) && !of_response))
    return invalid("a body mutation in an answer that is not about a chunk of that body");
  if (changes(response.request_body_mutation)) PICKET_TRY(check_mutation(*response.request_body_mutation, question));
  if (changes(response.response_body_mutation)) PICKET_TRY(check_mutation(*response.response_body_mutation, question));
  if (response.needs_more && (of_request || of_response) && question.is_last)
    return invalid("needs_more in the answer to the last chunk: nothing comes that could release the body");
  if (response.needs_more && question.kind == wire::EventKind::response_headers && question.is_last)
    return invalid("needs_more in the answer to a head behind which no body comes that could release it");
  if (response.needs_more && judges_alone(question.kind))
    return invalid("needs_more in an answer about a text or a frame: it is judged as it is");
  return check_frame(response, question);
}

std::string_view scheme_of(std::string_view challenge_type) noexcept {
  if (base::same_name(challenge_type, "basic")) return "Basic";
  if (base::same_name(challenge_type, "bearer")) return "Bearer";
  if (base::same_name(challenge_type, "digest")) return "Digest";
  return {};
}

/// RFC 9110 §11.6.1: scheme, then name="value" pairs, quotes and backslashes escaped.
std::string authenticate(std::string_view scheme, wire::TextMap params) {
  std::string value{scheme};
  bool first = true;
  for (const auto& param : params) {
    value += first ? " " : ", ";
    first = false;
    value.append(param.key).append("=\"");
    for (const char c : param.value) {
      if (c == '"' || c == '\\') value += '\\';
      value += c;
    }
    value += '"';
  }
  return value;
}

}  // namespace

bool passes_frame(const wire::AgentResponse& response) noexcept {
  if (!response.websocket_decision) return true;
  const auto* const verdict = std::get_if<wire::WebSocketVerdict>(&*response.websocket_decision);
  return verdict != nullptr && *verdict == wire::WebSocketVerdict::allow;
}

base::Status check(const wire::AgentResponse& response, const Question& question) {
  if (response.version != protocol_version)
    return invalid(fmt::format("a response of protocol version {}; {} was agreed", response.version, protocol_version));
  PICKET_TRY(check_amount(response));
  PICKET_TRY(check_decision(response.decision));
  PICKET_TRY(check_ops(response.request_headers));
  PICKET_TRY(check_ops(response.response_headers));
  // Who blocks is not to be overruled for what he says beside it: under a failure mode that is open it would pass.
  if (!std::holds_alternative<wire::Allow>(response.decision)) return {};
  const bool is_of_response = question.kind == wire::EventKind::response_headers ||
                              question.kind == wire::EventKind::response_body_chunk || question.is_of_answer;
  if (is_of_response && !response.request_headers.empty())
    return invalid("operations on the request's headers in an answer to the response, when the request is gone");
  const bool is_of_frame = question.kind == wire::EventKind::websocket_frame;
  if (is_of_frame && !response.request_headers.empty())
    return invalid("operations on the request's headers in an answer about a frame, when the request is gone");
  const bool is_of_request = !is_of_response && !is_of_frame;
  const bool is_shown_again = question.has_left && question.kind == wire::EventKind::request_headers;
  if (is_shown_again) return check_release(response, question);  // who is asked about a head may want it changed
  if (question.has_left && !(is_of_request ? response.request_headers : response.response_headers).empty())
    return invalid("operations on the headers of a message that has left");
  return check_release(response, question);
}

namespace {

std::optional<Answer> answer_of(const wire::Decision& decision, base::Arena& arena) {
  Answer answer{.fields = http::FieldList{arena}, .body = {}};
  if (const auto* const block = std::get_if<wire::Block>(&decision)) {
    answer.status = block->status;
    answer.body = arena.copy(block->body.value_or(""));
    if (block->headers)
      for (const auto& header : *block->headers)
        answer.fields.push_back({arena.copy(header.key), arena.copy(header.value)});
    if (!answer.body.empty() && http::find(answer.fields, "content-type") == nullptr)
      answer.fields.push_back({"content-type", "text/plain; charset=utf-8"});
    return answer;
  }
  if (const auto* const redirect = std::get_if<wire::Redirect>(&decision)) {
    answer.status = redirect->status;
    answer.fields.push_back({"location", arena.copy(redirect->url)});
    return answer;
  }
  const auto* const challenge = std::get_if<wire::Challenge>(&decision);
  if (challenge == nullptr) return std::nullopt;
  if (const auto scheme = scheme_of(challenge->challenge_type); !scheme.empty()) {
    answer.status = 401;
    answer.fields.push_back({"www-authenticate", arena.copy(authenticate(scheme, challenge->params))});
    return answer;
  }
  answer.status = 403;
  answer.fields.push_back({"x-challenge-type", arena.copy(challenge->challenge_type)});
  for (const auto& param : challenge->params)
    answer.fields.push_back({arena.copy(fmt::format("x-challenge-{}", param.key)), arena.copy(param.value)});
  return answer;
}

}  // namespace

std::optional<Answer> answer_for(const wire::AgentResponse& response, base::Arena& arena) {
  auto answer = answer_of(response.decision, arena);
  if (answer) http::apply(response.response_headers, answer->fields, arena);
  return answer;
}

}  // namespace picket::inspection
