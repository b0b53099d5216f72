#include "picket/http/trailers.hpp"

#include <algorithm>
#include <array>

#include "picket/http/fields.hpp"
#include "picket/http/grammar.hpp"
#include "picket/http/head_fields.hpp"
#include "picket/http/list.hpp"

namespace picket::http {
namespace {

/// Beside what stays on its hop.
constexpr auto barred = std::to_array<std::string_view>({"accept",
                                                         "accept-charset",
                                                         "accept-encoding",
                                                         "accept-language",
                                                         "age",
                                                         "authorization",
                                                         "cache-control",
                                                         "content-disposition",
                                                         "content-encoding",
                                                         "content-language",
                                                         "content-location",
                                                         "content-range",
                                                         "content-security-policy",
                                                         "content-type",
                                                         "cookie",
                                                         "date",
                                                         "expires",
                                                         "forwarded",
                                                         "from",
                                                         "host",
                                                         "location",
                                                         "max-forwards",
                                                         "origin",
                                                         "pragma",
                                                         "range",
                                                         "referer",
                                                         "refresh",
                                                         "retry-after",
                                                         "set-cookie",
                                                         "strict-transport-security",
                                                         "vary",
                                                         "via",
                                                         "warning",
                                                         "www-authenticate",
                                                         "x-request-id"});
constexpr auto barred_families = std::to_array<std::string_view>({"access-control-", "if-", "proxy-", "sec-"});

}  // namespace

base::Headers read_trailers(std::string_view lines, base::Arena& arena) {
  base::ArenaList<base::Header> fields{arena};
  while (const auto line = take_line(lines)) {
    const auto colon = std::min(line->find(':'), line->size());
    fields.push_back({line->substr(0, colon), trimmed(line->substr(std::min(colon + 1, line->size())))});
  }
  return base::Headers{std::span<const base::Header>{fields.items()}};
}

bool wants_trailers(const base::Headers& headers) noexcept {
  return std::ranges::any_of(headers, [](const base::Header& field) {
    if (!base::same_name(field.name, "te")) return false;
    std::string_view list = field.value;
    while (const auto item = next_item(list))
      if (base::same_name(*item, "trailers")) return true;
    return false;
  });
}

bool may_be_trailer(const base::Header& field) noexcept {
  const auto is_spelled = [&](std::string_view name) { return same_spelling(field.name, name); };
  const auto is_of_family = [&](std::string_view family) {
    return same_spelling(field.name.substr(0, family.size()), family);
  };
  return is_token(field.name) && is_field_value(field.value) && !stays_on_its_hop(field.name) &&
         std::ranges::none_of(barred, is_spelled) && std::ranges::none_of(barred_families, is_of_family);
}

}  // namespace picket::http
