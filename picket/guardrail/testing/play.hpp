#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/guardrail/text_stage.hpp"

namespace picket::guardrail::testing {

/// What somebody says of a text.
using Judge = std::function<std::vector<Redaction>(std::string_view)>;

/// Redacts every place where `value` stands.
inline Judge redacting(std::string value, std::string replacement) {
  return [value = std::move(value), replacement = std::move(replacement)](std::string_view text) {
    std::vector<Redaction> found;
    for (std::size_t at = text.find(value); at != std::string_view::npos; at = text.find(value, at + value.size()))
      found.push_back({at, at + value.size(), replacement});
    return found;
  };
}

/// A stage with somebody who answers at once.
class Play {
 public:
  explicit Play(
      const Policy& policy, Judge judge = [](std::string_view) { return std::vector<Redaction>{}; },
      std::uint64_t budget = 1 << 30)
      : judge_(std::move(judge)) {
    pool_.set_budget(budget);
    stage_.emplace(policy, pool_);
  }

  [[nodiscard]] TextStage& stage() { return *stage_; }
  /// Feeds it, as its credit allows.
  void feed(std::string_view bytes, bool is_last) {
    do {
      const std::size_t size = std::min(bytes.size(), stage_->credit());
      stage_->feed(
          {base::SharedBytes::borrowed(base::as_bytes(bytes.substr(0, size))), is_last && size == bytes.size()});
      bytes.remove_prefix(size);
      taken();
      if (size == 0) return;
    } while (!bytes.empty());
  }
  void answer_all() {
    while (auto question = stage_->next()) {
      asked_.emplace_back(question->content);
      stage_->answer(*question, judge_(question->content));
    }
  }
  /// What goes on now.
  std::string taken() {
    std::string out;
    for (auto part = stage_->take(1000); !part.is_nothing(); part = stage_->take(1000)) {
      out += base::as_text(part.bytes.view());
      has_end_ = has_end_ || part.is_last;
    }
    out_ += out;
    return out;
  }
  /// What goes on once the bytes were fed, and all questions answered.
  std::string out_of(std::string_view bytes, bool is_last = false) {
    const std::size_t before = out_.size();
    feed(bytes, is_last);
    answer_all();
    taken();
    return out_.substr(before);
  }
  std::string all_of(std::string_view bytes) { return out_of(bytes, true); }

  [[nodiscard]] const std::vector<std::string>& asked() const { return asked_; }
  [[nodiscard]] std::string taken_in_all() {
    taken();
    return out_;
  }
  [[nodiscard]] bool has_end() const { return has_end_; }
  /// Bytes that count as held.
  [[nodiscard]] std::uint64_t held() const { return pool_.held(); }

 private:
  Judge judge_;
  base::BlockPool pool_;
  std::optional<TextStage> stage_;
  std::vector<std::string> asked_;
  std::string out_;
  bool has_end_ = false;
};

}  // namespace picket::guardrail::testing
