#include "apps/cli/conform/frame_pipe.hpp"

#include <array>

#include "apps/cli/conform/violation.hpp"

namespace picket::apps::cli::conform {

std::string socket_frame(std::uint8_t type, std::string_view payload) {
  std::array<char, transport::frame_header_size> header;
  transport::write_frame_header(header.data(), static_cast<wire::FrameType>(type), payload.size());
  return std::string{header.data(), header.size()}.append(payload);
}

Heard FramePipe::hear(base::TimePoint deadline) {
  while (true) {
    const auto peeked = transport::peek_frame(received_.text());
    if (!peeked) throw Violation{"it sent " + peeked.error().detail()};
    if (peeked->frame) {
      Frame frame{*peeked->frame};
      received_.consume(peeked->needed);
      return frame;
    }
    switch (line_.read(received_, deadline)) {
      case Line::Got::bytes: break;
      case Line::Got::end: return Ended{received_.empty() ? "it closed the connection" : "it closed within a frame"};
      case Line::Got::nothing: return Silence{};
    }
  }
}

}  // namespace picket::apps::cli::conform
