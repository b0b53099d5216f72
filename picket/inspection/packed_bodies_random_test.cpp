#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "picket/body/testing/deflated.hpp"
#include "picket/inspection/testing/inspected.hpp"

/// Packed bodies of either direction and of any cut, whole or not what their coding says, before an agent that decides
/// anything about any chunk, or fails: what goes on is what it made of the content, or what came, or it is a cut. Never
/// a mixture.
namespace picket::inspection {
namespace {

using agent::Decision;
using testing::Terms;
using Random = std::minstd_rand;

constexpr unsigned bodies_of_a_world = 120;
constexpr std::size_t most_held = 400'000;

/// A body, and whether it can be shown to its end.
struct Sent {
  std::string content;
  std::string packed;
  bool is_gzip = false;
  bool is_sound = true;

  explicit Sent(Random& random) : content(random() % 4 == 0 ? random() % 60'000 : random() % 4'000, '\0') {
    for (char& c : content) c = static_cast<char>('a' + random() % 20);
    const bool is_bomb = random() % 10 == 0;
    if (is_bomb) content.append(2'000'000, ' ');
    is_gzip = random() % 2 == 0;
    packed = body::testing::deflated(content, is_gzip ? body::testing::gzip_window : body::testing::zlib_window);
    const auto fault = random() % 6;
    if (fault == 0) packed.resize(random() % packed.size());
    if (fault == 1) packed[packed.size() - 1 - random() % 4] ^= 0x55;  // its sum
    if (fault == 2) packed += "more";
    is_sound = !is_bomb && fault > 2;
    if (packed.empty()) packed = "x", is_sound = false;
  }
};

std::uint64_t come_of(const wire::RequestBodyChunk& chunk) { return chunk.bytes_received; }
std::uint64_t come_of(const wire::ResponseBodyChunk& chunk) { return chunk.bytes_sent; }

/// An answer that nobody can honour.
Decision dishonest(const wire::RequestBodyChunk& /*to*/) {
  return Decision::allow().set_request_header("content-length", "0");
}
Decision dishonest(const wire::ResponseBodyChunk& /*to*/) {
  return Decision::allow().set_response_header("content-length", "0");
}

/// What the agent has said of one body. Thread safety: any thread.
class Said {
 public:
  struct State {
    std::string text;        // what it has let go on
    std::string held;        // what it will, with a later answer
    std::size_t let_go = 0;  // bytes of the content that stand in the text
    std::size_t seen = 0;    // bytes of the content
    bool has_blocked = false;
    bool has_failed = false;  // it says nothing more of this body
  };
  void begin(unsigned seed, std::string_view id) {
    const std::lock_guard lock{mutex_};
    state_ = {};
    seed_ = seed;
    id_ = id;
  }
  [[nodiscard]] State state() const {
    const std::lock_guard lock{mutex_};
    return state_;
  }

  template <class Chunk>
  agent::Reply say(const Chunk& chunk, std::string_view id) {
    const std::lock_guard lock{mutex_};
    if (id != id_) return Decision::allow();  // of a body that was cut meanwhile
    Random random{seed_ * 7919 + chunk.chunk_index};
    random.discard(3);
    const auto choice = random() % 100;
    const std::string_view data = base::as_text(chunk.data);
    if (choice == 0) {
      state_.has_blocked = true;
      return Decision::block(403);
    }
    if (choice == 1) {
      state_.has_failed = true;
      return dishonest(chunk);
    }
    const bool replaces = choice < 20;
    const std::string in_place = choice < 10 ? std::string{} : std::string(data.size() / 2 + 1, '+');
    if (state_.has_failed) return Decision::allow();
    const bool goes_past = chunk.total_size && *chunk.total_size > come_of(chunk);
    if (goes_past && chunk.is_last && replaces) {  // nothing that is held
      state_.has_failed = true;
      return Decision::allow().replace_body(in_place);
    }
    state_.seen += data.size();
    state_.held += replaces ? in_place : std::string{data};
    const bool waits = !chunk.is_last && choice % 10 == 7;
    if (!waits) {
      state_.text += std::exchange(state_.held, {});
      state_.let_go = state_.seen;
    }
    agent::Allow answer = Decision::allow();
    if (replaces) answer.replace_body(in_place);
    if (waits) answer.needs_more();
    return answer;
  }

 private:
  mutable std::mutex mutex_;
  State state_;
  unsigned seed_ = 0;
  std::string id_;
};

struct World {
  body::Direction direction;
  FailureMode mode;
  std::uint64_t gathers;
};

class PackedBodiesRandom : public testing::InspectionTest, public ::testing::WithParamInterface<World> {
 public:
  /// What came of one.
  struct Passed {
    std::string text;
    bool has_end = false;
    bool went_packed = false;
  };

  static bool is_of_request() { return GetParam().direction == body::Direction::request; }

  Passed pass(const Sent& sent, Said& said, unsigned number) {
    std::deque<std::string> kept;
    Request request{*this};
    Random random{number};
    said.begin(number, request.id());
    const base::Header coding{"Content-Encoding", sent.is_gzip ? "gzip" : "deflate"};
    BodyInspection& body = is_of_request() ? request->request_body() : request->response_body();
    body.set_coding(std::span{&coding, 1});
    static_cast<void>(body.begin(0));
    Passed passed;
    std::size_t fed = 0;
    for (int turns = 0; turns < 100'000 && !passed.has_end; ++turns) {
      if (!transport::testing::run(worker_, body.judge()).goes_on()) return passed;
      if (body.lets_out()) {
        if (passed.text.empty()) passed.went_packed = !body.is_unpacked();
        take(body, passed);
        continue;
      }
      const bool goes_on = fed != sent.packed.size() && body.credit() != 0;
      EXPECT_TRUE(goes_on) << "it stands still";
      if (!goes_on) return passed;
      const std::size_t size = std::min({sent.packed.size() - fed, body.credit(), std::size_t{1} + random() % 20'000});
      fed += size;
      const std::string& piece = kept.emplace_back(sent.packed.substr(fed - size, size));
      body.feed(base::SharedBytes::borrowed(base::as_bytes(piece)), fed == sent.packed.size());
    }
    return passed;
  }
  static void take(BodyInspection& body, Passed& passed) {
    while (body.lets_out()) {
      const body::Part part = body.take();
      passed.text += base::as_text(part.bytes.view());
      passed.has_end = part.is_last;
    }
    body.has_left();
  }
};

/// All of it, or the beginning where it was cut.
bool is_of(const PackedBodiesRandom::Passed& passed, std::string_view whole) {
  return passed.has_end ? passed.text == whole : whole.starts_with(passed.text);
}

/// Behind its failure nothing is the agent's any more, nor what it has allowed of what goes on together.
bool is_of_content(const PackedBodiesRandom::Passed& passed, const Sent& sent, const Said::State& state) {
  if (!state.has_failed) return is_of(passed, state.text);
  return is_of(passed, state.text + sent.content.substr(state.let_go)) || is_of(passed, sent.content);
}

/// Whether it is as it came, as far as the agent has let it go: of what goes on together only behind all of it.
bool is_as_sent(const Sent& sent, const Said::State& state, std::uint64_t gathers) {
  const bool is_at_start = state.has_failed && state.let_go < gathers;
  return is_at_start || state.text == std::string_view{sent.content}.substr(0, state.let_go);
}

TEST_P(PackedBodiesRandom, WhatGoesOnIsWhatTheAgentMadeOfTheContentOrWhatCameOrACut) {
  const bool fails_open = GetParam().mode == FailureMode::open;
  const auto said = std::make_shared<Said>();  // the agent ends last
  const auto says = [said](const auto& chunk, agent::Context& context) {
    return said->say(chunk, context.correlation_id());
  };
  agent({.request_body = says, .response_body = says},
        {.events = {.request_body = is_of_request(), .response_body = !is_of_request()},
         .failure_mode = GetParam().mode,
         .chunk_size = 1'500,
         .max_body = most_held,
         .gathers = GetParam().gathers,
         .decompress = true});
  unsigned packed = 0;
  unsigned unpacked = 0;
  unsigned stopped = 0;
  for (unsigned number = 1; number <= bodies_of_a_world && !HasFailure(); ++number) {
    SCOPED_TRACE("body " + std::to_string(number));
    Random random{number};
    const Sent sent{random};
    const Passed passed = pass(sent, *said, number);
    const Said::State state = said->state();
    EXPECT_TRUE(passed.went_packed ? is_of(passed, sent.packed) : is_of_content(passed, sent, state))
        << passed.text.size() << " bytes of " << sent.content.size() << ", " << state.text.size() << " made of "
        << state.let_go << (passed.has_end ? ", with an end" : "") << (passed.went_packed ? ", packed" : "")
        << (state.has_failed ? ", failed" : "") << (sent.is_sound ? "" : ", not sound");
    if (passed.has_end && !passed.went_packed) EXPECT_TRUE(sent.is_sound || sent.content.size() > most_held);
    const bool as_sent = is_as_sent(sent, state, GetParam().gathers);
    if (passed.went_packed) EXPECT_TRUE(fails_open && as_sent && (!sent.is_sound || state.has_failed));
    if (!passed.has_end) EXPECT_TRUE(state.has_blocked || !sent.is_sound || (state.has_failed && !fails_open));
    if (!passed.has_end && fails_open && !state.has_blocked && as_sent)
      EXPECT_FALSE(passed.text.empty()) << "it could have gone on";
    packed += passed.went_packed ? 1 : 0;
    unpacked += passed.has_end && !passed.went_packed ? 1 : 0;
    stopped += passed.has_end ? 0 : 1;
  }
  EXPECT_GT(unpacked, bodies_of_a_world / 6);
  EXPECT_GT(stopped, bodies_of_a_world / 60);
  if (fails_open) EXPECT_GT(packed, bodies_of_a_world / 30);
  EXPECT_EQ(worker_.blocks().held(), 0U);
}

std::vector<World> worlds() {
  std::vector<World> all;
  for (const auto direction : {body::Direction::request, body::Direction::response})
    for (const auto mode : {FailureMode::open, FailureMode::closed})
      for (const std::uint64_t gathers : {body::whole, std::uint64_t{0}, std::uint64_t{4'000}})
        all.push_back({direction, mode, gathers});
  return all;
}
INSTANTIATE_TEST_SUITE_P(Worlds, PackedBodiesRandom, ::testing::ValuesIn(worlds()));

}  // namespace
}  // namespace picket::inspection
