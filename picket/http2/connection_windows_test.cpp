#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "picket/http2/connection.hpp"

/// What a connection makes of the windows that its peer gives.
namespace picket::http2 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint8_t data_frame = 0;
constexpr std::uint8_t priority_frame = 2;
constexpr std::uint8_t settings_frame = 4;
constexpr std::uint8_t window_frame = 8;
constexpr std::uint8_t priority_update_frame = 16;
constexpr std::size_t whole_window = 65'535;

std::string number(std::size_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) text += static_cast<char>(value >> shift);
  return text;
}

std::string frame_of(std::uint8_t type, std::uint8_t flags, StreamId id, std::string_view payload) {
  return number(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) +
         number(static_cast<std::size_t>(id), 4) + std::string{payload};
}

std::string initial_window(std::size_t size) {
  return frame_of(settings_frame, 0, 0, std::string{"\0\4", 2} + number(size, 4));
}

/// A body of so many bytes, of which some are there at a time.
class Portions final : public Outgoing {
 public:
  Portions(std::size_t size, std::size_t portion) : left_(size), portion_(portion) { next(); }
  /// The next portion. Whether there is one.
  bool next() {
    there_ = std::min(left_, portion_);
    left_ -= there_;
    bytes_.assign(there_, 'x');
    return there_ != 0;
  }
  [[nodiscard]] std::size_t size() const noexcept override { return there_; }
  [[nodiscard]] std::size_t gather(std::size_t skip, std::span<iovec> out) const noexcept override {
    out.front() = {const_cast<char*>(bytes_.data()), there_ - skip};
    return 1;
  }
  void consume(std::size_t size) override { there_ -= size; }

 private:
  std::size_t left_;
  std::size_t portion_;
  std::size_t there_ = 0;
  std::string bytes_;
};

class Begun final : public Events {
 public:
  void on_head(StreamId id, HeadKind, base::Headers, bool) override { streams.insert(id); }
  void on_data(StreamId, std::string_view) override {}
  void on_end(StreamId) override {}
  void on_closed(StreamId id, ErrorCode) override { streams.erase(id); }
  void on_goaway(StreamId, ErrorCode, std::string_view) override {}
  std::set<StreamId> streams;
};

/// One end, and frames that a peer sends it by hand.
class Sending : public ::testing::Test {
 protected:
  explicit Sending(Role role = Role::server) : connection_(role, {.idle_frames = 400}, begun_) {
    if (role == Role::server) hear("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    hear(frame_of(settings_frame, 0, 0, {}));
    unread_ = output();
    if (role == Role::client) unread_.erase(0, 24);
    take_frames();
  }
  void hear(std::string_view bytes) { is_sound_ = is_sound_ && connection_.feed(bytes, now_).has_value(); }
  void give(StreamId id, std::size_t size) {
    hear(frame_of(window_frame, 0, id, number(size, 4)));
    read();
  }
  /// A request to the connection.
  StreamId begin() {
    const StreamId id = next_;
    next_ += 2;
    hear(frame_of(1, 5, id,
                  "\x82\x86\x84\x41\x01"
                  "a"));
    return id;
  }
  /// One that is answered by a body.
  StreamId download(std::size_t size, std::size_t portion) {
    const StreamId id = begin();
    Portions& body = bodies_.try_emplace(id, size, portion).first->second;
    const std::array<base::Header, 1> head{{{":status", "200"}}};
    connection_.respond(id, base::Headers(head), &body);
    read();
    return id;
  }
  void upload(std::size_t size, std::size_t portion) {
    Portions& body = bodies_.try_emplace(1, size, portion).first->second;
    const std::array<base::Header, 4> head{
        {{":method", "PUT"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}}};
    ASSERT_TRUE(connection_.request(base::Headers(head), &body));
    read();
  }
  /// Reads what the connection says, and has it go on with what is next of its bodies.
  void read() {
    for (bool goes_on = true; goes_on;) {
      unread_ += output();
      take_frames();
      goes_on = false;
      for (auto& [id, body] : bodies_) {
        if (body.size() != 0 || !body.next()) continue;
        connection_.resume(id);
        goes_on = true;
      }
    }
  }
  struct Data {
    StreamId id;
    std::size_t size;
  };
  /// Gives back what each frame took, as soon as it is there, until there is nothing more.
  void give_back_frame_by_frame() {
    for (std::size_t i = 0; i < frames_.size() && is_sound_; ++i) {
      const Data data = frames_[i];
      give(0, data.size);
      give(data.id, data.size);
    }
  }
  [[nodiscard]] std::size_t received() const {
    std::size_t sum = 0;
    for (const Data& data : frames_) sum += data.size;
    return sum;
  }
  [[nodiscard]] std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> sizes;
    for (const Data& data : frames_) sizes.push_back(data.size);
    return sizes;
  }

  Begun begun_;
  std::map<StreamId, Portions> bodies_;
  Connection connection_;
  std::vector<Data> frames_;
  bool is_sound_ = true;

 private:
  std::string output() {
    std::string bytes;
    while (connection_.has_output()) {
      std::array<iovec, 5> parts;
      const std::size_t count = connection_.gather(parts);
      std::size_t size = 0;
      for (std::size_t i = 0; i < count; ++i) {
        bytes.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
        size += parts[i].iov_len;
      }
      if (size == 0) break;
      connection_.wrote(size);
    }
    return bytes;
  }
  void take_frames() {
    const auto byte = [this](std::size_t at) {
      return static_cast<std::size_t>(static_cast<std::uint8_t>(unread_[at]));
    };
    while (unread_.size() >= 9) {
      const std::size_t size = (byte(0) << 16U) + (byte(1) << 8U) + byte(2);
      if (byte(3) == data_frame) frames_.push_back({static_cast<StreamId>((byte(7) << 8U) + byte(8)), size});
      unread_.erase(0, 9 + size);
    }
  }

  base::TimePoint now_{std::chrono::hours{1}};
  std::string unread_;
  StreamId next_ = 1;
};

class Uploading : public Sending {
 protected:
  Uploading() : Sending(Role::client) {}
};

constexpr std::size_t large = 3'000'000;
constexpr std::array<std::size_t, 4> portions{1'500, 4'000, 10'007, 65'536};

std::size_t of_less_than(std::size_t size, const std::vector<std::size_t>& sizes) {
  return static_cast<std::size_t>(std::ranges::count_if(sizes, [=](std::size_t each) { return each < size; }));
}

TEST_F(Sending, AWindowThatIsGivenBackFrameByFrameIsNoFloodAndKeepsItsFrames) {
  hear(initial_window(whole_window));
  download(30'000'000, 65'536);
  give_back_frame_by_frame();
  EXPECT_TRUE(is_sound_);
  EXPECT_EQ(received(), 30'000'000U);
  EXPECT_LT(frames_.size(), 30'000'000U / 4096);
  EXPECT_LT(of_less_than(256, sizes()), frames_.size() / 4);
}

TEST_F(Sending, HoweverTheBodyComesAWindowThatIsGivenBackFrameByFrameIsNoFlood) {
  for (const std::size_t portion : portions) {
    frames_.clear();
    download(large, portion);
    give_back_frame_by_frame();
    EXPECT_TRUE(is_sound_) << portion;
    EXPECT_EQ(received(), large) << portion;
    if (!is_sound_) return;
  }
}

TEST_F(Sending, StreamsThatShareTheConnectionsWindowAllComeToTheirEnd) {
  for (const std::size_t portion : portions) download(large, portion);
  give_back_frame_by_frame();
  EXPECT_TRUE(is_sound_);
  EXPECT_EQ(received(), large * portions.size());
  EXPECT_FALSE(connection_.holds_back());
}

// What a stream of gRPC messages looks like whose reader gives each back as it takes it.
TEST_F(Sending, ABurstOfSmallFramesThatIsGivenBackOneByOneIsNoFlood) {
  for (const std::size_t size : {100U, 5U}) {
    frames_.clear();
    download(65'000, size);
    ASSERT_EQ(frames_.size(), 65'000 / size);
    give_back_frame_by_frame();
    ASSERT_TRUE(is_sound_) << size;
  }
}

TEST_F(Uploading, ABurstOfSmallFramesThatIsGivenBackOneByOneIsNoFloodEither) {
  upload(65'000, 100);
  ASSERT_EQ(frames_.size(), 650U);
  give_back_frame_by_frame();
  EXPECT_TRUE(is_sound_);
}

// gRPC's library does so with every call.
TEST_F(Sending, StreamsWhoseWindowsAreRaisedAndThatAreAnsweredByAHeadAreNoFlood) {
  const std::array<base::Header, 1> head{{{":status", "404"}}};
  for (int i = 0; i < 1'000; ++i) {
    const StreamId id = begin();
    give(0, 5);
    give(id, 5);
    connection_.respond(id, base::Headers(head), nullptr);
    read();
    ASSERT_TRUE(is_sound_) << i;
  }
}

// So browsers do, by PRIORITY or PRIORITY_UPDATE.
TEST_F(Sending, StreamsWhosePrioritiesAreChangedAreNoFlood) {
  const std::array<base::Header, 1> head{{{":status", "404"}}};
  for (int i = 0; i < 1'000; ++i) {
    const StreamId id = begin();
    hear(frame_of(priority_frame, 0, id, std::string{"\0\0\0\0\1", 5}));
    hear(frame_of(priority_update_frame, 0, 0, number(static_cast<std::size_t>(id), 4) + "u=1"));
    connection_.respond(id, base::Headers(head), nullptr);
    read();
    ASSERT_TRUE(is_sound_) << i;
  }
}

TEST_F(Sending, UpdatesForWhatWasSentAndMoreAreAFlood) {
  const StreamId id = download(6'500, 100);
  const std::size_t due = 4 + 2 * 65;
  std::size_t heard = 0;
  for (; heard < 1'000 && is_sound_; ++heard) give(heard % 2 == 0 ? 0 : id, 1);
  EXPECT_LE(heard, 400 + due);
  EXPECT_GT(heard, due);
  EXPECT_EQ(connection_.excess(), Excess::window_updates);
}

TEST_F(Uploading, AWindowThatIsGivenBackFrameByFrameIsNoFloodEither) {
  hear(initial_window(whole_window));
  upload(30'000'000, 65'536);
  give_back_frame_by_frame();
  EXPECT_TRUE(is_sound_);
  EXPECT_EQ(received(), 30'000'000U);
  EXPECT_LT(frames_.size(), 30'000'000U / 4096);
}

TEST_F(Sending, APeerThatWaitsUntilItsWindowIsUsedUpGetsAllOfItEachTime) {
  const StreamId id = download(large, 10'007);
  std::size_t given = whole_window;
  while (received() < large) {
    ASSERT_EQ(received(), given);
    ASSERT_FALSE(connection_.holds_back());
    give(0, whole_window);
    give(id, whole_window);
    given = std::min(given + whole_window, large);
  }
  EXPECT_TRUE(is_sound_);
}

TEST_F(Sending, APeerWhoseWindowsAreTinyGetsWhatTheyLetOut) {
  hear(initial_window(100));
  const StreamId id = download(1'000, 1'000);
  for (std::size_t got = 100; got < 1'000; got += 100) {
    EXPECT_EQ(received(), got);
    give(id, 100);
  }
  EXPECT_EQ(received(), 1'000U);
  EXPECT_FALSE(connection_.holds_back());
}

TEST_F(Sending, AWindowThatIsUsedUpIsUsedAgainOnceItIsWorthAFrame) {
  const StreamId id = download(large, large);
  give(0, 1'000'000);
  ASSERT_EQ(received(), whole_window);
  frames_.clear();
  give(id, 4'095);
  EXPECT_THAT(sizes(), IsEmpty());
  EXPECT_TRUE(connection_.holds_back());
  give(id, 1);
  EXPECT_THAT(sizes(), ElementsAre(4'096U));
  EXPECT_FALSE(connection_.holds_back());
}

TEST_F(Sending, SoIsThatOfTheConnection) {
  hear(initial_window(1'000'000));
  download(large, large);
  ASSERT_EQ(received(), whole_window);
  frames_.clear();
  give(0, 4'095);
  EXPECT_THAT(sizes(), IsEmpty());
  give(0, 1);
  EXPECT_THAT(sizes(), ElementsAre(4'096U));
}

TEST_F(Sending, SettingsThatMakeTheWindowLargerLetItOutToo) {
  const StreamId id = download(large, large);
  give(0, 1'000'000);
  give(id, 10);
  ASSERT_TRUE(connection_.holds_back());
  hear(initial_window(whole_window + 5'000));
  read();
  EXPECT_EQ(received(), whole_window + 5'010);
}

TEST_F(Sending, TheRestOfABodyGoesAsSoonAsItHasItsPlace) {
  const StreamId id = download(whole_window + 300, large);
  give(0, 1'000'000);
  give(id, 299);
  EXPECT_EQ(received(), whole_window);
  give(id, 1);
  EXPECT_EQ(received(), whole_window + 300);
  EXPECT_EQ(frames_.back().size, 300U);
}

TEST_F(Sending, APeerThatGivesLittleAndWaitsGetsItByHurrying) {
  const StreamId id = download(large, large);
  give(0, 1'000'000);
  for (int i = 0; i < 5; ++i) {
    const std::size_t before = received();
    give(id, 100);
    ASSERT_EQ(received(), before);
    connection_.hurry();
    read();
    EXPECT_EQ(received(), before + 100);
    EXPECT_FALSE(connection_.holds_back());
  }
}

// CVE-2019-9511: hurrying makes it no cheaper.
TEST_F(Sending, BytesThatWereHurriedPayForNothing) {
  const StreamId id = download(large, large);
  int heard = 0;
  for (; heard < 1'000 && is_sound_; ++heard) {
    give(0, 1);
    give(id, 1);
    connection_.hurry();
    read();
  }
  EXPECT_LT(heard, 400);
  EXPECT_EQ(connection_.excess(), Excess::window_updates);
}

TEST_F(Sending, AStreamThatIsResetIsNotWaitedForAnyMore) {
  const StreamId id = download(large, large);
  give(0, 1'000'000);
  give(id, 10);
  ASSERT_TRUE(connection_.holds_back());
  hear(frame_of(3, 0, id, number(8, 4)));
  EXPECT_FALSE(connection_.holds_back());
  connection_.hurry();
  give(0, 10);
  EXPECT_EQ(received(), whole_window);
}

}  // namespace
}  // namespace picket::http2
