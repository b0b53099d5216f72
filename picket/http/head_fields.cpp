#include "picket/http/head_fields.hpp"

#include <charconv>

#include "picket/http/authority.hpp"
#include "picket/http/list.hpp"

namespace picket::http {
namespace {

constexpr bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

}  // namespace

std::optional<std::string_view> take_line(std::string_view& rest) noexcept {
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos || end == 0 || rest[end - 1] != '\r') return std::nullopt;
  const std::string_view line = rest.substr(0, end - 1);
  rest.remove_prefix(end + 1);
  return line;
}

std::optional<HeadError> control_character(std::string_view line) noexcept {
  if (line.find('\0') != std::string_view::npos) return HeadError{400, "a NUL byte in the head"};
  if (line.find_first_of("\r\n") != std::string_view::npos) return HeadError{400, "a bare CR or LF in the head"};
  if (!is_field_value(line)) return HeadError{400, "a control character in the head"};
  return std::nullopt;
}

std::optional<HeadError> HeadFields::read(std::string_view lines, std::size_t max_fields) {
  while (true) {
    const auto line = take_line(lines);
    if (!line) return HeadError{400, "a bare LF in the head, or no empty line at its end"};
    if (line->empty()) break;
    if (fields_.items().size() == max_fields) return HeadError{431, "more header fields than the limit"};
    if (const std::string_view wrong = take(*line); !wrong.empty()) {
      const auto control = control_character(*line);
      return control ? *control : HeadError{400, wrong};
    }
  }
  if (!lines.empty()) return HeadError{400, "bytes behind the head's empty line"};
  if (lengths_ > 1) return HeadError{400, "more than one Content-Length"};
  if (encodings_ > 1) return HeadError{400, "more than one Transfer-Encoding"};
  if (encodings_ != 0 && lengths_ != 0) return HeadError{400, "both Content-Length and Transfer-Encoding"};
  return std::nullopt;
}

std::string_view HeadFields::take(std::string_view line) {
  const std::size_t name_size = token_size(line);
  if (name_size == 0 && is_blank(line.front())) return "a field that is folded over lines (obs-fold)";
  if (name_size == line.size()) return "a header line without a colon";
  if (name_size == 0 || line[name_size] != ':')
    return "a header name that is no token, such as white space before the colon";
  const base::Header field{.name = line.substr(0, name_size), .value = trimmed(line.substr(name_size + 1))};
  if (!is_field_value(field.value)) return "a control character in a header value";
  fields_.push_back(field);
  return note(field);
}

std::string_view HeadFields::note(const base::Header& field) {
  const auto is = [&field](std::string_view name) { return base::same_name(field.name, name); };
  switch (field.name.size()) {  // most fields are none of these, which their size mostly says
    case 4:
      if (is("host")) note_host(field.value);
      break;
    case 6:
      if (is("expect")) note_expect(field.value);
      break;
    case 10:
      if (is("connection")) note_connection(field.value);
      break;
    case 14:
      if (is("content-length")) return note_length(field.value);
      break;
    case 16:
      if (is("proxy-connection")) malformed_connection_ = malformed_connection_ || !is_token_list(field.value);
      break;
    case 17:
      if (is("transfer-encoding")) return note_encoding(field.value);
      break;
    default: break;
  }
  return {};
}

void HeadFields::note_host(std::string_view value) noexcept {
  ++hosts_;
  malformed_host_ = malformed_host_ || !is_authority(value);
}

void HeadFields::note_expect(std::string_view value) noexcept {
  while (const auto item = next_item(value))
    expects_continue_ = expects_continue_ || base::same_name(*item, "100-continue");
}

void HeadFields::note_connection(std::string_view value) noexcept {
  malformed_connection_ = malformed_connection_ || !is_token_list(value);
  while (const auto item = next_item(value)) {
    closes_ = closes_ || base::same_name(*item, "close");
    keeps_alive_ = keeps_alive_ || base::same_name(*item, "keep-alive");
  }
}

std::string_view HeadFields::note_length(std::string_view value) noexcept {
  constexpr std::size_t most_digits = 18;  // what no arithmetic on lengths overflows with
  ++lengths_;
  const char* const last = value.data() + value.size();
  const auto [end, error] = std::from_chars(value.data(), last, content_length_);
  const bool is_number = error == std::errc{} && end == last && value.size() <= most_digits;
  return is_number ? std::string_view{} : "a Content-Length that is not one number";
}

std::string_view HeadFields::note_encoding(std::string_view value) noexcept {
  ++encodings_;
  return base::same_name(value, "chunked") ? std::string_view{} : "a Transfer-Encoding other than chunked";
}

}  // namespace picket::http
