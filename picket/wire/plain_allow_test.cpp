#include "picket/wire/internal/plain_allow.hpp"

#include <gtest/gtest.h>

#include "picket/base/limits.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/internal/instances.hpp"
#include "picket/wire/testing/equal.hpp"

/// The short way for the answer that only allows must write and read exactly what the ordinary codec does.
namespace picket::wire {
namespace {

const std::vector<std::string>& ids() {
  static const std::vector<std::string> all{"a",
                                            "bench-12345",
                                            std::string(31, 'b'),
                                            std::string(32, 'c'),
                                            "7f3a9c0e-51d2-4b68-9f10-2b6a5d8e4c31",
                                            std::string(255, 'd')};
  return all;
}

constexpr std::array<Format, 4> formats{
    {{}, {.event_reply = true}, {.encoding = Encoding::msgpack}, {.encoding = Encoding::msgpack, .event_reply = true}}};

std::string ordinary(const Format& format, const AgentResponse& response) {
  Output out;
  format.encoding == Encoding::json ? internal::write_json(format, response, out)
                                    : internal::write_msgpack(format, response, out);
  return out.flatten();
}

std::string shortened(const Format& format, const AgentResponse& response) {
  Output out;
  return internal::write_plain_allow(format, response, out) ? out.flatten() : std::string{};
}

base::Result<AgentResponse> read_ordinarily(const Format& format, std::string_view payload, base::Arena& arena) {
  base::Result<AgentResponse> result;
  auto status = format.encoding == Encoding::json ? internal::read_json(payload, arena, *result)
                                                  : internal::read_msgpack(format, payload, arena, *result);
  if (!status) return std::move(status.error());
  return result;
}

/// Calls `use(format, response)` for every answer that has a short way.
template <class Use>
void for_each_plain_answer(Use use) {
  for (const Format& format : formats)
    for (const std::string& id : ids()) {
      AgentResponse response{.decision = Allow{}, .correlation_id = id};
      if (!format.event_reply) {
        use(format, response);
        continue;
      }
      for (const FrameType type : {FrameType::request_headers, FrameType::response_headers, FrameType::request_complete,
                                   FrameType::guardrail_inspect}) {
        response.reply_to = ReplyTo{.type = type};
        use(format, response);
      }
    }
}

TEST(PlainAllow, IsWrittenAsTheOrdinaryWriterDoes) {
  for_each_plain_answer([](const Format& format, const AgentResponse& response) {
    EXPECT_EQ(shortened(format, response), ordinary(format, response)) << response.correlation_id;
  });
}

TEST(PlainAllow, IsReadAsTheOrdinaryReaderDoes) {
  for_each_plain_answer([](const Format& format, const AgentResponse& response) {
    std::string payload = ordinary(format, response);
    payload.reserve(payload.size() + base::limits::tail_padding);
    AgentResponse read;
    ASSERT_TRUE(internal::read_plain_allow(format.encoding, payload, read)) << response.correlation_id;
    EXPECT_TRUE(testing::equal(read, response));
  });
}

TEST(PlainAllow, WhatSaysMoreGoesTheOrdinaryWay) {
  const AgentResponse allow{.decision = Allow{}, .correlation_id = "id"};
  const TextPair pair{"k", "v"};
  const HeaderOp op{.name = "n", .value = "v"};
  const Text text = "t";
  std::vector<AgentResponse> others(12, allow);
  others[0].decision = Block{};
  others[1].request_headers = {&op, 1};
  others[2].response_headers = {&op, 1};
  others[3].routing_metadata = {&pair, 1};
  others[4].audit.tags = {&text, 1};
  others[5].audit.confidence = 0.5F;
  others[6].needs_more = true;
  others[7].request_body_mutation = BodyMutation{};
  others[8].websocket_decision = WebSocketVerdict::drop;
  others[9].correlation_id = "\"quoted\"";
  others[10].correlation_id = "caf\xC3\xA9";
  others[11].version = 1;
  for (std::size_t i = 0; i < others.size(); ++i)
    for (const Format& format : {formats[0], formats[2]}) {
      if (i == 9 && format.encoding == Encoding::msgpack) continue;  // plain enough there
      EXPECT_EQ(shortened(format, others[i]), "") << i;
    }
}

/// Whatever byte is changed, both ways agree on what it means, or the short way passes.
TEST(PlainAllow, ADamagedAnswerIsNeverTakenForAnother) {
  for (const Format& format : formats) {
    AgentResponse response{.decision = Allow{}, .correlation_id = "bench-12345"};
    if (format.event_reply) response.reply_to = ReplyTo{};
    std::string payload = ordinary(format, response);
    payload.reserve(payload.size() + base::limits::tail_padding);
    for (char& byte : payload) {
      const char before = byte;
      for (const int bit : {0, 1, 2, 4, 5, 7}) {
        byte = static_cast<char>(before ^ (1 << bit));
        AgentResponse read;
        if (!internal::read_plain_allow(format.encoding, payload, read)) continue;
        base::Arena arena;
        const auto expected = read_ordinarily(format, payload, arena);
        ASSERT_TRUE(expected) << payload;
        EXPECT_TRUE(testing::equal(read, *expected)) << payload;
      }
      byte = before;
    }
  }
}

TEST(PlainAllow, ACutAnswerIsNone) {
  for (const Format& format : formats) {
    AgentResponse response{.decision = Allow{}, .correlation_id = "bench-12345"};
    if (format.event_reply) response.reply_to = ReplyTo{};
    std::string payload = ordinary(format, response);
    payload.reserve(payload.size() + base::limits::tail_padding);
    for (std::size_t size = 0; size < payload.size(); ++size) {
      AgentResponse read;
      EXPECT_FALSE(internal::read_plain_allow(format.encoding, std::string_view{payload}.substr(0, size), read));
    }
  }
}

}  // namespace
}  // namespace picket::wire
