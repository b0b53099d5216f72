#include "apps/gateway/answers/answer_writer.hpp"

#include <array>
#include <charconv>

#include "picket/http/fields.hpp"

namespace picket::apps::gateway::answers {

void write_number_field(base::Buffer& out, std::string_view name, std::uint64_t value) {
  std::array<char, 24> digits{};
  const char* const end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  http::write_field(out, name, {digits.data(), static_cast<std::size_t>(end - digits.data())});
}

void finish_head(base::Buffer& out, const AnswerTerms& terms) {
  if (!terms.keep_alive) {
    http::write_field(out, "Connection", "close");
  } else if (terms.version == 10) {
    http::write_field(out, "Connection", "keep-alive");
  }
  out.append("\r\n");
}

void write_answer(base::Buffer& out, const inspection::Answer& answer, std::string_view request_id,
                  const AnswerTerms& terms) {
  http::write_status_line(out, answer.status);
  http::write_fields(out, answer.fields);
  if (http::find(answer.fields, "date") == nullptr) http::write_field(out, "Date", terms.date);
  if (!request_id.empty() && http::find(answer.fields, "x-request-id") == nullptr)
    http::write_field(out, "X-Request-Id", request_id);
  const bool says_length = answer.status != 204 && answer.status != 304;  // RFC 9110 §8.6, §15.4.5
  if (says_length) write_number_field(out, "Content-Length", answer.body.size());
  finish_head(out, terms);
  if (terms.with_body) out.append(answer.body);
}

}  // namespace picket::apps::gateway::answers
