#pragma once

#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/inspection/answer.hpp"

namespace picket::apps::gateway::answers {

/// What the client is told of its connection, beside the answer itself.
struct AnswerTerms {
  std::string_view date;  ///< For answers that say none; see http::DateClock.
  int version = 11;       ///< of the request: 10 or 11
  bool keep_alive = false;
  bool with_body = true;  ///< False for HEAD: the length is told, the body is not sent.
};

/// Ends a response's head: Connection where the version does not say it, and the empty line.
void finish_head(base::Buffer& out, const AnswerTerms& terms);

/// A whole response of the gateway's own, whose body is empty where its status has none. `request_id`: empty where the
/// request had no readable head.
void write_answer(base::Buffer& out, const inspection::Answer& answer, std::string_view request_id,
                  const AnswerTerms& terms);

/// "name: 123\r\n".
void write_number_field(base::Buffer& out, std::string_view name, std::uint64_t value);

}  // namespace picket::apps::gateway::answers
