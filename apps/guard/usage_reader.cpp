#include "apps/guard/usage_reader.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <span>
#include <string>

namespace picket::apps::guard {
namespace {

constexpr std::uint64_t most_tokens = 1'000'000'000;  // more is no usage of one exchange, and counts as this
constexpr std::size_t most_digits = 10;               // of it

/// Where a usage stands; "x_groq" and "tokens" are Groq's and Cohere's.
constexpr std::string_view usages[] = {"usage",        "message.usage", "response.usage",
                                       "x_groq.usage", "usage.tokens",  "delta.usage.tokens"};
constexpr std::string_view usages_of_gemini[] = {"usageMetadata", "response.usageMetadata"};
constexpr std::string_view root[] = {""};

enum class Part : std::uint8_t { total, prompt, completion };
struct Name {
  std::string_view text;
  Part part;
  std::span<const std::string_view> places;
};
constexpr Name names[] = {
    {"total_tokens", Part::total, usages},
    {"prompt_tokens", Part::prompt, usages},
    {"input_tokens", Part::prompt, usages},
    {"completion_tokens", Part::completion, usages},
    {"output_tokens", Part::completion, usages},
    {"totalTokenCount", Part::total, usages_of_gemini},
    {"promptTokenCount", Part::prompt, usages_of_gemini},
    {"candidatesTokenCount", Part::completion, usages_of_gemini},
    {"prompt_eval_count", Part::prompt, root},
    {"eval_count", Part::completion, root},
};

/// A number as JSON has it: to the next whole one, and at most most_tokens. 0 for one below 1: nothing costs so little.
/// Nothing for what is none.
std::optional<std::uint64_t> tokens_of(const std::string& number) {
  double value = 0;
  const char* const behind = number.data() + number.size();
  const auto [end, error] = std::from_chars(number.data(), behind, value);
  if (number.empty() || end != behind) return std::nullopt;
  // Which end of the range it is out of, strtod says alone.
  if (error == std::errc::result_out_of_range) value = std::strtod(number.c_str(), nullptr);
  if (value >= static_cast<double>(most_tokens)) return most_tokens;
  return value < 1 ? 0 : static_cast<std::uint64_t>(std::ceil(value));
}

/// The number that a member is, be it a text, as some servers have it, with commas between thousands. One of which not
/// all is kept is too large, or so small that its end does not count. Nothing for what is no number.
std::optional<std::uint64_t> number_of(const JsonWalk& walk) {
  std::string number{walk.value()};
  if (!walk.is_text() && number == "null") return 0;
  if (walk.is_text()) std::erase(number, ',');
  if (number.find_first_not_of("0123456789.+-eE") != std::string::npos) return std::nullopt;
  if (!walk.is_cut()) return tokens_of(number);
  if (std::min(number.find_first_not_of("0123456789"), number.size()) > most_digits) return most_tokens;
  return number.find_first_of("eE") == std::string::npos ? tokens_of(number) : std::nullopt;
}

/// What is said where it is no less.
Tokens larger(std::uint64_t said, std::uint64_t estimated) noexcept {
  return said >= estimated ? Tokens{.said = said} : Tokens{.estimated = estimated};
}

}  // namespace

void UsageReader::feed(std::string_view chunk) {
  for (const char c : chunk) {
    const JsonWalk::Step step = walk_.take(c);
    if (step != JsonWalk::Step::none) read(step);
    bytes_.add(c);
  }
}

void UsageReader::read(JsonWalk::Step step) {
  const auto* const name = std::ranges::find(names, walk_.name(), &Name::text);
  if (name == std::end(names)) return;
  if (std::ranges::none_of(name->places, [&](std::string_view place) { return walk_.is_at(place); })) return;
  const auto value = step == JsonWalk::Step::member ? number_of(walk_) : std::nullopt;
  Said& part = name->part == Part::total ? total_ : name->part == Part::prompt ? prompt_ : completion_;
  part.most = std::max(part.most, value.value_or(0));
  part.is_unread = part.is_unread || !value;
}

Tokens UsageReader::tokens(const Estimate& estimate) const noexcept {
  if (total_.counts()) return {.said = std::max(total_.most, prompt_.most + completion_.most)};
  const auto part = [](const Said& said, std::uint64_t estimated) {
    return said.counts() ? Tokens{.said = said.most} : larger(said.most, estimated);
  };
  return larger_of(part(prompt_, estimate.prompt) + part(completion_, estimate.answer));
}

Tokens UsageReader::tokens_so_far(const Estimate& estimate) const noexcept {
  return larger_of(larger(prompt_.most, estimate.prompt) + larger(completion_.most, estimate.answer));
}

Tokens UsageReader::larger_of(const Tokens& parts) const noexcept {
  return total_.most > parts.all() ? Tokens{.said = total_.most} : parts;
}

}  // namespace picket::apps::guard
