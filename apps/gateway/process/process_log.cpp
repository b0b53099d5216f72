#include "apps/gateway/process/process_log.hpp"

#include <memory>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include "picket/wire/codec.hpp"

namespace picket::apps::gateway::process {
namespace {

/// The message as a JSON string: the flag %* of the JSON pattern.
class QuotedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    const std::string quoted =
        wire::to_json(wire::Value{std::string_view{message.payload.data(), message.payload.size()}});
    out.append(quoted.data(), quoted.data() + quoted.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<QuotedMessage>();
  }
};

/// The message without control characters: agents choose some of the words, and must not write lines or move cursors.
class PlainMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& out) override {
    for (const char c : message.payload) out.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c);
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<PlainMessage>();
  }
};

spdlog::level::level_enum level_of(config::LogLevel level) {
  switch (level) {
    case config::LogLevel::trace: return spdlog::level::trace;
    case config::LogLevel::debug: return spdlog::level::debug;
    case config::LogLevel::info: return spdlog::level::info;
    case config::LogLevel::warn: return spdlog::level::warn;
    case config::LogLevel::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::unique_ptr<spdlog::formatter> formatter_of(config::LogFormat format) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == config::LogFormat::json) {
    formatter->add_flag<QuotedMessage>('*').set_pattern(R"({"ts":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l","message":%*})");
  } else {
    formatter->add_flag<PlainMessage>('*').set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %^%l%$ %*");
  }
  return formatter;
}

/// The level of text that is written as it is.
constexpr int verbatim = spdlog::level::n_levels;

std::string_view colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::warn: return "\033[33m\033[1m";
    case spdlog::level::err: return "\033[31m\033[1m";
    default: return "\033[32m";
  }
}

/// Marks what the pattern calls coloured, from its end, so that the first mark does not move the second.
void add_colour(std::string& out, std::size_t from, std::size_t until, spdlog::level::level_enum level) {
  out.insert(until, "\033[m");
  out.insert(from, colour_of(level));
}

log::BackgroundLog::Format format_of(config::LogFormat wanted) {
  const bool coloured = wanted == config::LogFormat::text && ::isatty(STDERR_FILENO) == 1;
  const std::shared_ptr<spdlog::formatter> formatter = formatter_of(wanted);
  return [coloured, formatter](const log::Line& line, std::string& out) {
    if (line.level == verbatim) {
      out.append(line.text);
      return;
    }
    const auto level = static_cast<spdlog::level::level_enum>(line.level);
    const spdlog::details::log_msg message{line.time, {}, {}, level, line.text};
    spdlog::memory_buf_t text;
    formatter->format(message, text);
    const std::size_t begin = out.size();
    out.append(text.data(), text.size());
    if (coloured && message.color_range_end > message.color_range_start)
      add_colour(out, begin + message.color_range_start, begin + message.color_range_end, level);
  };
}

/// Hands spdlog's lines on as they are; what they look like is decided on the log's own thread.
class QueueSink final : public spdlog::sinks::sink {
 public:
  explicit QueueSink(log::BackgroundLog& log) : log_(log) {}

  void log(const spdlog::details::log_msg& message) override {
    const auto repeats = message.level >= spdlog::level::info ? log::Repeats::limited : log::Repeats::unlimited;
    log_.write(message.level, {message.payload.data(), message.payload.size()}, repeats);
  }
  void flush() override {}
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

 private:
  log::BackgroundLog& log_;
};

}  // namespace

ProcessLog::ProcessLog(const config::Observability& observability)
    : log_(STDERR_FILENO, spdlog::level::warn, format_of(observability.log_format)),
      lines_("picket", std::make_shared<QueueSink>(log_)) {
  lines_.set_level(level_of(observability.log_level));
}

void ProcessLog::use(const config::Observability& observability) {
  log_.use(format_of(observability.log_format));
  lines_.set_level(level_of(observability.log_level));
}

void ProcessLog::print(std::string_view text) { log_.write(verbatim, text, log::Repeats::unlimited); }

}  // namespace picket::apps::gateway::process
