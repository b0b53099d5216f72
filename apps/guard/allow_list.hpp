#pragma once

#include <set>
#include <string>
#include <string_view>

#include "picket/base/result.hpp"

namespace picket::apps::guard {

/// Values that are nobody's secret: a company's own addresses, numbers of its support. Compared without case; numbers
/// without the spaces, hyphens, dots, slashes and parentheses with which they are written, IBANs without spaces.
///
/// Thread safety: reading from any thread. Complexity: of contains() that of a search by text.
class AllowList {
 public:
  /// One value a line; "@example.com" is every e-mail address of that domain; empty lines and lines that begin with '#'
  /// say nothing. Errors: unavailable for a file that cannot be read.
  [[nodiscard]] static base::Result<AllowList> read(const std::string& file);

  void add(std::string_view value);
  [[nodiscard]] bool contains(std::string_view value) const;
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }

 private:
  std::set<std::string, std::less<>> values_;
};

}  // namespace picket::apps::guard
