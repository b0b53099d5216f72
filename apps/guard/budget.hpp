#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "picket/base/result.hpp"

namespace picket::apps::guard {

/// What each key may spend.
struct BudgetTerms {
  std::uint64_t tokens = 0;                              ///< in one period; 0: no budget
  std::chrono::seconds period = std::chrono::hours{24};  ///< of each key its own, from what it spends first
  std::size_t most_keys = 100'000;                       ///< known at once; all beyond them share one budget
};

/// What keys have spent in their periods. A key is kept as its SHA-256, never itself.
///
/// A table that is full forgets keys whose periods are over. Where none is, what is new shares one account, so that
/// nobody gets a new budget by making others forgotten.
///
/// Thread safety: any thread. Errors: none but of read(). Complexity: a lock and a search by the key; a full table is
/// searched whole at most once a second, for a key that is not in it.
class Budget {
 public:
  /// Wall time: periods outlive the process.
  using Time = std::chrono::sys_seconds;

  [[nodiscard]] static Time now();

  explicit Budget(const BudgetTerms& terms) : terms_(terms) {}

  /// How a key is known: 32 bytes.
  [[nodiscard]] static std::string name_of_key(std::string_view key);

  /// How long the key has to wait until it may spend again; 0 where it may.
  [[nodiscard]] std::chrono::seconds wait_of(const std::string& name, Time now);
  void spend(const std::string& name, std::uint64_t tokens, Time now);

  [[nodiscard]] std::size_t keys() const;
  /// Counts what was spent: whoever saves it sees by it whether it has changed.
  [[nodiscard]] std::uint64_t version() const;

  /// All accounts whose periods are not over, in lines of text; and the same read. Errors: of read() invalid_message,
  /// with the line, for a text that write() does not make.
  [[nodiscard]] std::string write(Time now) const;
  [[nodiscard]] base::Status read(std::string_view text, Time now);

 private:
  struct Account {
    Time begin{};
    std::uint64_t spent = 0;
  };
  [[nodiscard]] bool is_over(const Account& account, Time now) const { return now - account.begin >= terms_.period; }
  /// A period that begins later than now was begun by a clock that was wrong: it begins now, so that it bars nobody for
  /// longer than a period.
  void correct(Account& account, Time now);
  void make_room(Time now);
  /// The key's own or, where the table is full, the shared one; null where it would get a new one.
  [[nodiscard]] Account* account_of(const std::string& name, Time now);
  Account& account_for(const std::string& name, Time now);

  const BudgetTerms terms_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Account> accounts_;
  Account shared_;
  Time next_end_{};  // before it no period of a full table ends
  std::uint64_t version_ = 0;
};

}  // namespace picket::apps::guard
