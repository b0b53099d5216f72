#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/base/headers.hpp"

namespace picket::agent {

/// Names and values of a query, a form or cookies, in their order. Names may come several times.
///
/// Thread safety: a value. Lifetime: it owns its text. Complexity: get() and all() search.
class Fields {
 public:
  /// What is behind it is not read: a client chooses how many it sends.
  static constexpr std::size_t most = 1000;

  /// The first value of that name. An application may take the last one: an agent that judges looks at all().
  [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;
  [[nodiscard]] std::vector<std::string_view> all(std::string_view name) const;
  [[nodiscard]] std::size_t size() const noexcept { return pairs_.size(); }
  /// Whether there were more than `most`.
  [[nodiscard]] bool is_cut() const noexcept { return is_cut_; }

  [[nodiscard]] auto begin() const noexcept { return pairs_.begin(); }
  [[nodiscard]] auto end() const noexcept { return pairs_.end(); }

 private:
  friend Fields parse_form(std::string_view text);
  friend Fields parse_cookies(const base::Headers& headers);
  void add(std::string name, std::string value);

  std::vector<std::pair<std::string, std::string>> pairs_;
  bool is_cut_ = false;
};

/// A body of application/x-www-form-urlencoded, as the URL standard of WHATWG (§5.1) reads it: '+' is a space, '%' with
/// two hexadecimal digits a byte, with anything else itself. Never an error: applications read such texts, too. What a
/// byte means is not looked at: a value need not be UTF-8.
[[nodiscard]] Fields parse_form(std::string_view text);
/// The query of a request's target, behind its first '?', read as a form is. Empty where there is none.
[[nodiscard]] Fields parse_query(std::string_view uri);
/// The cookies of a request (RFC 6265 §4.2.1), of all Cookie fields. Quotes around a value are left as they are, as is
/// '%': what they mean is the application's.
[[nodiscard]] Fields parse_cookies(const base::Headers& headers);
/// '%' and two digits to the byte that they stand for; everything else as it is.
[[nodiscard]] std::string percent_decoded(std::string_view text);

}  // namespace picket::agent
