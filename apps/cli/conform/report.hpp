#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"

namespace picket::apps::cli::conform {

enum class Verdict : std::uint8_t { passed, failed, skipped };

/// What came of one rule on one kind of connection. Views are the rule's, which lives as long as the program.
struct Outcome {
  std::string_view id;
  std::string_view section;
  std::string_view sentence;
  std::string_view encoding;
  Verdict verdict = Verdict::passed;
  std::string why;  ///< Empty where it passed.
  base::Duration took{};
};

/// What came of all of them, as a table and as JUnit's XML. Thread safety: none.
class Report {
 public:
  /// `subject`: "agent" or "proxy"; with colours for terminals.
  Report(std::string_view subject, bool coloured) : subject_(subject), coloured_(coloured) {}

  /// Prints its line.
  void add(Outcome outcome);
  /// Prints the sum.
  void print_sum() const;
  [[nodiscard]] std::size_t count(Verdict verdict) const;
  /// Errors: io.
  [[nodiscard]] base::Status write_junit(const std::string& path) const;

 private:
  std::string_view subject_;
  bool coloured_;
  std::vector<Outcome> outcomes_;
};

}  // namespace picket::apps::cli::conform
