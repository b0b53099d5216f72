#pragma once

#include <span>
#include <string_view>

#include "apps/guard/finding.hpp"
#include "apps/guard/words.hpp"

/// One function per category: each adds what it finds in a text, in order.
///
/// None of them uses a pattern engine: each goes over the text once, and from any place looks at no more than a bounded
/// number of bytes, so that no text takes time out of proportion to its length. What a value is made of is checked
/// beyond its shape: check digits, tables of issuers and countries, parsers.
///
/// `words` are the text's (words.hpp). Pure; any thread. Complexity: linear in the text.
namespace picket::apps::guard {

/// RFC 5322's usual form: an atom with dots, and a name with a top-level domain of letters. No quotes, no comments.
void find_emails(std::string_view text, Findings& to);
/// E.164 ("+44 20 7946 0958"), and common national spellings of North America, Europe, Brazil, Japan, India, Australia.
/// Digits without any mark are a number where a word before says so ("tel 5551234567").
void find_phones(std::string_view text, Findings& to);
/// Luhn, the issuers' ranges and lengths, and groups as cards have them.
void find_cards(std::string_view text, std::span<const Word> words, Findings& to);
/// ISO 13616: country, length, mod 97.
void find_ibans(std::string_view text, std::span<const Word> words, Findings& to);
/// See national_id_schemes.cpp for countries and rules.
void find_national_ids(std::string_view text, std::span<const Word> words, Findings& to);
/// IPv4 and IPv6 that may be somebody's: not loopback, unspecified or masks.
void find_ip_addresses(std::string_view text, Findings& to);
/// RFC 7519 in its compact form, signed, unsigned or encrypted.
void find_jwts(std::string_view text, Findings& to);
/// Keys that carry their issuer's prefix: see the table in cloud_key.cpp.
void find_cloud_keys(std::string_view text, Findings& to);
/// RFC 7468 and its kin: private keys only; one whose end is missing as far as it goes.
void find_pem_keys(std::string_view text, Findings& to);
/// Values that are assigned to a name such as "password" or "api_key", and long words that only chance writes.
void find_secrets(std::string_view text, Findings& to);
/// What tries to talk a model out of its orders, or passes itself off as them, whatever letters it is written in.
void find_prompt_injections(std::string_view text, Findings& to);

}  // namespace picket::apps::guard
