#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "apps/cli/conform/line.hpp"
#include "apps/cli/conform/pipe.hpp"
#include "picket/transport/frame_header.hpp"

namespace picket::apps::cli::conform {

/// A frame of a socket, whatever type and payload.
[[nodiscard]] std::string socket_frame(std::uint8_t type, std::string_view payload);

/// Frames on a byte stream (protocol.md §2).
class FramePipe final : public Pipe {
 public:
  explicit FramePipe(Line line) noexcept : line_(std::move(line)) {}

  [[nodiscard]] const wire::Framing& framing() const noexcept override { return transport::stream_framing; }
  [[nodiscard]] wire::Encoding opening_encoding() const noexcept override { return wire::Encoding::json; }
  [[nodiscard]] std::string framed(wire::FrameType type, std::string_view payload) const override {
    return socket_frame(static_cast<std::uint8_t>(type), payload);
  }
  [[nodiscard]] base::Status write(std::string_view bytes, base::TimePoint deadline) override {
    return line_.write(bytes, deadline);
  }
  [[nodiscard]] Heard hear(base::TimePoint deadline) override;
  void end_writing() override { line_.end_writing(); }
  void reset() override { line_.reset(); }

 private:
  Line line_;
  base::Buffer received_;
};

}  // namespace picket::apps::cli::conform
