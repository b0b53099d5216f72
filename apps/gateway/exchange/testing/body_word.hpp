#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/exchange/testing/body_flow.hpp"
#include "apps/gateway/exchange/testing/chance.hpp"
#include "picket/inspection/chain.hpp"

/// What agents make of bodies, so that it can be told without asking them, however the bodies are cut.
namespace picket::apps::gateway::exchange::testing {

enum class Word : std::uint8_t { allows, wants_more, blocks, fails };

/// What one agent makes of one body: of each byte by where it stands, whatever chunk brings it. Thread safety: a value.
class BodyWord {
 public:
  /// Of a body of about that size.
  BodyWord(Chance& chance, std::size_t size)
      : seed_(chance.below(1'000'000)),
        stretch_(chance.one_in(3)   ? 7
                 : chance.one_in(2) ? 300
                                    : 3'000),
        edits_(chance.one_in(2)),
        wants_more_(chance.one_in(3)),
        is_late_(chance.one_in(3)) {
    if (chance.one_in(8)) blocks_at_ = chance.below(size + 1);
    if (chance.one_in(10)) fails_at_ = chance.below(size + 1);
  }

  /// Where it edits, it makes a capital of each q, and nothing else: what has a shape keeps it.
  void make_capitals() noexcept { makes_capitals_ = true; }
  /// What goes on in the place of bytes that stand behind `from` others: the same, be they one chunk or several.
  [[nodiscard]] std::string made_of(std::string_view data, std::size_t from) const {
    std::string made;
    if (!edits_ || makes_capitals_) made = data;
    if (edits_ && makes_capitals_) std::ranges::replace(made, 'q', 'Q');
    if (!edits_ || makes_capitals_) return made;
    for (const std::size_t end = from + data.size(); from < end;) {
      const std::size_t size = std::min(end, (from / stretch_ + 1) * stretch_) - from;
      add(made, data.substr(0, size), from);
      data.remove_prefix(size);
      from += size;
    }
    return made;
  }
  /// About the chunk that stands from `begin` to `end`. The last stands for what would follow.
  [[nodiscard]] Word about(std::size_t begin, std::size_t end, bool is_last) const {
    const auto is_in = [&](const std::optional<std::size_t>& at) {
      return at && *at >= begin && (*at < end || is_last);
    };
    if (is_in(blocks_at_) && is_in(fails_at_)) return *blocks_at_ <= *fails_at_ ? Word::blocks : Word::fails;
    if (is_in(blocks_at_)) return Word::blocks;
    if (is_in(fails_at_)) return Word::fails;
    return wants_more_ && !is_last && draw(end, 3) == 0 ? Word::wants_more : Word::allows;
  }
  /// Whether it puts anything in the place of any byte.
  [[nodiscard]] bool edits() const noexcept { return edits_; }
  /// Whether it says so when it is told to.
  [[nodiscard]] bool is_late(std::size_t begin) const { return is_late_ && draw(begin, 2) == 0; }

 private:
  enum Edit : std::uint8_t { drops, grows, shrinks, replaces, count = 8 };  // all else it leaves as it is

  [[nodiscard]] std::size_t draw(std::size_t at, std::size_t n) const {
    std::uint64_t mixed = (at + seed_ * 977) * 0x9E37'79B9'7F4A'7C15U;
    mixed ^= mixed >> 29;
    return mixed * 0xBF58'476D'1CE4'E5B9U / 0x1'0000'0000U % n;
  }
  void add(std::string& made, std::string_view data, std::size_t from) const {
    switch (draw(from / stretch_, Edit::count)) {
      case Edit::drops: return;
      case Edit::grows:
        for (const char byte : data) made.append({byte, '+'});
        return;
      case Edit::replaces: return static_cast<void>(made.append(data.size(), '#'));
      case Edit::shrinks:
        for (std::size_t i = 0; i < data.size(); ++i)
          if ((from + i) % 2 == 0) made += data[i];
        return;
      default: return static_cast<void>(made.append(data));
    }
  }

  std::size_t seed_;
  std::size_t stretch_;  // bytes that are edited alike
  bool edits_;
  bool makes_capitals_ = false;
  bool wants_more_;
  bool is_late_;
  std::optional<std::size_t> blocks_at_;
  std::optional<std::size_t> fails_at_;
};

/// One body as an agent was asked about it. Thread safety: a value.
class BodyRecord {
 public:
  struct Asked {
    std::size_t begin;
    std::size_t end;
    bool is_last;
    Word word;
    bool is_said = false;
  };

  /// The next chunk. Lifetime: the record's.
  Asked& ask(const BodyWord& word, std::string_view data, bool is_last) {
    const std::size_t begin = seen_.size();
    seen_ += data;
    return asked_.emplace_back(Asked{begin, seen_.size(), is_last, word.about(begin, seen_.size(), is_last)});
  }
  [[nodiscard]] bool is_empty() const noexcept { return asked_.empty(); }
  [[nodiscard]] const std::string& seen() const noexcept { return seen_; }
  /// The first word that stops it, or sets the agent aside, if it is said.
  [[nodiscard]] std::optional<Word> stop() const {
    for (const Asked& chunk : asked_) {
      if (!chunk.is_said) break;
      if (chunk.word == Word::blocks || chunk.word == Word::fails) return chunk.word;
    }
    return std::nullopt;
  }
  /// Bytes of what has come that the agent, by what it has said, lets go on. `words`: as many of them as count.
  [[nodiscard]] std::size_t agreed(const inspection::BodyTerms& terms, std::size_t words = all_of_them) const {
    std::size_t agreed = 0;
    for (const Asked& chunk : asked_) {
      if (words-- == 0 || !chunk.is_said || chunk.word == Word::blocks || chunk.word == Word::fails) break;
      if (chunk.is_last || (chunk.word == Word::allows && chunk.end >= terms.gathers)) agreed = chunk.end;
    }
    return agreed;
  }
  /// Whether it has said all that it is asked.
  [[nodiscard]] bool has_said_last() const {
    return !stop() && !asked_.empty() && asked_.back().is_last && std::ranges::all_of(asked_, &Asked::is_said);
  }
  /// What goes on of `came`. `opens`: what the agent fails about goes on as it came.
  [[nodiscard]] Flow flow(const BodyWord& word, const Flow& came, const inspection::BodyTerms& terms,
                          bool opens) const {
    const std::string_view all = came.text;
    const std::size_t agreed = std::min(this->agreed(terms), all.size());
    if (has_said_last() || (opens && stop() == Word::fails))
      return {word.made_of(all.substr(0, agreed), 0).append(all.substr(agreed)), came.is_whole};
    const std::size_t released = agreed - std::min<std::size_t>(agreed, terms.holds_back);
    return {word.made_of(all.substr(0, released), 0), false};
  }
  /// The same where the agent was set aside for what it did elsewhere, behind any of its words: adds what may go on.
  void add_flows_without_it(std::vector<Flow>& flows, const BodyWord& word, const Flow& came,
                            const inspection::BodyTerms& terms) const {
    const std::string_view all = came.text;
    std::size_t last = all_of_them;
    for (std::size_t words = 0; words <= asked_.size(); ++words) {
      const std::size_t agreed = std::min(this->agreed(terms, words), all.size());
      if (agreed == last) continue;
      flows.push_back({word.made_of(all.substr(0, agreed), 0).append(all.substr(agreed)), came.is_whole});
      last = agreed;
    }
  }
  /// Whether what it has said, as far as it counts, leaves all bytes as they came.
  [[nodiscard]] bool leaves_all(const BodyWord& word, const inspection::BodyTerms& terms) const {
    std::size_t end = 0;
    for (const Asked& chunk : asked_) {
      if (!chunk.is_said) break;
      end = chunk.end;
    }
    const auto counts = std::string_view{seen_}.substr(0, stop() == Word::fails ? agreed(terms) : end);
    return word.made_of(counts, 0) == counts;
  }

 private:
  static constexpr std::size_t all_of_them = static_cast<std::size_t>(-1);

  std::string seen_;
  std::deque<Asked> asked_;
};

}  // namespace picket::apps::gateway::exchange::testing
