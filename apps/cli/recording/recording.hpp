#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/result.hpp"
#include "picket/wire/frame.hpp"

/// A conversation of a proxy and an agent as a file (spec/recording.md). Pure.
namespace picket::apps::cli {

enum class Direction : std::uint8_t { to_agent, to_proxy };

/// One frame, and when the proxy sent or heard it.
struct Record {
  Direction direction;
  std::chrono::microseconds at;  ///< Since the first.
  wire::FrameType type;
  std::string payload;
};

/// The file's first line, with its end.
[[nodiscard]] std::string recording_header();
/// One record as it stands in the file.
[[nodiscard]] std::string to_text(const Record& record);

/// Reads a whole file. Errors name the byte at which the record begins that is none, or is cut.
[[nodiscard]] base::Result<std::vector<Record>> read_recording(std::string_view file);

}  // namespace picket::apps::cli
