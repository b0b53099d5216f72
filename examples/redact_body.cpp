// Takes card numbers out of request bodies before they reach the upstream. A number that two chunks share is found as
// well, since the body is held until its end: docs/agents.md, "Bodies".
// Run it: redact_body --listen unix:/tmp/redact.sock
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

constexpr std::size_t shortest_number = 13;
constexpr std::size_t longest_number = 19;

bool is_digit(char byte) { return std::isdigit(static_cast<unsigned char>(byte)) != 0; }

/// Whether the digits' check sum is right (Luhn, ISO/IEC 7812-1): other long numbers stay as they are.
bool is_card_number(std::string_view digits) {
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    int digit = digits[digits.size() - 1 - i] - '0';
    if (i % 2 == 1 && (digit *= 2) > 9) digit -= 9;
    sum += digit;
  }
  return digits.size() >= shortest_number && digits.size() <= longest_number && sum % 10 == 0;
}

/// Stars in place of each card number. Returns how many there were.
int redact(std::string& text) {
  int found = 0;
  for (auto at = std::ranges::find_if(text, is_digit); at != text.end();) {
    const auto end = std::find_if_not(at, text.end(), is_digit);
    if (is_card_number({at, end})) {
      std::fill(at, end, '*');
      ++found;
    }
    at = std::find_if(end, text.end(), is_digit);
  }
  return found;
}

class RedactBody final : public HandlerWith<std::string> {
 public:
  Info info() const override { return {.id = "redact-body", .version = "1", .limits = {.max_body_size = 1 << 20}}; }

  Reply on_request_body(const RequestBodyChunk& chunk, Context& context) override {
    std::string& body = context.state();
    body += picket::base::as_text(chunk.data);
    // The chunk is dropped here and comes back with the last one; until then nothing goes on.
    if (!chunk.is_last) return Decision::allow().replace_body("").needs_more();
    const int found = redact(body);
    Allow answer = Decision::allow().replace_body(std::move(body));
    if (found > 0) answer.tag("card-number").note("redacted", std::to_string(found));
    return answer;
  }
};

}  // namespace

int main(int argc, char** argv) { return serve<RedactBody>(argc, argv); }
