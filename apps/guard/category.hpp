#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "picket/base/result.hpp"

namespace picket::apps::guard {

/// What may stand in a text. In order of what counts where two findings overlap: the more particular one first.
enum class Category : std::uint8_t {
  pem_key,
  jwt,
  cloud_key,
  iban,
  credit_card,
  national_id,
  email,
  ip_address,
  phone,
  secret,
  prompt_injection,
};
inline constexpr std::size_t category_count = 11;

/// A set of categories. Thread safety: a value.
class Categories {
 public:
  constexpr Categories() = default;
  Categories(std::initializer_list<Category> members) {
    for (const Category member : members) add(member);
  }
  [[nodiscard]] static Categories all() {
    Categories every;
    every.members_.set();
    return every;
  }
  void add(Category category) { members_.set(static_cast<std::size_t>(category)); }
  void add(const Categories& others) { members_ |= others.members_; }
  [[nodiscard]] bool has(Category category) const { return members_.test(static_cast<std::size_t>(category)); }
  [[nodiscard]] bool empty() const noexcept { return members_.none(); }
  [[nodiscard]] Categories without(Category category) const {
    Categories rest = *this;
    rest.members_.reset(static_cast<std::size_t>(category));
    return rest;
  }
  friend bool operator==(const Categories&, const Categories&) = default;

 private:
  std::bitset<category_count> members_;
};

/// Its name on the wire, in options and in documents: "credit_card".
[[nodiscard]] std::string_view name_of(Category category) noexcept;
/// How bad it is that it got out: "low", "medium", "high" or "critical", as the protocol's guardrail answers say it.
[[nodiscard]] std::string_view severity_of(Category category) noexcept;

/// The categories of a name: one category, or a group: "all", "none", "pii" (what tells of people), "secrets" (what
/// opens doors). Nothing for a word that is neither.
[[nodiscard]] std::optional<Categories> categories_named(std::string_view name) noexcept;
/// The categories of names with commas between them. Errors: invalid_message, naming the word that is not known and
/// those that are.
[[nodiscard]] base::Result<Categories> parse_categories(std::string_view list);

}  // namespace picket::apps::guard
