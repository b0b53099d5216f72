#include "picket/guardrail/event_stream.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace picket::guardrail {
namespace {

using Events = std::vector<std::string>;

/// The data of each event, its lines joined by |; "unknown" ends it.
Events events_of(std::string_view stream, std::size_t cut) {
  EventStream reader;
  Events events;
  const auto take = [&](EventStream::Found found) {
    if (found == EventStream::Found::unknown) events.emplace_back("unknown");
    if (found != EventStream::Found::event) return;
    std::string& event = events.emplace_back();
    for (const Range& line : reader.data()) {
      if (&line != reader.data().data()) event += '|';
      event += stream.substr(line.begin, line.end - line.begin);
    }
  };
  for (std::size_t at = 0; at < stream.size(); at += cut) {
    std::string_view piece = stream.substr(at, cut);
    while (!piece.empty()) {
      const auto found = reader.read(piece);
      take(found);
      if (found == EventStream::Found::unknown) return events;
    }
  }
  take(reader.finish());
  return events;
}

void expect_events(std::string_view stream, const Events& expected) {
  for (const std::size_t cut : {1, 2, 3, 1000}) EXPECT_EQ(events_of(stream, cut), expected) << stream << " by " << cut;
}

TEST(EventStream, LinesEndInThreeWays) {
  expect_events("data: a\n\ndata:b\n\n", {"a", "b"});
  expect_events("data: a\r\rdata:b\r\r", {"a", "b"});
  expect_events("data: a\r\n\r\ndata:b\r\n\r\n", {"a", "b"});
  expect_events("data: a\r\n\ndata:b\n\r\n", {"a", "b"});
}

TEST(EventStream, LinesOfDataAreOneEvent) { expect_events("data: a\ndata:  b\nevent: x\ndata\ndata:\n\n", {"a| b||"}); }

TEST(EventStream, CommentsAndEmptyLinesAreNoEvents) { expect_events(": ping\n\n\n:data: x\n\ndata: a\n\n", {"a"}); }

TEST(EventStream, AnEventWithoutDataIsOne) { expect_events("event: ping\nid: 7\nretry: 5\n\n", {""}); }

TEST(EventStream, WhatHasNoEndIsAnEventAllTheSame) {
  expect_events("data: a\n\ndata: b", {"a", "b"});
  expect_events("data: a\n", {"a"});
}

TEST(EventStream, AFieldThatIsNoneIsUnknown) {
  expect_events("data: a\n\nfoo: b\n\n", {"a", "unknown"});
  expect_events("<html>\n", {"unknown"});
  expect_events("<html>", {"unknown"});
  expect_events("datadatadata: a\n\n", {"unknown"});
  expect_events("Data: a\n\n", {"unknown"});
}

TEST(EventStream, LinesOfOneEventHaveAnEnd) {
  std::string stream;
  for (std::size_t i = 0; i <= EventStream::most_lines; ++i) stream += "data: a\n";
  EXPECT_EQ(events_of(stream + "\n", 1000).back(), "unknown");
}

TEST(EventStream, BetweenEventsNothingIsKnownToFollow) {
  EventStream reader;
  const auto feed = [&](std::string_view text) {
    while (!text.empty()) static_cast<void>(reader.read(text));
    return reader.is_between_events();
  };
  EXPECT_TRUE(feed(""));
  EXPECT_FALSE(feed("d"));
  EXPECT_FALSE(feed("ata: a\r"));
  EXPECT_TRUE(feed("\n\r"));
  EXPECT_TRUE(feed("\n"));
  EXPECT_FALSE(feed(": pi"));
  EXPECT_TRUE(feed("ng\n"));
}

}  // namespace
}  // namespace picket::guardrail
