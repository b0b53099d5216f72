#include "apps/guard/category.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

namespace picket::apps::guard {
namespace {

enum class Group : std::uint8_t { pii, secrets, prompts };

struct Row {
  std::string_view name;
  std::string_view severity;
  Group group;
};

/// By category.
constexpr std::array<Row, category_count> rows{{
    {"pem_key", "critical", Group::secrets},
    {"jwt", "high", Group::secrets},
    {"cloud_key", "critical", Group::secrets},
    {"iban", "high", Group::pii},
    {"credit_card", "critical", Group::pii},
    {"national_id", "critical", Group::pii},
    {"email", "medium", Group::pii},
    {"ip_address", "low", Group::pii},
    {"phone", "medium", Group::pii},
    {"secret", "high", Group::secrets},
    {"prompt_injection", "high", Group::prompts},
}};

Categories of_group(Group group) {
  Categories members;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].group == group) members.add(static_cast<Category>(i));
  return members;
}

std::string known_names() {
  std::string names = "all, none, pii, secrets";
  for (const Row& row : rows) names.append(", ").append(row.name);
  return names;
}

}  // namespace

std::string_view name_of(Category category) noexcept { return rows[static_cast<std::size_t>(category)].name; }
std::string_view severity_of(Category category) noexcept { return rows[static_cast<std::size_t>(category)].severity; }

std::optional<Categories> categories_named(std::string_view name) noexcept {
  if (name == "all") return Categories::all();
  if (name == "none") return Categories{};
  if (name == "pii") return of_group(Group::pii);
  if (name == "secrets") return of_group(Group::secrets);
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].name == name) return Categories{static_cast<Category>(i)};
  return std::nullopt;
}

base::Result<Categories> parse_categories(std::string_view list) {
  Categories wanted;
  const bool is_one = list.find(',') == std::string_view::npos;
  for (;;) {
    const std::size_t comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    const auto named = categories_named(word);
    if (!named)
      return base::fail(base::ErrorKind::invalid_message,
                        fmt::format("'{}' is no category; known are {}", word, known_names()));
    if (named->empty() && !is_one)
      return base::fail(base::ErrorKind::invalid_message, fmt::format("'{}' stands alone", word));
    wanted.add(*named);
    if (comma == std::string_view::npos) return wanted;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace picket::apps::guard
