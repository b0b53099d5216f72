#include <algorithm>
#include <array>
#include <cmath>

#include "apps/guard/recognisers/recognisers.hpp"
#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

constexpr std::size_t shortest_value = 6;  // of what has a name
constexpr std::size_t shortest_bare = 32;  // of what has none
constexpr std::size_t longest = 512;       // what is longer is data
constexpr double least_entropy = 4.2;      // bits per character: English has about 4.1 of letters, hex at most 4

/// Names of things that are kept. Looked for in lower case, with '-', ' ' and '_' left out.
constexpr std::string_view names[] = {"password",      "passwd",
                                      "passphrase",    "passcode",
                                      "passwort",      "kennwort",
                                      "contraseña",    "contrasena",
                                      "clave",         "senha",
                                      "wachtwoord",    "hasło",
                                      "haslo",         "motdepasse",
                                      "secret",        "apikey",
                                      "accesskey",     "secretkey",
                                      "privatekey",    "clientsecret",
                                      "authtoken",     "authkey",
                                      "accesstoken",   "refreshtoken",
                                      "bearer",        "token",
                                      "credential",    "credentials",
                                      "encryptionkey", "signingkey",
                                      "accountkey",    "storagekey",
                                      "licensekey",    "connectionstring",
                                      "pwd",           "pass",
                                      "webhooksecret", "sessionkey",
                                      "masterkey",     "authorization"};

/// Bits per character of a text. Complexity: linear.
double entropy_of(std::string_view text) {
  std::array<int, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  for (const int count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(text.size());
    bits -= share * std::log2(share);
  }
  return bits;
}

struct Makeup {
  std::size_t lower = 0, upper = 0, digits = 0, others = 0;
};
Makeup makeup_of(std::string_view text) {
  Makeup makeup;
  for (const char c : text) {
    if (is_digit(c))
      ++makeup.digits;
    else if (c >= 'a' && c <= 'z')
      ++makeup.lower;
    else if (c >= 'A' && c <= 'Z')
      ++makeup.upper;
    else
      ++makeup.others;
  }
  return makeup;
}

/// What stands for a value and is none: "<your key>", "${KEY}", "********", "example".
bool is_placeholder(std::string_view value) {
  if (value.find_first_of("<>{}[]()$") != std::string_view::npos && value.find_first_of("<{[(") < 2) return true;
  std::array<bool, 256> seen{};
  std::size_t distinct = 0;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    distinct += seen[byte] ? 0 : 1;
    seen[byte] = true;
  }
  return distinct < 4;
}

/// A value of a name: of two kinds of characters at least, so that "password: required" is none.
bool is_value(std::string_view value) {
  const Makeup makeup = makeup_of(value);
  const std::size_t letters = makeup.lower + makeup.upper;
  if (value.size() < shortest_value || value.size() > longest || is_placeholder(value)) return false;
  if (value.starts_with("http://") || value.starts_with("https://")) return false;
  if (letters > 0 && makeup.digits > 0) return true;
  return makeup.others > 0 && letters + makeup.digits > 0 &&
         value.find_first_of("!@#$%^&*?+=~") != std::string_view::npos;
}

bool is_in_name(char c) { return is_alnum(c) || c == '_' || c == '-' || static_cast<signed char>(c) < 0; }

/// Whether the word that ends at `end` is, or ends with, a name of something kept: "DB_PASSWORD", "x-api-key".
bool ends_a_name(std::string_view text, std::size_t end) {
  constexpr std::size_t reach = 24;
  std::array<char, reach> letters{};
  std::size_t count = 0;
  for (std::size_t at = end; at > 0 && count < reach; --at) {
    const char c = text[at - 1];
    if (!is_in_name(c) && c != ' ') break;
    if (is_alnum(c) || static_cast<signed char>(c) < 0) letters[reach - ++count] = base::lower(c);
  }
  const std::string_view joined{letters.data() + reach - count, count};
  return std::any_of(std::begin(names), std::end(names),
                     [joined](std::string_view name) { return joined.ends_with(name); });
}

/// Behind " for the server", " of our admin": where "is" follows soon; else `at`.
std::size_t behind_owner(std::string_view text, std::size_t at) {
  constexpr std::size_t longest_owner = 48;
  const std::string_view rest = text.substr(at, longest_owner);
  if (!rest.starts_with(" for ") && !rest.starts_with(" of ") && !rest.starts_with(" to ")) return at;
  const std::size_t is = rest.find(" is ");
  return is == std::string_view::npos || rest.substr(0, is).find_first_of(".!?\n") != std::string_view::npos ? at
                                                                                                             : at + is;
}

/// Where the value begins that is assigned behind `at`: "= ", ": ", "is ", quotes in between; npos where nothing is.
std::size_t value_after(std::string_view text, std::size_t at) {
  const auto skip = [&](std::string_view what, std::size_t most) {
    for (std::size_t i = 0; i < most && at < text.size() && what.find(text[at]) != std::string_view::npos; ++i) ++at;
  };
  at = behind_owner(text, at);
  skip("\"'` \\*", 3);
  const std::size_t before = at;
  const std::string_view rest = text.substr(at);
  if (rest.starts_with("=>") || rest.starts_with(":=") || rest.starts_with("->"))
    at += 2;
  else if (rest.starts_with('=') || rest.starts_with(':'))
    ++at;
  else if (rest.starts_with("is: ") || rest.starts_with("is "))
    at += rest.starts_with("is:") ? 3 : 2;
  else if (rest.starts_with("ist ") || rest.starts_with("est "))
    at += 3;
  else if (rest.starts_with("es "))
    at += 2;
  if (at == before) return std::string_view::npos;
  skip(" \\*", 4);
  skip("\"'`", 1);  // a second one ends the value: it is empty
  return at;
}

std::size_t end_of_value(std::string_view text, std::size_t begin) {
  const char quote = begin > 0 ? text[begin - 1] : ' ';
  const bool is_quoted = quote == '"' || quote == '\'' || quote == '`';
  std::size_t end = begin;
  while (end < text.size() && end - begin <= longest) {
    const char c = text[end];
    if (is_quoted ? c == quote || c == '\n'
                  : c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '"' || c == '\'' || c == '`' || c == '&' ||
                        c == ';')
      break;
    ++end;
  }
  if (!is_quoted)
    while (end > begin && std::string_view{".,:)]}>!?"}.find(text[end - 1]) != std::string_view::npos) --end;
  while (end > begin && text[end - 1] == '\\') --end;  // of an escaped quote
  return end;
}

/// A call or an index that is assigned ("password = read(1)"), or what follows a text that a program asks with
/// ("'Password: ', stream").
bool is_code(std::string_view text, std::size_t begin, std::string_view value) {
  if (std::string_view{" ,)+;"}.find(value.front()) != std::string_view::npos) return true;
  const bool is_quoted = begin > 0 && std::string_view{"\"'`"}.find(text[begin - 1]) != std::string_view::npos;
  return !is_quoted && value.find_first_of("([") != std::string_view::npos;
}

void find_named(std::string_view text, Findings& to) {
  for (std::size_t at = 1; at < text.size(); ++at) {
    // A name ends here: the first character behind a word, with what assigns.
    if (!is_in_name(text[at - 1]) || is_in_name(text[at])) continue;
    const std::size_t begin = value_after(text, at);
    if (begin == std::string_view::npos || !ends_a_name(text, at)) continue;
    std::size_t value_begin = begin;
    for (const std::string_view scheme : {"Bearer ", "bearer ", "Basic ", "basic "})
      if (text.substr(begin).starts_with(scheme)) value_begin += scheme.size();
    const std::size_t end = end_of_value(text, value_begin);
    const std::string_view value = text.substr(value_begin, end - value_begin);
    if (!is_value(value) || is_code(text, value_begin, value)) continue;
    to.push_back({Category::secret, "value of a secret's name", value_begin, end, 0.8F});
    at = end;
  }
}

bool is_bare_letter(char c) { return is_alnum(c) || c == '+' || c == '/' || c == '_' || c == '-' || c == '='; }

/// A word that only chance writes: of small letters, capitals and digits, evenly, without the stretches of names.
bool is_random(std::string_view word) {
  const Makeup makeup = makeup_of(word);
  const std::size_t few = word.size() / 16;
  if (makeup.lower <= few || makeup.upper <= few || makeup.digits <= few || makeup.others > word.size() / 6)
    return false;
  std::size_t stretch = 0;
  std::size_t longest_stretch = 0;
  for (const char c : word) {
    stretch = c >= 'a' && c <= 'z' ? stretch + 1 : 0;
    longest_stretch = std::max(longest_stretch, stretch);
  }
  return longest_stretch < 8 && entropy_of(word) >= least_entropy;
}

/// Whether a word is part of an address: ids in links are shown to everybody.
bool is_in_url(std::string_view text, std::size_t begin) {
  const std::size_t from = begin > 128 ? begin - 128 : 0;
  const std::string_view before = text.substr(from, begin - from);
  const std::size_t space = before.find_last_of(" \n\t\"'<");
  return before.substr(space == std::string_view::npos ? 0 : space).find("://") != std::string_view::npos;
}

void find_bare(std::string_view text, Findings& to) {
  for (std::size_t at = 0; at < text.size();) {
    if (!is_bare_letter(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_bare_letter(text[at])) ++at;
    const std::string_view word = text.substr(begin, at - begin);
    if (word.size() < shortest_bare || word.size() > longest || !is_random(word) || is_in_url(text, begin)) continue;
    to.push_back({Category::secret, "random word", begin, at, 0.6F});
  }
}

/// "postgres://name:secret@host": RFC 3986's user information.
void find_in_urls(std::string_view text, Findings& to) {
  constexpr std::size_t longest_user = 128;
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://", at + 3)) {
    const std::string_view authority = text.substr(at + 3, longest_user);
    const std::string_view user = authority.substr(0, authority.find_first_of("@/ \n\t\"'<>"));
    const std::size_t colon = user.find(':');
    if (colon == std::string_view::npos || user.size() == authority.size() || authority[user.size()] != '@') continue;
    const std::string_view secret = user.substr(colon + 1);
    if (secret.size() < 3 || is_placeholder(secret)) continue;
    to.push_back({Category::secret, "password in an address", at + 3 + colon + 1, at + 3 + user.size(), 0.85F});
  }
}

}  // namespace

void find_secrets(std::string_view text, Findings& to) {
  find_named(text, to);
  find_in_urls(text, to);
  find_bare(text, to);
}

}  // namespace picket::apps::guard
