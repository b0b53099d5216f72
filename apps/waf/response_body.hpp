#pragma once

#include <cstddef>
#include <cstdint>

#include "apps/waf/verdict.hpp"
#include "picket/base/bytes.hpp"
#include "picket/wire/messages.hpp"

namespace modsecurity {
class Transaction;
}

namespace picket::apps::waf {

class RuleSet;

/// The body of one answer before the rules: which is looked at, how much of it, and when the rules judge it (phase 4).
///
/// The rules judge a body once, at its end. So one that they look at waits until then, and nothing of it goes on
/// before; what is larger than SecResponseBodyLimit is never judged, and never waits for less than the failure mode of
/// whoever sent it. One that they do not look at goes on at once; phase 4 has run without it, since rules of it judge
/// more than bodies.
///
/// Thread safety, lifetime: those of the Transaction that it belongs to.
class ResponseBody {
 public:
  /// After phase 3. `comes`: whether its bytes are sent here, as chunks. Runs phase 4 where nothing is waited for.
  void begin(modsecurity::Transaction& engine, const RuleSet& rules, const wire::ResponseHeaders& head, bool comes,
             Verdict& verdict);
  /// Chunks in order.
  void append(modsecurity::Transaction& engine, const RuleSet& rules, const wire::ResponseBodyChunk& chunk,
              Verdict& verdict);

 private:
  enum class State : std::uint8_t {
    passes,    ///< Phase 4 has run, or no rule is on; what comes goes on.
    waits,     ///< Its bytes are kept until its end.
    too_large  ///< More came than may be kept: it cannot be judged.
  };

  void keep(modsecurity::Transaction& engine, const RuleSet& rules, base::ByteView data, Verdict& verdict);

  State state_ = State::passes;
  std::size_t size_ = 0;  // bytes that are kept
};

/// The head of an answer that nothing of a body follows, whatever its request was but HEAD (RFC 9112 §6.3).
[[nodiscard]] bool has_no_body(const wire::ResponseHeaders& head) noexcept;

}  // namespace picket::apps::waf
