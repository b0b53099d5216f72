// Looks at what streams: takes card numbers out of answers, stops uploads that have a known bad text, and drops
// messages of WebSockets with a card number. Of an answer only the digits at its end wait for what follows them.
// docs/agents.md, "Streams". Run it: stream_guard --listen unix:/tmp/guard.sock, with `request-body-mode "stream";
// response-body-mode "stream"`.
#include <algorithm>
#include <cctype>
#include <string>
#include <utility>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

constexpr std::size_t shortest_number = 13;
constexpr std::size_t longest_number = 19;
constexpr std::string_view bad = "EICAR-STANDARD-ANTIVIRUS-TEST-FILE";

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

/// Whether there was a card number to take out.
bool redact(std::string& text) {
  bool has_found = false;
  for (auto at = std::ranges::find_if(text, is_digit); at != text.end();) {
    const auto end = std::find_if_not(at, text.end(), is_digit);
    if (is_card_number({at, end})) {
      std::fill(at, end, '*');
      has_found = true;
    }
    at = std::find_if(end, text.end(), is_digit);
  }
  return has_found;
}

/// How many digits a text ends with.
std::size_t digits_at_end(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.rbegin(), text.rend(), is_digit) - text.rbegin());
}

/// What one exchange's next chunk is looked at with.
struct Seen {
  std::string upload;  // its end, which may be the beginning of something bad
  std::string answer;  // digits that were kept, which may be the beginning of a number
};

class StreamGuard final : public HandlerWith<Seen> {
 public:
  Info info() const override { return {.id = "stream-guard", .version = "1"}; }

  Reply on_request_body(const RequestBodyChunk& chunk, Context& context) override {
    std::string& seen = context.state().upload;
    seen += picket::base::as_text(chunk.data);
    if (seen.find(bad) != std::string::npos) return Decision::block(403).reason("bad-upload");
    seen.erase(0, seen.size() - std::min(seen.size(), bad.size() - 1));
    return Decision::allow();
  }

  Reply on_response_body(const ResponseBodyChunk& chunk, Context& context) override {
    std::string& kept = context.state().answer;
    std::string text = std::exchange(kept, {});
    text += picket::base::as_text(chunk.data);
    const std::size_t digits = digits_at_end(text);
    if (!chunk.is_last && digits <= longest_number) {
      kept = text.substr(text.size() - digits);
      text.resize(text.size() - digits);
    }
    redact(text);
    return Decision::allow().replace_body(std::move(text));
  }

  /// The message goes on, or does not, after the word on its last frame.
  Reply on_websocket_frame(const WebSocketFrame& frame, Context&) override {
    std::string text{picket::base::as_text(frame.data)};
    if (redact(text)) return Decision::drop_frame();
    return Decision::allow();
  }
};

}  // namespace

int main(int argc, char** argv) { return serve<StreamGuard>(argc, argv); }
