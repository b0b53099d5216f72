#include <algorithm>
#include <array>
#include <optional>

#include "apps/guard/recognisers/recognisers.hpp"
#include "picket/base/ascii.hpp"

namespace picket::apps::guard {
namespace {

enum class Letters : std::uint8_t { upper, alnum, hex, word };  // word: letters, digits, '-' and '_'

/// A key begins with one of `prefixes`, and `fewest` to `most` of `letters` follow.
struct Issuer {
  std::string_view kind;
  std::array<std::string_view, 7> prefixes;  // behind the last nothing
  Letters letters;
  std::size_t fewest;
  std::size_t most;
};

constexpr std::size_t many = 300;

/// A prefix that another begins with stands behind it.
constexpr Issuer issuers[] = {
    {"AWS access key", {"AKIA", "ASIA", "ABIA", "ACCA"}, Letters::upper, 16, 16},
    {"Google API key", {"AIza"}, Letters::word, 35, 35},
    {"Google OAuth token", {"ya29."}, Letters::word, 20, many},
    {"Google OAuth secret", {"GOCSPX-"}, Letters::word, 28, 28},
    {"GitHub token", {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, Letters::alnum, 36, many},
    {"GitHub token", {"github_pat_"}, Letters::word, 60, many},
    {"GitLab token", {"glpat-"}, Letters::word, 20, many},
    {"Slack token", {"xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xapp-"}, Letters::word, 20, many},
    {"Anthropic key", {"sk-ant-"}, Letters::word, 20, many},
    {"OpenAI key", {"sk-proj-", "sk-svcacct-"}, Letters::word, 20, many},
    {"OpenRouter key", {"sk-or-"}, Letters::word, 20, many},
    {"key of a model's provider", {"sk-"}, Letters::alnum, 20, many},
    {"Stripe key", {"sk_live_", "sk_test_", "rk_live_", "rk_test_"}, Letters::alnum, 16, many},
    {"Stripe secret of a webhook", {"whsec_"}, Letters::alnum, 24, many},
    {"SendGrid key", {"SG."}, Letters::word, 22, 22},
    {"Twilio key", {"SK"}, Letters::hex, 32, 32},
    {"Twilio account", {"AC"}, Letters::hex, 32, 32},
    {"Mailgun key", {"key-"}, Letters::hex, 32, 32},
    {"npm token", {"npm_"}, Letters::alnum, 36, 36},
    {"PyPI token", {"pypi-"}, Letters::word, 50, many},
    {"Hugging Face token", {"hf_"}, Letters::alnum, 30, 60},
    {"Replicate token", {"r8_"}, Letters::alnum, 36, 40},
    {"Groq key", {"gsk_"}, Letters::alnum, 40, 80},
    {"xAI key", {"xai-"}, Letters::alnum, 60, 100},
    {"Perplexity key", {"pplx-"}, Letters::alnum, 40, 80},
    {"NVIDIA key", {"nvapi-"}, Letters::word, 60, 80},
    {"DigitalOcean token", {"dop_v1_", "doo_v1_"}, Letters::hex, 64, 64},
    {"Shopify token", {"shpat_", "shpss_"}, Letters::hex, 32, 32},
    {"Vault token", {"hvs."}, Letters::word, 24, many},
    {"Docker token", {"dckr_pat_"}, Letters::word, 20, many},
    {"Postman key", {"PMAK-"}, Letters::word, 50, 70},
    {"Linear key", {"lin_api_"}, Letters::alnum, 40, 40},
    {"Square token", {"sq0atp-"}, Letters::word, 22, 22},
    {"Square secret", {"sq0csp-"}, Letters::word, 43, 43},
    {"Grafana token", {"glsa_"}, Letters::word, 40, 50},
    {"New Relic key", {"NRAK-"}, Letters::alnum, 27, 27},
    {"Databricks token", {"dapi"}, Letters::hex, 32, 32},
    {"age key", {"AGE-SECRET-KEY-1"}, Letters::alnum, 50, 60},
};

bool is_one_of(Letters letters, char c) {
  switch (letters) {
    case Letters::upper: return is_digit(c) || (c >= 'A' && c <= 'Z');
    case Letters::alnum: return is_alnum(c);
    case Letters::hex: return base::hex_value(c) >= 0;
    case Letters::word: return is_alnum(c) || c == '-' || c == '_';
  }
  return false;
}

constexpr auto begins_a_key = [] {
  std::array<bool, 128> first{};
  for (const Issuer& issuer : issuers)
    for (const std::string_view prefix : issuer.prefixes)
      if (!prefix.empty()) first[static_cast<std::size_t>(prefix.front())] = true;
  return first;
}();

/// How long the letters of that issuer's keys go on; none where they are too few or too many.
std::optional<std::size_t> letters_of(const Issuer& issuer, std::string_view text) {
  std::size_t length = 0;
  while (length < text.size() && length <= issuer.most && is_one_of(issuer.letters, text[length])) ++length;
  if (length < issuer.fewest || length > issuer.most) return std::nullopt;
  if (length < text.size() && is_alnum(text[length])) return std::nullopt;  // a longer word of other letters
  return length;
}

/// How long the key of that issuer is at the beginning of `text`; 0 where there is none.
std::size_t length_of(const Issuer& issuer, std::string_view text) {
  for (const std::string_view prefix : issuer.prefixes) {
    if (prefix.empty()) break;
    if (text.size() < 2 || text[0] != prefix[0] || text[1] != prefix[1]) continue;  // most differ here
    if (!text.starts_with(prefix)) continue;
    if (const auto letters = letters_of(issuer, text.substr(prefix.size()))) return prefix.size() + *letters;
  }
  return 0;
}

/// SendGrid's has a second part behind a dot.
std::size_t with_second_part(std::string_view text, std::size_t length) {
  std::size_t end = length;
  if (!text.starts_with("SG.") || end >= text.size() || text[end] != '.') return length;
  ++end;
  while (end < text.size() && is_one_of(Letters::word, text[end])) ++end;
  return end;
}

/// Azure's account keys have no prefix of their own, but a name before them.
void find_azure_keys(std::string_view text, Findings& to) {
  constexpr std::string_view name = "AccountKey=";
  for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const std::size_t begin = at + name.size();
    std::size_t end = begin;
    while (end < text.size() && end - begin < 100 && (is_alnum(text[end]) || text[end] == '+' || text[end] == '/'))
      ++end;
    while (end < text.size() && end - begin < 100 && text[end] == '=') ++end;
    if (end - begin >= 40) to.push_back({Category::cloud_key, "Azure account key", begin, end, 0.95F});
  }
}

}  // namespace

void find_cloud_keys(std::string_view text, Findings& to) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto first = static_cast<unsigned char>(text[at]);
    if (first >= begins_a_key.size() || !begins_a_key[first]) continue;
    if (at > 0 && is_one_of(Letters::word, text[at - 1])) continue;
    for (const Issuer& issuer : issuers) {
      std::size_t length = length_of(issuer, text.substr(at));
      if (length == 0) continue;
      length = with_second_part(text.substr(at), length);
      to.push_back({Category::cloud_key, issuer.kind, at, at + length, 0.95F});
      at += length - 1;
      break;
    }
  }
  find_azure_keys(text, to);
}

}  // namespace picket::apps::guard
