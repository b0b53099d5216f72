#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "picket/guardrail/testing/play.hpp"

/// Answers of any shape, cut anywhere, answered early or late: what goes on is what the decisions say, however it came.
namespace picket::guardrail {
namespace {

using testing::Play;
using testing::redacting;
using Random = std::mt19937_64;

std::uint64_t up_to(Random& random, std::uint64_t most) { return random() % (most + 1); }

constexpr std::string_view value = "4111-1111";

/// Text with the value in it now and then, or something like it.
std::string some_text(Random& random) {
  constexpr std::array<std::string_view, 8> words{value, "4111-", "1111", "hello ", "\xC3\xA9", "4", "\xF0\x9F\x98\x80",
                                                  " "};
  std::string text;
  for (std::uint64_t i = up_to(random, 12); i != 0; --i) text += words[up_to(random, words.size() - 1)];
  return text;
}

/// As JSON may spell it.
std::string spelled(Random& random, std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool escapes = static_cast<unsigned char>(c) < 0x80 && up_to(random, 3) == 0;
    if (escapes) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += std::string{"\\u00"} + digits[static_cast<unsigned char>(c) >> 4] + digits[c & 0xF];
    } else {
      if (c == '\\') out += c;
      out += c;
    }
  }
  return out;
}

struct Stream {
  std::string bytes;
  std::array<std::string, 2> texts;  // of the choices
};

Stream some_stream(Random& random) {
  constexpr std::array<std::string_view, 3> ends{"\n", "\r\n", "\r"};
  const std::string end{ends[up_to(random, 2)]};
  const bool is_json = up_to(random, 1) == 0;  // they are arguments, and are spelt twice
  Stream stream;
  std::array<std::string, 2> left{some_text(random), some_text(random)};
  stream.texts = left;
  if (is_json)
    for (std::string& each : left) each = spelled(random, each);
  while (!left[0].empty() || !left[1].empty()) {
    const auto choice = up_to(random, 1);
    std::string& rest = left[choice];
    std::size_t size = up_to(random, rest.size());
    while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0) == 0x80) ++size;
    stream.bytes += R"(data: {"choices":[{"delta":{")" + std::string{is_json ? "arguments" : "content"} + R"(":")" +
                    spelled(random, rest.substr(0, size)) + R"("},"index":)" + std::to_string(choice) + "}]}" + end +
                    end;
    rest.erase(0, size);
    if (up_to(random, 4) == 0) stream.bytes += ": ping" + end + end;
  }
  stream.bytes += "data: [DONE]" + end + end;
  return stream;
}

/// What of the choices' texts came out, by another way than the stage's own: its stream is asked once more.
std::array<std::string, 2> texts_of(std::string_view stream) {
  std::array<std::string, 2> texts;
  Play reader{{.direction = body::Direction::response, .window = 1'000'000}};
  reader.feed(stream, true);
  while (auto question = reader.stage().next())
    texts[question->name.starts_with("choices/1/") ? 1 : 0] = question->content;
  EXPECT_EQ(reader.stage().stopped(), body::Stop::none) << stream;
  return texts;
}

std::string redacted(std::string text) {
  for (std::size_t at = text.find(value); at != std::string::npos; at = text.find(value, at + 3))
    text.replace(at, value.size(), "[x]");
  return text;
}

TEST(RandomStreams, AreRedactedAlikeHoweverTheyAreCut) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    Random random{seed};
    const Stream stream = some_stream(random);
    const std::size_t window = value.size() + up_to(random, 20);
    Play play{{.direction = body::Direction::response, .window = window}, redacting(std::string{value}, "[x]")};
    std::string_view left = stream.bytes;
    while (!left.empty()) {
      const auto size = 1 + up_to(random, std::min<std::uint64_t>(left.size() - 1, 40));
      play.feed(left.substr(0, size), size == left.size());
      left.remove_prefix(size);
      if (up_to(random, 2) == 0) play.answer_all();
      ASSERT_EQ(play.taken_in_all().find(value), std::string::npos) << "seed " << seed;
    }
    play.answer_all();
    const std::string out = play.taken_in_all();
    ASSERT_TRUE(play.has_end()) << "seed " << seed;
    const auto texts = texts_of(out);
    for (std::size_t choice = 0; choice < 2; ++choice)
      ASSERT_EQ(texts[choice], redacted(stream.texts[choice])) << "seed " << seed << "\n" << out;
  }
}

TEST(RandomStreams, WithoutFindingsAreByteForByteWhatTheyWere) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    Random random{seed};
    const Stream stream = some_stream(random);
    Play play{{.direction = body::Direction::response, .window = 1 + up_to(random, 20)}};
    std::string_view left = stream.bytes;
    while (!left.empty()) {
      const auto size = 1 + up_to(random, std::min<std::uint64_t>(left.size() - 1, 40));
      play.feed(left.substr(0, size), size == left.size());
      left.remove_prefix(size);
      play.answer_all();
    }
    ASSERT_EQ(play.taken_in_all(), stream.bytes) << "seed " << seed;
  }
}

}  // namespace
}  // namespace picket::guardrail
