#include "picket/transport/frame_reader.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::transport {
namespace {

using wire::FrameType;

std::string frame(FrameType type, std::string_view payload) {
  std::string bytes(frame_header_size, '\0');
  write_frame_header(bytes.data(), type, payload.size());
  return bytes.append(payload);
}

struct Seen {
  FrameType type;
  std::string payload;
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// Feeds with the padding that feed() asks for.
base::Status feed(FrameReader& reader, std::string_view bytes, std::vector<Seen>& seen) {
  std::string padded{bytes};
  padded.append(base::limits::tail_padding, '\xff');
  return reader.feed(std::string_view{padded}.substr(0, bytes.size()),
                     [&](const wire::FrameView& view) -> base::Status {
                       seen.push_back({view.type, std::string{view.payload}});
                       return {};
                     });
}

const std::string kStream = frame(FrameType::ping, "{}") + frame(FrameType::agent_response, std::string(9000, 'r')) +
                            frame(FrameType::pong, "") + frame(FrameType::cancel, "abc");
const std::vector<Seen> kExpected{{FrameType::ping, "{}"},
                                  {FrameType::agent_response, std::string(9000, 'r')},
                                  {FrameType::pong, ""},
                                  {FrameType::cancel, "abc"}};

TEST(FrameReader, EveryCutInTwoYieldsTheSameFrames) {
  for (std::size_t cut = 0; cut <= kStream.size(); cut += cut < 30 || cut > 9000 ? 1 : 97) {
    FrameReader reader;
    std::vector<Seen> seen;
    ASSERT_TRUE(feed(reader, std::string_view{kStream}.substr(0, cut), seen));
    ASSERT_TRUE(feed(reader, std::string_view{kStream}.substr(cut), seen));
    ASSERT_EQ(seen, kExpected) << cut;
    EXPECT_EQ(reader.held(), 0U);
  }
}

TEST(FrameReader, OneByteAtATimeYieldsTheSameFrames) {
  FrameReader reader;
  std::vector<Seen> seen;
  for (const char byte : kStream) ASSERT_TRUE(feed(reader, {&byte, 1}, seen));
  EXPECT_EQ(seen, kExpected);
}

TEST(FrameReader, RestOfALargeFrameIsReadIntoItsPlace) {
  FrameReader reader;
  std::vector<Seen> seen;
  const std::string large = frame(FrameType::request_body_chunk, std::string(100'000, 'b'));
  ASSERT_TRUE(feed(reader, std::string_view{large}.substr(0, 4096), seen));
  std::size_t at = 4096;
  while (at < large.size()) {
    const auto rest = reader.rest();
    ASSERT_FALSE(rest.empty()) << at;
    ASSERT_EQ(rest.size(), large.size() - at);
    const std::size_t size = std::min<std::size_t>(rest.size(), 30'000);
    large.copy(rest.data(), size, at);
    at += size;
    ASSERT_TRUE(reader.rest_received(size, [&](const wire::FrameView& view) -> base::Status {
      seen.push_back({view.type, std::string{view.payload}});
      return {};
    }));
    if (large.size() - at < 4096) {
      ASSERT_TRUE(reader.rest().empty());
      ASSERT_TRUE(feed(reader, std::string_view{large}.substr(at), seen));
      break;
    }
  }
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].payload, std::string(100'000, 'b'));
}

TEST(FrameReader, DeliveredPayloadStaysValidWhileTheNextFrameIsHeld) {
  FrameReader reader;
  std::string_view first;
  std::string bytes = frame(FrameType::ping, std::string(50, 'a')) + frame(FrameType::pong, "bbb");
  bytes.append(base::limits::tail_padding, '\0');
  const auto keep = [&](const wire::FrameView& view) -> base::Status {
    if (view.type == FrameType::ping) first = view.payload;
    return {};
  };
  ASSERT_TRUE(reader.feed(std::string_view{bytes}.substr(0, 10), keep));
  std::string second = bytes.substr(10, 50) + bytes.substr(0, base::limits::tail_padding);
  ASSERT_TRUE(
      reader.feed(std::string_view{second}.substr(0, 50), keep));  // completes the ping, holds 5 bytes of the pong
  EXPECT_EQ(first, std::string(50, 'a'));
}

TEST(FrameReader, ErrorOfTheConsumerStopsTheStream) {
  FrameReader reader;
  std::string bytes = frame(FrameType::ping, "") + frame(FrameType::pong, "");
  bytes.append(base::limits::tail_padding, '\0');
  int calls = 0;
  const auto status = reader.feed(std::string_view{bytes}.substr(0, 10), [&](const wire::FrameView&) -> base::Status {
    ++calls;
    return base::fail(base::ErrorKind::invalid_message, "no");
  });
  EXPECT_FALSE(status);
  EXPECT_EQ(calls, 1);
}

TEST(FrameReader, TrimGivesTheMemoryBackBetweenFrames) {
  FrameReader reader;
  std::vector<Seen> seen;
  const std::string large = frame(FrameType::request_body_chunk, std::string(100'000, 'b'));
  ASSERT_TRUE(feed(reader, std::string_view{large}.substr(0, 50'000), seen));
  ASSERT_TRUE(feed(reader, std::string_view{large}.substr(50'000), seen));
  EXPECT_GT(reader.capacity(), 100'000U);
  reader.trim();
  EXPECT_EQ(reader.capacity(), 0U);
}

TEST(FrameReader, OnlyALargeFrameThatIsCutIsOne) {
  const auto frame_of = [](std::size_t size) {
    std::string frame{'\0', '\0', static_cast<char>((size + 1) >> 8), static_cast<char>(size + 1), '\x10'};
    return frame.append(size, 'x');
  };
  const auto take = [](const wire::FrameView&) { return base::Status{}; };
  FrameReader reader;
  EXPECT_FALSE(reader.holds_part_of_large_frame());
  for (const std::size_t size : {100, 10'000}) {
    std::string padded = frame_of(size) + std::string(base::limits::tail_padding, ' ');
    const std::string_view frame = std::string_view{padded}.substr(0, size + 5);
    ASSERT_TRUE(reader.feed(frame.substr(0, size), take));
    EXPECT_EQ(reader.holds_part_of_large_frame(), size == 10'000) << size;
    ASSERT_TRUE(reader.feed(frame.substr(size), take));
    EXPECT_FALSE(reader.holds_part_of_large_frame()) << size;
  }
}

}  // namespace
}  // namespace picket::transport
