#include "picket/guardrail/members.hpp"

#include <algorithm>
#include <array>
#include <string>

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
constexpr std::size_t shortest_media = 64;  // bytes; what is shorter is looked at, whatever it is

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

/// Of what it is the beginning, in small letters and without escapes; no more than any type is long.
base::RecycledString beginning_of(std::string_view raw) {
  constexpr std::size_t most = 256;
  base::RecycledString out;
  while (!raw.empty() && out.size() < most) {
    const Unit unit = next_unit(raw);
    if (unit.raw == 0) break;
    const char c = unit.bytes[0];
    out += unit.size == 1 && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (c == ',') break;
    raw.remove_prefix(unit.raw);
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

/// As servers read it that do not care for case: Go's do not, nor for the two letters that fold to ASCII.
std::string folded(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const std::string_view rest = name.substr(i);
    if (rest.starts_with("\xC5\xBF")) {  // U+017F
      out += 's';
      i += 1;
    } else if (rest.starts_with("\xE2\x84\xAA")) {  // U+212A
      out += 'k';
      i += 2;
    } else {
      out += name[i] >= 'A' && name[i] <= 'Z' ? static_cast<char>(name[i] - 'A' + 'a') : name[i];
    }
  }
  return out;
}

}  // namespace

bool is_prompt(std::string_view name) {
  constexpr auto prompts = std::to_array<std::string_view>({"messages", "prompt", "input", "instructions"});
  return name.size() <= longest_word && is_one_of(folded(name), prompts);
}

bool is_plain_prompt(std::string_view name) { return name.size() <= longest_word && folded(name) == "prompt"; }

bool is_spoken(std::string_view name) {
  constexpr auto spoken = std::to_array<std::string_view>({"content", "text", "thinking", "reasoning",
                                                           "reasoning_content", "refusal", "arguments", "partial_json",
                                                           "system", "suffix", "message", "delta", "transcript"});
  return name.size() <= longest_word && is_one_of(folded(name), spoken);
}

bool holds_parts(std::string_view name) { return is_spoken(name) || name == "parts"; }

bool is_account(std::string_view name) noexcept { return name == "usage" || name == "timings"; }

bool tells_again(std::string_view name) {
  constexpr auto again =
      std::to_array<std::string_view>({"logprobs", "top_logprobs", "prompt_logprobs", "completion_probabilities"});
  return name.size() <= longest_word && is_one_of(folded(name), again);
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
bool holds_json(std::string_view name) noexcept { return name == "arguments" || name == "partial_json"; }
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
  constexpr std::string_view packed = ";base64,";
  if (!is_one_of(name, files)) return File::none;
  const base::RecycledString beginning = beginning_of(raw);
  const std::string_view head = beginning;
  if (!head.starts_with(scheme)) return name == "file_data" && is_base64(raw) ? File::other : File::none;
  if (!head.ends_with(packed)) return File::none;
  if (!is_seen_or_heard(head.substr(scheme.size()))) return File::other;
  const std::size_t comma = raw.find(',');
  return comma != std::string_view::npos && is_base64(raw.substr(comma + 1)) ? File::media : File::none;
}

bool is_media_type(std::string_view name) noexcept {
  constexpr auto names = std::to_array<std::string_view>({"media_type", "mime_type", "mimeType"});
  return is_one_of(name, names);
}

bool is_other_file(std::string_view type, std::string_view media_type, std::string_view raw) {
  const bool is_packed = type == "base64" || (type != "text" && !media_type.empty() && is_base64(raw));
  return is_packed && !is_seen_or_heard(beginning_of(media_type));
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
