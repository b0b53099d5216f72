#include "apps/waf/media_type.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "picket/base/text.hpp"

namespace picket::apps::waf {
namespace {

constexpr std::string_view white_space = " \t";

bool is_alphanumeric(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_token_char(char c) { return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }
/// RFC 2046 §5.1.1; unquoted, clients send them all but the space.
bool is_boundary_char(char c) { return is_alphanumeric(c) || std::string_view("'()+_,-./:=? ").contains(c); }
/// What clients send besides.
bool is_unquoted_char(char c) { return is_token_char(c) || (is_boundary_char(c) && c != ' '); }

struct Parameter {
  std::string name;
  std::string value;
  std::string raw;  // without quotes, backslashes left in
  bool quoted = false;
};

/// Takes a field apart from its front.
class FieldReader {
 public:
  explicit FieldReader(std::string_view field) : rest_(field) { skip_space(); }

  bool done() const { return rest_.empty(); }
  /// The type and subtype, in lower case.
  std::string type() {
    std::string result = base::lowered(take([](char c) { return is_token_char(c) || c == '/'; }));
    skip_space();
    return result;
  }
  /// The next parameter, behind its semicolon; one without a name for a semicolon that stands alone.
  std::optional<Parameter> parameter() {
    if (!skip(';')) return std::nullopt;
    skip_space();
    Parameter result{.name = base::lowered(take(is_token_char)), .value = {}, .raw = {}, .quoted = false};
    if (result.name.empty()) return result;
    if (!skip('=') || !value(result)) return std::nullopt;
    skip_space();
    return result;
  }

 private:
  bool value(Parameter& into) {
    into.quoted = skip('"');
    if (into.quoted) return quoted(into);
    into.value = into.raw = take(is_unquoted_char);
    return !into.value.empty();
  }
  bool quoted(Parameter& into) {
    while (!rest_.empty() && rest_.front() != '"') {
      const bool escaped = rest_.front() == '\\';
      if (escaped && rest_.size() < 2) return false;
      into.raw += rest_.substr(0, escaped ? 2 : 1);
      into.value += rest_[escaped ? 1 : 0];
      rest_.remove_prefix(escaped ? 2 : 1);
    }
    return skip('"');
  }
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(white_space), rest_.size())); }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  template <class Belongs>
  std::string_view take(Belongs belongs) {
    const auto end = std::ranges::find_if_not(rest_, belongs);
    const auto taken = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
};

bool is_legal_boundary(std::string_view text) {
  return !text.empty() && text.back() != ' ' && std::ranges::all_of(text, is_boundary_char);
}

}  // namespace

bool is_type_and_subtype(std::string_view type) noexcept {
  const auto is_token = [](std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_char); };
  const std::size_t slash = type.find('/');
  return slash != std::string_view::npos && is_token(type.substr(0, slash)) && is_token(type.substr(slash + 1));
}

std::string MultipartForm::field() const {
  const std::string_view quote = quoted ? "\"" : "";
  return fmt::format("multipart/form-data; boundary={}{}{}", quote, boundary, quote);
}

std::optional<MultipartForm> multipart_form(std::string_view content_type) {
  FieldReader reader(content_type);
  if (reader.type() != "multipart/form-data") return std::nullopt;
  std::optional<Parameter> boundary;
  while (!reader.done()) {
    auto parameter = reader.parameter();
    if (!parameter) return std::nullopt;
    // A reader that looks for the word would find it there.
    if (base::lowered(parameter->raw).find("boundary=") != std::string::npos) return std::nullopt;
    if (!parameter->name.starts_with("boundary")) continue;
    if (boundary || parameter->name != "boundary") return std::nullopt;
    boundary = std::move(parameter);
  }
  if (!boundary || !is_legal_boundary(boundary->value)) return std::nullopt;
  return MultipartForm{boundary->value, boundary->quoted, boundary->raw == boundary->value ? "" : boundary->raw};
}

}  // namespace picket::apps::waf
