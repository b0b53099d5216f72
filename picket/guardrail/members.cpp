#include "picket/guardrail/members.hpp"

#include <algorithm>
#include <array>

#include "picket/guardrail/json_text.hpp"

namespace picket::guardrail {
namespace {

template <std::size_t count>
bool is_one_of(std::string_view name, const std::array<std::string_view, count>& names) noexcept {
  return std::ranges::find(names, name) != names.end();
}

constexpr auto labels = std::to_array<std::string_view>({"id",
                                                         "type",
                                                         "role",
                                                         "object",
                                                         "model",
                                                         "name",
                                                         "index",
                                                         "tool_call_id",
                                                         "tool_use_id",
                                                         "call_id",
                                                         "stop_reason",
                                                         "finish_reason",
                                                         "stop_sequence",
                                                         "media_type",
                                                         "signature",
                                                         "service_tier",
                                                         "system_fingerprint",
                                                         "obfuscation",
                                                         "detail",
                                                         "format",
                                                         "ttl",
                                                         "voice",
                                                         "severity",
                                                         "provider",
                                                         "native_finish_reason"});
constexpr auto settings = std::to_array<std::string_view>(
    {"metadata", "stop", "stop_sequences", "logit_bias", "mcp_servers", "stop_token_ids", "allowed_token_ids"});
constexpr auto parameters = std::to_array<std::string_view>({"model",
                                                             "user",
                                                             "service_tier",
                                                             "reasoning_effort",
                                                             "reasoning",
                                                             "effort",
                                                             "verbosity",
                                                             "thinking",
                                                             "tool_choice",
                                                             "function_call",
                                                             "modalities",
                                                             "include",
                                                             "audio",
                                                             "safety_identifier",
                                                             "prompt_cache_key",
                                                             "prompt_cache_retention",
                                                             "stream_options",
                                                             "response_format",
                                                             "output_config",
                                                             "container",
                                                             "inference_geo",
                                                             "web_search_options",
                                                             "context_management"});

constexpr auto people =
    std::to_array<std::string_view>({"name", "role", "user", "safety_identifier", "prompt_cache_key"});

constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t longest_word = 64;
constexpr std::string_view marks_of_base64 = "+/-_=";
constexpr std::string_view spaces = " \t\r\n";
constexpr std::size_t shortest_media = 64;  // bytes; what is shorter is looked at, whatever it is
constexpr std::size_t shortest_file = 16;   // digits of base64: too few to say anything in

/// What it says is looked at, not how it is spelt: servers that escape each `/` are many.
bool is_base64(std::string_view raw) noexcept {
  std::size_t size = 0;
  std::size_t pads = 0;
  for (; !raw.empty(); ++size) {
    const Unit unit = next_unit(raw);
    const char c = unit.bytes[0];
    const bool is_pad = c == '=';
    const bool is_digit = unit.size == 1 && (c == '+' || c == '/' || letters.find(c) != std::string_view::npos);
    if (unit.raw == 0 || (!is_pad && (!is_digit || pads != 0))) return false;
    pads += is_pad ? 1 : 0;
    raw.remove_prefix(unit.raw);
  }
  return size >= shortest_media && pads <= 2;
}

/// Whether some reader takes it for base64: many leave out white space, want no padding, and take the letters of
/// RFC 4648 §5, too. Words without a point may be that as well: it is asked of what should be a file.
bool may_be_base64(std::string_view raw) noexcept {
  std::size_t size = 0;
  while (!raw.empty()) {
    const Unit unit = next_unit(raw);
    const char c = unit.bytes[0];
    const bool is_space = unit.size == 1 && spaces.contains(c);
    const bool is_digit = unit.size == 1 && (marks_of_base64.contains(c) || letters.contains(c));
    if (unit.raw == 0 || (!is_digit && !is_space)) return false;
    size += is_digit ? 1 : 0;
    raw.remove_prefix(unit.raw);
  }
  return size >= shortest_file;
}

/// Whether some reader finds a packed file in it, which is what stands behind the comma of a URL of data.
bool is_packed_behind(std::string_view raw) noexcept {
  constexpr std::string_view word = ";base64,";
  std::size_t seen = 0;  // of the word
  while (!raw.empty()) {
    const Unit unit = next_unit(raw);
    if (unit.raw == 0) return false;
    raw.remove_prefix(unit.raw);
    const char letter = unit.size == 1 ? unit.bytes[0] : '\0';
    if (letter != '\0' && spaces.contains(letter)) continue;
    const char c = letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
    seen = c == word[seen] ? seen + 1 : c == word.front() ? 1 : 0;
    if (seen == word.size() && may_be_base64(raw)) return true;
    if (seen == word.size()) seen = 0;
  }
  return false;
}

/// Of what it is the beginning, up to a comma, in small letters, without escapes and white space: readers of URLs leave
/// that out.
struct Beginning {
  base::RecycledString text;
  std::size_t raw = 0;  // bytes that it takes
};
Beginning beginning_of(std::string_view raw, std::size_t most = std::string_view::npos) {
  Beginning out;
  while (out.raw != raw.size() && out.text.size() < most && !out.text.ends_with(',')) {
    const Unit unit = next_unit(raw.substr(out.raw));
    if (unit.raw == 0) break;
    out.raw += unit.raw;
    const char c = unit.bytes[0];
    if (unit.size == 1 && spaces.contains(c)) continue;
    out.text += unit.size == 1 && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

/// Of a media type's beginning (RFC 6838), in small letters.
bool is_seen_or_heard(std::string_view type) noexcept {
  constexpr auto kinds = std::to_array<std::string_view>({"image/", "audio/", "video/"});
  const std::string_view essence = type.substr(0, type.find(';'));
  return essence == "application/pdf" ||
         (essence != "image/svg+xml" && std::ranges::any_of(kinds, [&](auto kind) { return type.starts_with(kind); }));
}

/// As servers read it that do not care for case: Go's do not, nor for the two letters that fold to ASCII. `wanted` is
/// in small letters.
bool is_spelling_of(std::string_view wanted, std::string_view name) noexcept {
  for (const char c : wanted) {
    const bool is_capital = !name.empty() && c >= 'a' && c <= 'z' && name.front() == c - 'a' + 'A';
    const std::size_t size = name.starts_with(c) || is_capital              ? 1
                             : c == 's' && name.starts_with("\xC5\xBF")     ? 2  // U+017F
                             : c == 'k' && name.starts_with("\xE2\x84\xAA") ? 3  // U+212A
                                                                            : 0;
    if (size == 0) return false;
    name.remove_prefix(size);
  }
  return name.empty();
}

template <std::size_t count>
bool is_spelling_of_one(const std::array<std::string_view, count>& names, std::string_view name) noexcept {
  return std::ranges::any_of(names, [&](std::string_view each) { return is_spelling_of(each, name); });
}

}  // namespace

bool is_prompt(std::string_view name) noexcept {
  constexpr auto prompts = std::to_array<std::string_view>({"messages", "prompt", "input", "instructions"});
  return is_spelling_of_one(prompts, name);
}

bool is_plain_prompt(std::string_view name) noexcept { return is_spelling_of("prompt", name); }

bool is_spoken(std::string_view name) noexcept {
  constexpr auto spoken = std::to_array<std::string_view>({"content", "text", "thinking", "reasoning",
                                                           "reasoning_content", "refusal", "arguments", "partial_json",
                                                           "system", "suffix", "message", "delta", "transcript"});
  return is_spelling_of_one(spoken, name);
}

bool is_thought(std::string_view name) noexcept { return name.contains("/reasoning") || name.contains("/thinking"); }
bool is_spoken_answer(std::string_view name) noexcept { return name.ends_with("/delta/content"); }

bool holds_parts(std::string_view name) noexcept { return is_spoken(name) || is_spelling_of("parts", name); }
bool is_of_part(std::string_view name) noexcept { return is_spelling_of("text", name); }

bool is_account(std::string_view name) noexcept { return name == "usage" || name == "timings"; }

bool tells_again(std::string_view name) noexcept {
  constexpr auto again =
      std::to_array<std::string_view>({"logprobs", "top_logprobs", "prompt_logprobs", "completion_probabilities"});
  return is_spelling_of_one(again, name);
}

bool is_name(std::string_view name) noexcept {
  constexpr std::string_view marks = "_-.:/$";
  constexpr std::size_t most_digits = 8;  // of a year, a version; more may be a number that is somebody's
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto may_stand = [&](char c) { return letters.find(c) != std::string_view::npos || marks.contains(c); };
  return !name.empty() && name.size() <= longest_word && !is_digit(name.front()) &&
         std::ranges::all_of(name, may_stand) && std::ranges::count_if(name, is_digit) <= std::ptrdiff_t{most_digits};
}

bool is_answer(std::string_view name) noexcept { return name == "choices" || name == "content" || name == "error"; }
bool is_setting(std::string_view name) noexcept { return is_one_of(name, settings); }
bool is_parameter(std::string_view name) noexcept { return is_one_of(name, parameters); }
bool is_tools(std::string_view name) noexcept { return name == "tools" || name == "functions"; }
bool is_schema(std::string_view name) noexcept { return name == "schema" || name == "json_schema"; }
bool is_arguments(std::string_view name) noexcept { return name == "input" || name == "arguments"; }
bool holds_json(std::string_view name) noexcept {
  return is_spelling_of("arguments", name) || is_spelling_of("partial_json", name);
}
bool is_label(std::string_view name) noexcept { return is_one_of(name, labels); }

bool is_word(std::string_view raw) noexcept {
  constexpr std::string_view marks = "_-.:/@+";
  for (std::size_t size = 0; !raw.empty(); ++size) {
    const Unit unit = next_unit(raw);
    const char c = unit.bytes[0];
    const bool may_stand = letters.find(c) != std::string_view::npos || marks.find(c) != std::string_view::npos;
    if (size == longest_word || unit.size != 1 || !may_stand) return false;
    raw.remove_prefix(unit.raw);
  }
  return true;
}

bool is_somebodys(std::string_view number) noexcept {
  constexpr std::ptrdiff_t fewest = 9;
  return std::ranges::count_if(number, [](char c) { return c >= '0' && c <= '9'; }) >= fewest;
}

bool names_somebody(std::string_view name) noexcept { return is_one_of(name, people); }

bool is_identifier(std::string_view raw) noexcept {
  const bool begins =
      raw.empty() || (raw.front() >= 'A' && raw.front() <= 'Z') || (raw.front() >= 'a' && raw.front() <= 'z');
  return begins && (raw.empty() || is_name(raw));
}

File file_in(std::string_view name, std::string_view raw) {
  constexpr auto files = std::to_array<std::string_view>({"url", "image_url", "file_data", "data"});
  constexpr std::string_view scheme = "data:";
  constexpr std::string_view packing = "base64";
  if (!is_spelling_of_one(files, name)) return File::none;
  const bool is_url = beginning_of(raw, scheme.size()).text == scheme;
  if (!is_url) return is_spelling_of("file_data", name) && may_be_base64(raw) ? File::other : File::none;
  const Beginning beginning = beginning_of(raw);
  const std::string_view head = beginning.text;
  if (!head.ends_with(',')) return File::none;
  // Of readers that look for ";base64," some find it behind another comma.
  if (!head.contains(packing)) return is_packed_behind(raw.substr(beginning.raw)) ? File::other : File::none;
  const bool is_media = head.ends_with(";base64,") && is_seen_or_heard(head.substr(scheme.size()));
  if (!is_media) return File::other;
  return is_base64(raw.substr(beginning.raw)) ? File::media : File::none;
}

bool is_type(std::string_view name) noexcept { return is_spelling_of("type", name); }
bool is_data(std::string_view name) noexcept { return is_spelling_of("data", name); }

bool is_media_type(std::string_view name) noexcept {
  constexpr auto names = std::to_array<std::string_view>({"media_type", "mime_type", "mimetype"});
  return is_spelling_of_one(names, name);
}

bool is_other_file(std::string_view type, std::string_view media_type, std::string_view raw) {
  const bool says_packed = type == two_words || beginning_of(type).text == "base64";
  const bool is_packed = says_packed || (type != "text" && !media_type.empty() && may_be_base64(raw));
  return is_packed && !is_seen_or_heard(beginning_of(media_type).text);
}

bool may_be_media(std::string_view name, std::string_view raw) noexcept {
  return (name == "data" || name == "signature") && is_base64(raw);
}

bool is_media(std::string_view name, std::string_view type, std::string_view object) noexcept {
  constexpr auto seals = std::to_array<std::string_view>({"thinking", "signature_delta"});
  constexpr auto media = std::to_array<std::string_view>({"base64", "image", "audio", "redacted_thinking"});
  if (name == "signature") return is_one_of(type, seals);
  return is_one_of(type, media) || (type.empty() && (object == "input_audio" || object == "audio"));
}

bool is_event_type(std::string_view type) noexcept {
  constexpr auto types =
      std::to_array<std::string_view>({"message_start", "message_delta", "message_stop", "content_block_start",
                                       "content_block_delta", "content_block_stop", "ping", "error"});
  return is_one_of(type, types);
}

}  // namespace picket::guardrail
