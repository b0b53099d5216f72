#include "picket/http2/connection.hpp"

#include <array>
#include <cstring>
#include <map>
#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace picket::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Bytes in a string, cut into parts so that gathering is not trivial.
class Text final : public Outgoing {
 public:
  explicit Text(std::string text = {}, std::size_t part = 1000) : text_(std::move(text)), part_(part) {}
  void add(std::string_view text) { text_ += text; }
  [[nodiscard]] std::size_t size() const noexcept override { return text_.size(); }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
    std::size_t used = 0;
    for (std::size_t at = skip; at < text_.size() && used < out.size(); at += part_)
      out[used++] = {const_cast<char*>(text_.data() + at), std::min(part_, text_.size() - at)};
    return used;
  }
  void consume(std::size_t size) override { text_.erase(0, size); }

 private:
  std::string text_;
  std::size_t part_;
};

/// Writes down what one end is told.
class Heard final : public Events {
 public:
  struct Stream {
    std::vector<std::string> heads;  // "kind name=value name=value"
    std::string body;
    bool has_ended = false;
    bool is_sent = false;
    bool is_cut = false;
    std::optional<ErrorCode> closed;
  };
  void on_head(StreamId id, HeadKind kind, base::Headers fields, bool) override {
    static constexpr std::array<const char*, 4> kinds{"head", "interim", "trailers", "oversized"};
    std::string line = kinds[static_cast<std::size_t>(kind)];
    for (const auto& [name, value] : fields) line += fmt::format(" {}={}", name, value);
    streams[id].heads.push_back(line);
  }
  void on_data(StreamId id, std::string_view bytes) override {
    streams[id].body += bytes;
    if (takes) owner->taken(id, bytes.size());
  }
  void on_end(StreamId id) override { streams[id].has_ended = true; }
  void on_sent(StreamId id) override { streams[id].is_sent = true; }
  void on_cut(StreamId id) override { streams[id].is_cut = true; }
  void on_closed(StreamId id, ErrorCode code) override { streams[id].closed = code; }
  void on_goaway(StreamId last, ErrorCode code, std::string_view) override { goaway = {last, code}; }

  Connection* owner = nullptr;
  bool takes = true;
  std::map<StreamId, Stream> streams;
  std::optional<std::pair<StreamId, ErrorCode>> goaway;
};

/// A client and a server that hear each other.
class Pair : public ::testing::Test {
 protected:
  explicit Pair(const Limits& limits = {}, std::size_t cut = 7000)
      : client(Role::client, limits, at_client), server(Role::server, limits, at_server), cut_(cut) {
    at_client.owner = &client;
    at_server.owner = &server;
  }

  /// What `from` has to say, at most `cut` bytes of it.
  static std::string output(Connection& from, std::size_t cut) {
    std::array<iovec, 5> parts;
    std::string bytes;
    const std::size_t count = from.gather(parts);
    for (std::size_t i = 0; i < count; ++i) bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    bytes.resize(std::min(bytes.size(), cut));
    from.wrote(bytes.size());
    return bytes;
  }
  bool carry(Connection& from, Connection& to) {
    const std::string bytes = output(from, cut_);
    if (!bytes.empty()) EXPECT_TRUE(to.feed(bytes, now));
    return !bytes.empty();
  }
  /// Until nobody has anything to say.
  void exchange() {
    for (bool moved = true; moved;) {
      const bool there = carry(client, server);
      const bool back = carry(server, client);
      moved = there || back;
    }
  }
  StreamId get(Outgoing* body = nullptr) {
    const std::array<base::Header, 5> head{
        {{":method", "POST"}, {":scheme", "http"}, {":authority", "a.example"}, {":path", "/x"}, {"te", "trailers"}}};
    return *client.request(base::Headers(head), body);
  }
  /// The handshake of a WebSocket (RFC 8441 §5).
  StreamId connect(Outgoing* body) {
    const std::array<base::Header, 5> head{{{":method", "CONNECT"},
                                            {":protocol", "websocket"},
                                            {":scheme", "https"},
                                            {":authority", "a.example"},
                                            {":path", "/chat"}}};
    return *client.request(base::Headers(head), body);
  }
  void answer(StreamId id, Outgoing* body) {
    const std::array<base::Header, 2> head{{{":status", "200"}, {"content-type", "text/plain"}}};
    server.respond(id, base::Headers(head), body);
  }

  base::TimePoint now{std::chrono::hours{1}};
  Heard at_client;
  Heard at_server;
  Connection client;
  Connection server;

 private:
  std::size_t cut_;
};

class WithExtendedConnect : public Pair {
 protected:
  WithExtendedConnect() : Pair({.extended_connect = true}) {}
};

TEST_F(WithExtendedConnect, WhatAClientAsksToSpeakIsAHeadThatNamesIt) {
  Text upwards;
  const StreamId id = connect(&upwards);
  exchange();
  EXPECT_THAT(at_server.streams[id].heads,
              ElementsAre("head :method=CONNECT :protocol=websocket :scheme=https :authority=a.example :path=/chat"));
  EXPECT_FALSE(at_server.streams[id].closed);
}

TEST_F(WithExtendedConnect, AClientKnowsThatItIsTakenOnceTheSettingsHaveCome) {
  EXPECT_EQ(client.takes_extended_connect(), std::nullopt);
  exchange();
  EXPECT_EQ(client.takes_extended_connect(), true);
}

TEST_F(Pair, AClientKnowsThatItIsNotTakenOnceTheSettingsHaveCome) {
  EXPECT_EQ(client.takes_extended_connect(), std::nullopt);
  exchange();
  EXPECT_EQ(client.takes_extended_connect(), false);
}

TEST_F(Pair, WhereExtendedConnectIsNotOfferedItIsNoRequest) {
  Text upwards;
  const StreamId id = connect(&upwards);
  exchange();
  EXPECT_THAT(at_server.streams[id].heads, IsEmpty());
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::protocol_error);
}

TEST_F(Pair, ARequestAndItsAnswerGoThere) {
  Text question("how much?");
  Text reply("42");
  const StreamId id = get(&question);
  client.finish(id);
  exchange();
  EXPECT_THAT(at_server.streams[id].heads,
              ElementsAre("head :method=POST :scheme=http :authority=a.example :path=/x te=trailers"));
  EXPECT_EQ(at_server.streams[id].body, "how much?");
  EXPECT_TRUE(at_server.streams[id].has_ended);
  answer(id, &reply);
  const std::array<base::Header, 1> trailers{{{"grpc-status", "0"}}};
  server.finish(id, base::Headers(trailers));
  exchange();
  EXPECT_THAT(at_client.streams[id].heads,
              ElementsAre("head :status=200 content-type=text/plain", "trailers grpc-status=0"));
  EXPECT_EQ(at_client.streams[id].body, "42");
  EXPECT_TRUE(at_client.streams[id].has_ended);
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::no_error);
  EXPECT_EQ(at_server.streams[id].closed, ErrorCode::no_error);
  EXPECT_EQ(client.streams() + server.streams(), 0U);
}

/// The types of the frames in some bytes (RFC 9113 §4.1).
std::vector<int> frame_types(std::string_view bytes) {
  constexpr std::size_t head = 9;
  std::vector<int> types;
  while (bytes.size() >= head) {
    const auto byte = [&](std::size_t at) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])); };
    types.push_back(bytes[3]);
    bytes.remove_prefix(std::min(bytes.size(), head + (byte(0) << 16U) + (byte(1) << 8U) + byte(2)));
  }
  return types;
}

TEST_F(Pair, AStreamIsResetOnceHoweverOftenThatIsSaid) {
  constexpr int rst_stream = 3;
  Text question;
  const StreamId id = get(&question);
  exchange();
  client.reset(id, ErrorCode::cancel);
  client.reset(id, ErrorCode::internal_error);
  const std::string said = output(client, 1000);
  EXPECT_THAT(frame_types(said), ElementsAre(rst_stream));
  ASSERT_TRUE(server.feed(said, now));
  EXPECT_EQ(at_server.streams[id].closed, ErrorCode::cancel);
  client.reset(id, ErrorCode::cancel);
  EXPECT_FALSE(client.has_output()) << "it is over";
}

TEST_F(Pair, AnAnswerWithoutABodyEndsWithItsHead) {
  const StreamId id = get();
  exchange();
  answer(id, nullptr);
  exchange();
  EXPECT_TRUE(at_client.streams[id].has_ended);
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::no_error);
}

TEST(Connection, MayOpenAHundredStreamsUntilItKnowsWhatThePeerTakes) {
  Heard heard;
  Connection client{Role::client, {}, heard};
  EXPECT_EQ(client.most_streams(), 100U);
  const std::string_view settings_that_say_nothing{"\0\0\0\4\0\0\0\0\0", 9};
  ASSERT_TRUE(client.feed(settings_that_say_nothing, base::TimePoint{}));
  EXPECT_GT(client.most_streams(), 1'000'000U);
  const std::string_view settings_of_seven{"\0\0\6\4\0\0\0\0\0\0\3\0\0\0\7", 15};
  ASSERT_TRUE(client.feed(settings_of_seven, base::TimePoint{}));
  EXPECT_EQ(client.most_streams(), 7U);
}

class LargeHeads : public Pair {
 protected:
  LargeHeads() : Pair({.head_size = 1 << 20}) {}
  static std::vector<base::Header> fields(std::size_t count, std::string_view value) {
    return std::vector<base::Header>(count, {"x-field", value});
  }
};

TEST_F(LargeHeads, OfManyFieldsArriveWhole) {
  const StreamId id = get();
  exchange();
  const std::string value(60, 'v');
  auto head = fields(990, value);
  head.insert(head.begin(), {":status", "200"});
  server.respond(id, base::Headers(head), nullptr);
  exchange();
  ASSERT_EQ(at_client.streams[id].heads.size(), 1U);
  EXPECT_GT(at_client.streams[id].heads[0].size(), 990U * 60);
  EXPECT_TRUE(at_client.streams[id].has_ended);
}

TEST_F(LargeHeads, ThatCannotBeSentResetTheirStream) {
  const std::string value(5000, 'v');
  const auto too_much = fields(1000, value);
  const StreamId id = get();
  exchange();
  auto head = too_much;
  head.insert(head.begin(), {":status", "200"});
  server.respond(id, base::Headers(head), nullptr);
  exchange();
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::internal_error);
  EXPECT_EQ(at_server.streams[id].closed, ErrorCode::internal_error);
  // As do trailers.
  const StreamId next = get();
  exchange();
  Text body("some");
  answer(next, &body);
  server.finish(next, base::Headers(too_much));
  exchange();
  EXPECT_EQ(at_client.streams[next].body, "some");
  EXPECT_EQ(at_client.streams[next].closed, ErrorCode::internal_error);
  EXPECT_FALSE(at_client.streams[next].has_ended);
}

TEST_F(Pair, AnInterimAnswerIsNoAnswer) {
  const StreamId id = get();
  exchange();
  const std::array<base::Header, 1> early{{{":status", "103"}}};
  server.respond_interim(id, base::Headers(early));
  answer(id, nullptr);
  exchange();
  EXPECT_THAT(at_client.streams[id].heads, ElementsAre("interim :status=103", HasSubstr("head :status=200")));
}

TEST_F(Pair, ALargeBodyArrivesWholeHoweverItIsCut) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += fmt::format("{} ", i);
  Text body(text, 777);
  const StreamId id = get(&body);
  client.finish(id);
  exchange();
  EXPECT_EQ(at_server.streams[id].body, text);
  EXPECT_TRUE(at_server.streams[id].has_ended);
}

TEST_F(Pair, WhatIsAddedLaterIsSentOnceItIsSaid) {
  Text body("one ");
  const StreamId id = get(&body);
  exchange();
  EXPECT_EQ(at_server.streams[id].body, "one ");
  body.add("two");
  client.resume(id);
  exchange();
  EXPECT_EQ(at_server.streams[id].body, "one two");
  EXPECT_FALSE(at_server.streams[id].has_ended);
}

TEST_F(Pair, SeveralStreamsShareTheConnection) {
  std::array<Text, 20> bodies;
  std::array<StreamId, 20> ids{};
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    bodies[i] = Text(std::string(50'000 + i, static_cast<char>('a' + i)));
    ids[i] = get(&bodies[i]);
    client.finish(ids[i]);
  }
  exchange();
  for (std::size_t i = 0; i < bodies.size(); ++i)
    EXPECT_EQ(at_server.streams[ids[i]].body, std::string(50'000 + i, static_cast<char>('a' + i)));
}

TEST_F(Pair, AResetEndsOneStreamAndNoOther) {
  Text held;
  Text other("other");
  const StreamId id = get(&held);
  const StreamId kept = get(&other);
  exchange();
  client.reset(id, ErrorCode::cancel);
  client.finish(kept);
  exchange();
  EXPECT_EQ(at_server.streams[id].closed, ErrorCode::cancel);
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::cancel);
  EXPECT_EQ(at_server.streams[kept].closed, std::nullopt);
  EXPECT_TRUE(at_server.streams[kept].has_ended);
}

TEST_F(Pair, AStreamThatIsResetWhileItsBodyIsWrittenStaysUntilItIsWritten) {
  Text body(std::string(100'000, 'x'));
  const StreamId id = get(&body);
  for (int i = 0; i < 4; ++i) carry(client, server);
  server.reset(id, ErrorCode::cancel);
  while (carry(server, client)) {
  }
  const bool was_early = at_client.streams[id].closed.has_value();
  exchange();
  EXPECT_FALSE(was_early) << "a frame that was begun has to be written to its end";
  EXPECT_EQ(at_client.streams[id].closed, ErrorCode::cancel);
}

TEST_F(Pair, GoingAwayIsHeardAndWhatIsUnderWayGoesOn) {
  Text reply("done");
  const StreamId id = get();
  exchange();
  server.go_away(ErrorCode::no_error);
  exchange();
  EXPECT_EQ(at_client.goaway, std::make_pair(id, ErrorCode::no_error));
  answer(id, &reply);
  server.finish(id);
  exchange();
  EXPECT_EQ(at_client.streams[id].body, "done");
}

/// Limits as for strangers.
class Strict : public Pair {
 protected:
  Strict()
      : Pair({.stream_window = 65'535,
              .connection_window = 200'000,
              .frame_size = 16'384,
              .concurrent_streams = 2,
              .head_size = 4096,
              .idle_frames = 50}) {}

  static std::string frame(std::uint8_t type, std::uint8_t flags, StreamId id, std::string_view payload) {
    std::string bytes;
    for (const int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(id >> shift);
    return bytes + std::string(payload);
  }
  /// How many of a frame the server hears, one a second apart by `pause`, before it has enough.
  int heard(const std::string& bytes, base::Duration pause = {}) {
    exchange();
    for (int i = 0; i < 1000; ++i) {
      now += pause;
      if (!server.feed(bytes, now)) return i;
      (void)output(server, 1'000'000);
    }
    return 1000;
  }
};

TEST_F(Strict, NobodySendsMoreThanIsTaken) {
  at_server.takes = false;
  Text body(std::string(1'000'000, 'x'));
  const StreamId id = get(&body);
  exchange();
  EXPECT_EQ(at_server.streams[id].body.size(), 65'535U);
  server.taken(id, 40'000);
  exchange();
  EXPECT_EQ(at_server.streams[id].body.size(), 65'535U + 40'000U);
}

TEST_F(Strict, MoreStreamsThanAllowedAreNotOpened) {
  std::array<Text, 3> bodies;
  exchange();  // the settings
  for (Text& body : bodies) get(&body);
  exchange();
  EXPECT_EQ(server.streams(), 2U);
}

TEST_F(Strict, AHeadThatIsTooLargeIsToldWithoutItsFields) {
  const std::string large(5000, 'x');
  const std::array<base::Header, 5> head{
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"x-large", large}}};
  const auto id = client.request(base::Headers(head), nullptr);
  ASSERT_TRUE(id);
  exchange();
  EXPECT_THAT(at_server.streams[*id].heads, ElementsAre("oversized"));
  answer(*id, nullptr);
  exchange();
  EXPECT_EQ(at_client.streams[*id].closed, ErrorCode::no_error);
}

/// A pair to begin anew with.
class Fresh final : public Strict {
 public:
  using Strict::frame;
  using Strict::heard;
  using Strict::server;
  void TestBody() override {}
};

TEST_F(Strict, AFloodOfFramesThatBringNothingEndsTheConnection) {
  struct Flood {
    Excess what;
    std::string frame;
  };
  const std::array floods{Flood{Excess::pings, frame(6, 0, 0, "12345678")},
                          Flood{Excess::settings, frame(4, 0, 0, "")},
                          Flood{Excess::window_updates, frame(8, 0, 0, {"\0\0\0\1", 4})},
                          Flood{Excess::priorities, frame(2, 0, 3, {"\0\0\0\0\1", 5})},
                          Flood{Excess::priorities, frame(0x10, 0, 0, {"\0\0\0\3u=1", 7})},
                          Flood{Excess::invalid_frames, frame(0x42, 0, 0, "what?")},
                          Flood{Excess::invalid_frames, frame(0x0a, 0, 0, {"\0\1a.test", 8})}};
  for (const auto& [what, bytes] : floods) {
    Fresh fresh;
    EXPECT_LE(fresh.heard(bytes), 51) << name(what) << ", type " << int{bytes[3]};
    EXPECT_EQ(fresh.server.excess(), what) << name(what);
    std::array<iovec, 5> parts;
    EXPECT_GT(fresh.server.gather(parts), 0U) << "it says why";
  }
}

TEST_F(Strict, GoodbyesOfAPeerThatHasAStreamAreAFlood) {
  get();
  EXPECT_LE(heard(frame(7, 0, 0, {"\0\0\0\0\0\0\0\0", 8})), 51);
  EXPECT_EQ(server.excess(), Excess::invalid_frames);
}

TEST_F(Strict, PingsOfAPatientPeerAreNoFlood) {
  EXPECT_EQ(heard(frame(6, 0, 0, "12345678"), std::chrono::seconds{1}), 1000);
}

TEST_F(Strict, StreamsThatAreOpenedAndResetAreAFlood) {
  for (int i = 0; i < 200; ++i) {
    const StreamId id = get();
    std::string bytes = output(client, 1'000'000);  // before the reset, which would take back what is not sent
    client.reset(id, ErrorCode::cancel);
    bytes += output(client, 1'000'000);
    if (!server.feed(bytes, now)) return;
    (void)output(server, 1'000'000);
  }
  FAIL() << "200 streams were opened and given up";
}

TEST_F(Strict, EmptyDataIsAFlood) {
  Text body;
  const StreamId id = get(&body);
  exchange();
  EXPECT_LE(heard(frame(0, 0, id, "")), 51);
}

// CVE-2024-28182: a head that never ends, in frames that each cost a little.
TEST_F(Strict, AHeadInFramesWithoutEndIsAnExcess) {
  exchange();
  ASSERT_TRUE(server.feed(frame(1, 0, 1, "\x82"), now));
  EXPECT_LE(heard(frame(9, 0, 1, "")), 51);
  EXPECT_EQ(server.excess(), Excess::header_blocks);
}

// CVE-2019-9511: what a window of one byte lets out pays for no other one.
TEST_F(Strict, WindowsOfAByteAreAFlood) {
  exchange();
  ASSERT_TRUE(server.feed(frame(4, 0, 0, {"\0\4\0\0\0\0", 6}), now)) << "no window to begin with";
  Text reply(std::string(100'000, 'y'));
  const StreamId id = get();
  exchange();
  ASSERT_TRUE(server.feed(frame(4, 0, 0, {"\0\4\0\0\0\0", 6}), now)) << "the client's own have come meanwhile";
  answer(id, &reply);
  server.finish(id);
  EXPECT_LE(heard(frame(8, 0, id, {"\0\0\0\1", 4})), 60);
  EXPECT_EQ(server.excess(), Excess::window_updates);
}

// RFC 9113 §8.1.1: left out, they would make another request of it.
TEST_F(Strict, AFieldThatIsNoneEndsItsStream) {
  const std::array<base::Header, 5> head{
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {"x-a", "b\nc: d"}}};
  const auto id = client.request(base::Headers(head), nullptr);
  ASSERT_TRUE(id);
  exchange();
  EXPECT_THAT(at_server.streams[*id].heads, IsEmpty());
  EXPECT_EQ(at_client.streams[*id].closed, ErrorCode::protocol_error);
}

TEST_F(Strict, BytesThatAreNoHttp2AreAnErrorThatSaysSo) {
  const auto status = server.feed("GET / HTTP/1.1\r\nhost: a\r\n\r\n", now);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message(), HasSubstr("HTTP/2"));
}

TEST_F(Strict, ALongDownloadWhoseReceiverGivesItsWindowBackIsNoFlood) {
  std::string text(4'000'000, 'y');
  Text reply(text, 10'000);
  const StreamId id = get();
  exchange();
  answer(id, &reply);
  server.finish(id);
  exchange();
  EXPECT_EQ(at_client.streams[id].body.size(), text.size());
}

}  // namespace
}  // namespace picket::http2
