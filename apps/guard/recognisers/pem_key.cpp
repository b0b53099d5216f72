#include "apps/guard/recognisers/recognisers.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view dashes = "-----";
constexpr std::size_t longest_label = 40;

/// Whether a label's key is one that is to be kept: "EC PRIVATE KEY", "PGP PRIVATE KEY BLOCK".
bool is_private(std::string_view label) { return label.find("PRIVATE KEY") != std::string_view::npos; }

/// Where the key ends whose body begins at `at`: behind its END line; else where the next line of dashes begins, or the
/// text ends: what is cut off, be it in the END line, is part of a key all the same.
std::size_t end_of(std::string_view text, std::size_t at) {
  const std::size_t line = text.find(dashes, at);
  if (line == std::string_view::npos) return text.size();
  const std::string_view rest = text.substr(line + dashes.size(), longest_label + 10);
  const std::size_t closing = rest.find(dashes);
  constexpr std::string_view end_word = "END ";
  const bool is_end = rest.starts_with(end_word) || end_word.starts_with(rest);
  if (is_end && closing == std::string_view::npos && rest.size() < longest_label + 10) return text.size();
  if (!is_end || closing == std::string_view::npos) return line;
  return line + dashes.size() + closing + dashes.size();
}

}  // namespace

void find_pem_keys(std::string_view text, Findings& to) {
  for (std::size_t at = text.find(begin_mark); at != std::string_view::npos;) {
    const std::size_t label_at = at + begin_mark.size();
    const std::string_view label_and_more = text.substr(label_at, longest_label + dashes.size());
    const std::size_t closing = label_and_more.find(dashes);
    std::size_t from = label_at;
    if (closing != std::string_view::npos && is_private(label_and_more.substr(0, closing))) {
      from = end_of(text, label_at + closing + dashes.size());
      to.push_back({Category::pem_key, "private key", at, from, 0.99F});
    }
    at = text.find(begin_mark, from);
  }
}

}  // namespace picket::apps::guard
