#include <algorithm>
#include <optional>
#include <string>

#include "fuzz/check.hpp"
#include "picket/guardrail/text_stage.hpp"

using namespace picket;

namespace {

struct Passed {
  std::string out;
  std::string asked;  // of each text in turn
  bool has_end = false;
  body::Stop stop = body::Stop::none;
};

/// Every `4` of a text is redacted.
std::vector<guardrail::Redaction> fours_in(std::string_view text) {
  std::vector<guardrail::Redaction> found;
  for (std::size_t at = text.find('4'); at != std::string_view::npos; at = text.find('4', at + 1))
    found.push_back({at, at + 1, "#"});
  return found;
}

Passed pass(const guardrail::Policy& policy, std::string_view body, std::size_t size, bool redacts) {
  base::BlockPool pool;
  pool.set_budget(1 << 30);
  guardrail::TextStage stage{policy, pool};
  Passed passed;
  do {
    const std::size_t piece = std::min({size, body.size(), stage.credit()});
    stage.feed({base::SharedBytes::borrowed(base::as_bytes(body.substr(0, piece))), piece == body.size()});
    body.remove_prefix(piece);
    while (auto question = stage.next()) {
      passed.asked += question->content;
      stage.answer(*question, redacts ? fours_in(question->content) : std::vector<guardrail::Redaction>{});
    }
    for (auto part = stage.take(100); !part.is_nothing(); part = stage.take(100)) {
      passed.out += base::as_text(part.bytes.view());
      passed.has_end = part.is_last;
    }
  } while (!body.empty() && stage.stopped() == body::Stop::none);
  passed.stop = stage.stopped();
  return passed;
}

}  // namespace

/// Options, and a body: a prompt, an answer or a stream. However it is cut the same goes on, as it came where nothing
/// is redacted; what goes on is understood again, and of what was to be redacted nothing is left in it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const guardrail::Policy policy{.direction = data[0] % 2 == 0 ? body::Direction::request : body::Direction::response,
                                 .window = data[1] % 32U + 1,
                                 .holds = 1 << 20,
                                 .refuses_unread = data[0] % 4 < 2,
                                 .expects_texts = data[0] % 8 < 4};
  const std::string_view body = fuzz::text_of(data + 3, size - 3);
  const Passed whole = pass(policy, body, body.size() + 1, false);
  const Passed cut = pass(policy, body, data[2] % 16U + 1, false);
  fuzz::require(whole.stop == cut.stop && whole.has_end == cut.has_end, "the same end");
  fuzz::require(whole.has_end == (whole.stop == body::Stop::none), "an end, or a stop");
  if (!whole.has_end) return 0;
  fuzz::require(whole.out == body && cut.out == body, "as it came");
  if (!policy.refuses_unread) return 0;  // what goes past is redacted as far as it had come
  const Passed redacted = pass(policy, body, data[2] % 16U + 1, true);
  fuzz::require(pass(policy, body, body.size() + 1, true).out == redacted.out, "redacted alike");
  const Passed again = pass(policy, redacted.out, redacted.out.size() + 1, false);
  fuzz::require(again.has_end, "understood again");
  fuzz::require(again.asked.find('4') == std::string::npos, "nothing is left of it");
  return 0;
}
