#include "apps/cli/recording/recording.hpp"

#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "picket/base/limits.hpp"

namespace picket::apps::cli {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::string_view magic = "picket-recording ";
constexpr std::string_view version = "1";
constexpr std::size_t longest_line = 128;  // bytes of a record's first line

base::Error at(std::size_t byte, std::string_view what) {
  return fail(ErrorKind::invalid_message, fmt::format("byte {}: {}", byte, what));
}

/// Up to the end of the line, which is taken too; nothing where none comes in time.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.substr(0, longest_line).find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

std::string_view take_word(std::string_view& line) {
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

template <class Number>
std::optional<Number> number(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size() ? std::optional{value} : std::nullopt;
}

std::optional<wire::FrameType> type_named(std::string_view word) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto type = static_cast<wire::FrameType>(byte);
    if (is_known(type) && name(type) == word) return type;
  }
  return std::nullopt;
}

/// A record's first line, and how long its payload is.
struct Announced {
  Record record;
  std::size_t size;
};

base::Result<Announced> read_line(std::string_view line, std::size_t begin) {
  const std::string_view direction = take_word(line);
  const auto time = number<std::uint64_t>(take_word(line));
  const auto type = type_named(take_word(line));
  const auto size = number<std::size_t>(take_word(line));
  if ((direction != ">" && direction != "<") || !time || !size || !line.empty())
    return at(begin, "this is no record; expected '> MICROSECONDS TYPE LENGTH' or '< …'");
  if (!type) return at(begin, "a record of a type that nobody knows");
  if (*size >= base::limits::max_frame_length)
    return at(begin,
              fmt::format("a payload of {} bytes; less than {} are allowed", *size, base::limits::max_frame_length));
  return Announced{.record = {.direction = direction == ">" ? Direction::to_agent : Direction::to_proxy,
                              .at = std::chrono::microseconds{*time},
                              .type = *type,
                              .payload = {}},
                   .size = *size};
}

}  // namespace

std::string recording_header() { return fmt::format("{}{}\n", magic, version); }

std::string to_text(const Record& record) {
  return fmt::format("{} {} {} {}\n{}\n", record.direction == Direction::to_agent ? '>' : '<', record.at.count(),
                     name(record.type), record.payload.size(), record.payload);
}

base::Result<std::vector<Record>> read_recording(std::string_view file) {
  std::string_view rest = file;
  const auto header = take_line(rest);
  if (!header || !header->starts_with(magic))
    return at(0, "this is no recording: it does not begin with 'picket-recording'");
  if (header->substr(magic.size()) != version)
    return at(0, fmt::format("a recording of version {}; this program reads version {}", header->substr(magic.size()),
                             version));
  std::vector<Record> records;
  while (!rest.empty()) {
    const std::size_t begin = file.size() - rest.size();
    const auto line = take_line(rest);
    if (!line && rest.size() < longest_line) return at(begin, "the recording is cut here, in a record's first line");
    if (!line) return at(begin, "this is no record: its first line has no end");
    auto announced = read_line(*line, begin);
    if (!announced) return std::move(announced.error());
    if (rest.size() <= announced->size)
      return at(begin, fmt::format("the recording is cut in this record: of its {} bytes {} are there",
                                   announced->size + 1, rest.size()));
    if (rest[announced->size] != '\n') return at(begin, "this record does not end where it says");
    announced->record.payload = rest.substr(0, announced->size);
    rest.remove_prefix(announced->size + 1);
    records.push_back(std::move(announced->record));
  }
  return records;
}

}  // namespace picket::apps::cli
