#include "picket/http/http2_fields.hpp"

#include <algorithm>
#include <array>

#include "picket/http/grammar.hpp"

namespace picket::http {
namespace {

bool is_lower_token(std::string_view name) noexcept {
  return is_token(name) && std::ranges::none_of(name, [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_of_a_connection(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 5> names{"connection", "proxy-connection", "keep-alive", "transfer-encoding",
                                                  "upgrade"};
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool is_http2_value(std::string_view value) noexcept {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  return is_field_value(value) && (value.empty() || (!is_blank(value.front()) && !is_blank(value.back())));
}

std::string_view wrong_in_http2(const base::Header& field) noexcept {
  if (!is_lower_token(field.name)) return "a header name that is no token in lower case";
  if (is_of_a_connection(field.name)) return "a field of a connection, which HTTP/2 has not";
  if (field.name == "te" && field.value != "trailers") return "a TE other than trailers";
  if (!is_http2_value(field.value)) return "a control character or a blank end in a header value";
  return {};
}

}  // namespace picket::http
