#include <string>
#include <utility>
#include <vector>

#include "fuzz/check.hpp"
#include "picket/session/testing/frames.hpp"
#include "picket/transport/frame_reader.hpp"

namespace {

using namespace picket;

struct Seen {
  std::vector<std::pair<wire::FrameType, std::string>> frames;
  std::string error;
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// The frames of a stream that arrives in pieces of `piece` bytes.
Seen read_in_pieces(std::string_view stream, std::size_t piece) {
  Seen seen;
  transport::FrameReader reader;
  while (!stream.empty() && seen.error.empty()) {
    const session::testing::Padded bytes{stream.substr(0, piece)};
    stream.remove_prefix(bytes.view().size());
    const auto status = reader.feed(bytes.view(), [&](const wire::FrameView& frame) -> base::Status {
      seen.frames.emplace_back(frame.type, frame.payload);
      return {};
    });
    if (!status) seen.error = status.error().message();
  }
  return seen;
}

}  // namespace

/// Any stream holds the same frames, and the same error, however it is split. Each frame is one that can be written.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view stream = fuzz::text_of(data, size);
  const Seen whole = read_in_pieces(stream, size);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, size / 2 + 1})
    fuzz::require(read_in_pieces(stream, piece) == whole, "the split of the stream changed what it holds");
  std::size_t at = 0;
  for (const auto& [type, payload] : whole.frames) {
    const std::string frame = session::testing::raw_frame(type, payload);
    fuzz::require(stream.substr(at, frame.size()) == frame, "a frame that is not in the stream");
    at += frame.size();
  }
  return 0;
}
