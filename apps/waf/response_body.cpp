#include "apps/waf/response_body.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include <modsecurity/transaction.h>

#include "apps/waf/match_budget.hpp"
#include "apps/waf/media_type.hpp"
#include "apps/waf/rule_set.hpp"
#include "picket/base/text.hpp"

namespace picket::apps::waf {
namespace {

/// As the lists of the rules have it: without parameters, in lower case.
std::string media_type(std::string_view field) {
  return base::lowered(base::trimmed(field.substr(0, field.find(';'))));
}

/// A browser takes it for no type, and guesses as where there is none (WHATWG MIME Sniffing §7).
bool is_none(std::string_view type) noexcept {
  constexpr std::string_view unknown[] = {"*/*", "unknown/unknown", "application/unknown"};
  return !is_type_and_subtype(type) || std::ranges::find(unknown, type) != std::end(unknown);
}

/// Of two that differ, in one field or in two, a client may believe either, so each is looked for.
bool is_inspected(const CompiledRules& rules, const wire::Headers& fields) {
  bool has_type = false;
  for (const wire::Header& field : fields) {
    if (!base::same_name(field.name, "content-type")) continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      const std::string type = media_type(list.substr(0, comma));
      list.remove_prefix(std::min(comma + 1, list.size()));
      if (type.empty()) continue;
      has_type = true;
      if (rules.inspects_response_type(is_none(type) ? std::string{} : type)) return true;
    }
  }
  return !has_type && rules.inspects_response_type({});
}

/// The library would look at the type of the answer first, as it is spelled.
void judge(modsecurity::Transaction& engine) {
  if (MatchBudget::spent()) return;
  run_response_body_phase(engine);
}

}  // namespace

bool has_no_body(const wire::ResponseHeaders& head) noexcept {
  if (head.status < 200 || head.status == 204 || head.status == 304) return true;
  return std::ranges::any_of(head.headers, [](const wire::Header& field) {
    return base::same_name(field.name, "content-length") &&
           field.value.find_first_not_of("0 \t") == std::string_view::npos;
  });
}

void ResponseBody::begin(modsecurity::Transaction& engine, const RuleSet& rules, const wire::ResponseHeaders& head,
                         bool comes, Verdict& verdict) {
  if (comes && !has_no_body(head) && is_inspected(rules.compiled(), head.headers)) {
    state_ = State::waits;
    verdict.is_whole = false;
  } else {
    judge(engine);
  }
}

void ResponseBody::append(modsecurity::Transaction& engine, const RuleSet& rules, const wire::ResponseBodyChunk& chunk,
                          Verdict& verdict) {
  if (state_ == State::waits) keep(engine, rules, chunk.data, verdict);
  if (state_ == State::waits && chunk.is_last) {
    judge(engine);
    state_ = State::passes;
  }
  verdict.is_whole = state_ == State::passes;
}

void ResponseBody::keep(modsecurity::Transaction& engine, const RuleSet& rules, base::ByteView data, Verdict& verdict) {
  size_ += data.size();
  if (size_ <= rules.response_body_limit()) {
    const std::string_view text = base::as_text(data);
    engine.m_responseBody.write(text.data(), static_cast<std::streamsize>(text.size()));
    return;
  }
  engine.m_responseBody = {};
  verdict.notes.push_back(note_response_over_limit);
  // Where nothing is blocked, nothing is held up either.
  state_ = may_block(engine) ? State::too_large : State::passes;
}

}  // namespace picket::apps::waf
