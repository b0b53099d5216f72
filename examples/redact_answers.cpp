// Takes e-mail addresses out of answers while they stream, and refuses prompts that are too long.
#include <cctype>
#include <string_view>

#include "picket/agent/body_buffer.hpp"
#include "picket/agent/handler.hpp"
#include "picket/agent/json.hpp"
#include "picket/agent/serve.hpp"
#include "picket/agent/sliding_window.hpp"

using namespace picket::agent;

namespace {
bool is_in_address(char c) { return std::isalnum(c & 0xFF) || std::string_view{"._%+-"}.contains(c); }

/// "x" takes the place of each address that is there whole: one at the end may go on with the next chunk.
int redact(std::string& text, bool is_last) {
  int found = 0;
  for (std::size_t at = text.find('@'); at != std::string::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at;
    std::size_t end = at + 1;
    while (begin > 0 && is_in_address(text[begin - 1])) --begin;
    while (end < text.size() && is_in_address(text[end])) ++end;
    if (begin == at || end == at + 1 || (end == text.size() && !is_last)) continue;
    text.replace(begin, end - begin, end - begin, 'x');
    ++found;
  }
  return found;
}

struct Bodies {
  BodyBuffer prompt{64 * 1024};
  SlidingWindow answer{321};  // the longest address (RFC 5321 §4.5.3.1), and what ends it
};

class RedactAnswers final : public HandlerWith<Bodies> {
 public:
  Info info() const override { return {.id = "redact-answers", .version = "1"}; }

  Reply on_request_body(const RequestBodyChunk& chunk, Context& context) override {
    BodyBuffer& body = context.state().prompt;
    if (!body.add(chunk.data)) return Decision::block(413).reason("prompt-too-long");
    if (!chunk.is_last) return Decision::allow().needs_more();
    const auto document = Json::parse(body.text());
    if (!document || !document->text("/messages/0/content")) return Decision::block(400).body("no messages\n");
    return Decision::allow();
  }

  Reply on_response_body(const ResponseBodyChunk& chunk, Context& context) override {
    SlidingWindow& window = context.state().answer;
    const int found = redact(window.add(chunk.data), chunk.is_last);
    Allow answer = Decision::allow().replace_body(window.release(chunk.is_last));
    if (found > 0) answer.tag("email").note("redacted", std::to_string(found));
    return answer;
  }
};

}  // namespace

int main(int argc, char** argv) { return serve<RedactAnswers>(argc, argv); }
