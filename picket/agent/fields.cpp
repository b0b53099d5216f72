#include "picket/agent/fields.hpp"

#include "picket/base/ascii.hpp"
#include "picket/base/text.hpp"

namespace picket::agent {
namespace {

std::string form_decoded(std::string_view text) {
  std::string with_spaces{text};
  for (char& c : with_spaces)
    if (c == '+') c = ' ';
  return percent_decoded(with_spaces);
}

/// Calls `use` for each part between separators, until it says that it wants no more.
template <class Use>
void for_each_part(std::string_view text, char separator, Use use) {
  for (bool goes_on = true; goes_on;) {
    const std::size_t end = text.find(separator);
    goes_on = use(text.substr(0, end)) && end != std::string_view::npos;
    if (goes_on) text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::string_view> Fields::get(std::string_view name) const noexcept {
  for (const auto& [other, value] : pairs_)
    if (other == name) return value;
  return std::nullopt;
}

std::vector<std::string_view> Fields::all(std::string_view name) const {
  std::vector<std::string_view> values;
  for (const auto& [other, value] : pairs_)
    if (other == name) values.emplace_back(value);
  return values;
}

void Fields::add(std::string name, std::string value) {
  is_cut_ = pairs_.size() >= most;
  if (!is_cut_) pairs_.emplace_back(std::move(name), std::move(value));
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const int high = text[at] == '%' && at + 2 < text.size() ? base::hex_value(text[at + 1]) : -1;
    const int low = high >= 0 ? base::hex_value(text[at + 2]) : -1;
    decoded += low >= 0 ? static_cast<char>(high * 16 + low) : text[at];
    if (low >= 0) at += 2;
  }
  return decoded;
}

Fields parse_form(std::string_view text) {
  Fields fields;
  for_each_part(text, '&', [&](std::string_view part) {
    if (part.empty()) return true;
    const std::size_t equals = part.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    fields.add(form_decoded(part.substr(0, equals)), form_decoded(value));
    return !fields.is_cut();
  });
  return fields;
}

Fields parse_query(std::string_view uri) {
  uri = uri.substr(0, uri.find('#'));
  const std::size_t mark = uri.find('?');
  return mark == std::string_view::npos ? Fields{} : parse_form(uri.substr(mark + 1));
}

Fields parse_cookies(const base::Headers& headers) {
  Fields fields;
  for (const base::Header& header : headers) {
    if (!base::same_name(header.name, "cookie")) continue;
    for_each_part(header.value, ';', [&](std::string_view part) {
      const std::size_t equals = part.find('=');
      if (equals != std::string_view::npos)
        fields.add(std::string{base::trimmed(part.substr(0, equals))},
                   std::string{base::trimmed(part.substr(equals + 1))});
      return !fields.is_cut();
    });
  }
  return fields;
}

}  // namespace picket::agent
