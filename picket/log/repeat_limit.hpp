#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "picket/base/time.hpp"

namespace picket::log {

/// Keeps lines that a peer can cause again and again from filling a log: of one kind the first few in a while are
/// written, the others counted, and the last of those is written with the count once the while is over.
///
/// Lines are of one kind where they begin alike, up to the first bracket or double quote. The worker, an id and all
/// words and numbers of a peer's choosing stand behind that place: nothing that a peer puts into them makes a kind, or
/// they would be a way around the limit. An operator's own names may stand before it. Kinds are bounded as well: what
/// comes above that shares one.
/// Thread safety: the owner's. Complexity: one look-up per line.
class RepeatLimit {
 public:
  static constexpr std::uint64_t burst = 10;                          ///< Lines of a kind that are written in a while.
  static constexpr base::Duration window = std::chrono::seconds{10};  ///< The while.
  static constexpr std::size_t max_kinds = 256;

  /// Lines that were not written: the last of them, and how many.
  ///
  /// `level` and `text` are the last one's, as admits() was given them.
  struct Repeated {
    int level = 0;
    std::string text;
    std::uint64_t count = 0;
  };

  /// Whether to write the line. False: it was counted, and its text is kept if it stays the last.
  [[nodiscard]] bool admits(int level, std::string_view text, base::TimePoint now);
  /// What to say of the kinds whose while is over by `now`; they begin anew. Call it at least once in a while as long
  /// as it is not empty(). Complexity: one step per kind.
  [[nodiscard]] std::vector<Repeated> take_due(base::TimePoint now);
  /// Whether any while is running.
  [[nodiscard]] bool empty() const noexcept { return kinds_.empty(); }

 private:
  struct Kind {
    base::TimePoint until;
    std::uint64_t seen = 0;
    Repeated held_back;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, Kind, Hash, std::equal_to<>> kinds_;
};

/// The text up to the first of ( [ and ". Lifetime: the text's.
[[nodiscard]] std::string_view kind_of(std::string_view text);

}  // namespace picket::log
