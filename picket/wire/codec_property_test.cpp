#include <algorithm>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/copy.hpp"
#include "picket/wire/testing/as_protobuf.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/generator.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"
#include "picket/wire/testing/padded.hpp"

/// Laws that hold for every message in every format, tried on random ones.
namespace picket::wire {
namespace {

using testing::Padded;

constexpr Format formats[] = {
    {.encoding = Encoding::json},
    {.encoding = Encoding::json, .event_reply = true},
    {.encoding = Encoding::msgpack},
    {.encoding = Encoding::msgpack, .raw_bytes = true},
    {.encoding = Encoding::msgpack, .event_reply = true},
    {.encoding = Encoding::msgpack, .raw_bytes = true, .event_reply = true},
    {.encoding = Encoding::protobuf},
    {.encoding = Encoding::protobuf, .event_reply = true},
};

/// What the format carries.
testing::Generator::Options carried_by(const Format& format) {
  const bool protobuf = format.encoding == Encoding::protobuf;
  return {.any_bytes = protobuf || (format.encoding == Encoding::msgpack && format.raw_bytes), .grpc_fields = protobuf};
}

/// An agent that dials does so on sockets only.
template <class Message>
bool is_carried_by(const Format& format) {
  constexpr bool reverse = std::is_same_v<Message, ReverseRegistration> || std::is_same_v<Message, ReverseAnswer>;
  return format.encoding != Encoding::protobuf || !reverse;
}

/// Without the extension the event is not named.
template <class Message>
Message as_written(const Format& format, Message message, base::Arena& arena) {
  if (format.encoding == Encoding::protobuf) testing::as_protobuf(message, arena);
  if constexpr (std::is_same_v<Message, AgentResponse>) {
    if (!format.event_reply) message.reply_to.reset();
  }
  return message;
}

template <class Message>
std::string encoded(const Format& format, const Message& message) {
  const auto payload = testing::written(format, message);
  EXPECT_TRUE(payload.has_value());
  return payload.value_or("");
}

TEST(CodecProperties, WhatIsEncodedDecodesToItself) {
  testing::for_each_message([]<class Message>(std::type_identity<Message>, std::string_view name) {
    for (const Format& format : formats) {
      if (!is_carried_by<Message>(format)) continue;
      for (std::uint64_t seed = 0; seed < 150; ++seed) {
        SCOPED_TRACE(::testing::Message() << name << " seed " << seed << " format " << (&format - formats));
        base::Arena arena;
        const auto message = testing::Generator{seed, arena, carried_by(format)}.message<Message>();
        const Padded payload{encoded(format, message)};
        base::Arena decoded_arena;
        const auto decoded = decode<Message>(format, payload.view(), decoded_arena);
        ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
        ASSERT_TRUE(testing::equal(*decoded, as_written(format, message, arena))) << to_json(*decoded) << "\n\n"
                                                                                  << to_json(message);
        ASSERT_EQ(encoded(format, *decoded), payload.view()) << "not written the same again";
      }
    }
  });
}

TEST(CodecProperties, AnAnswerThatNamesTwoExchangesIsRefused) {
  const auto is_read = [](std::string_view custom) {
    base::Arena arena;
    const std::string payload = R"({"version":2,"decision":"allow","correlation_id":"a","audit":{"custom":{)" +
                                std::string{custom} + "}}}" + std::string(base::limits::tail_padding, ' ');
    const std::string_view text{payload.data(), payload.size() - base::limits::tail_padding};
    return decode<AgentResponse>({.encoding = Encoding::json}, text, arena).has_value();
  };
  EXPECT_TRUE(is_read(""));
  EXPECT_TRUE(is_read(R"("correlation_id":"a")"));
  EXPECT_FALSE(is_read(R"("correlation_id":"b")"));
}

constexpr testing::Generator::Options everything{.any_bytes = true, .grpc_fields = true};

TEST(CodecProperties, ACopyOutlivesWhatItWasMadeFrom) {
  testing::for_each_message([]<class Message>(std::type_identity<Message>, std::string_view name) {
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      SCOPED_TRACE(::testing::Message() << name << " seed " << seed);
      base::Arena expected_arena;
      const auto expected = testing::Generator{seed, expected_arena, everything}.message<Message>();
      base::Arena kept;
      Message copy;
      {
        base::Arena gone;  // ASan sees every byte that the copy still borrows from here
        copy = copy_into(testing::Generator{seed, gone, everything}.message<Message>(), kept);
      }
      ASSERT_TRUE(testing::equal(copy, expected));
    }
  });
}

template <class Message>
void decode_anything(const Format& format, std::string_view bytes) {
  ASSERT_EQ(testing::error_or_message<Message>(format, bytes), "");
}

TEST(CodecProperties, DamagedPayloadsAreErrorsOrMessages) {
  testing::for_each_message([]<class Message>(std::type_identity<Message>, std::string_view name) {
    for (const Format& format : formats) {
      if (!is_carried_by<Message>(format)) continue;
      base::Arena arena;
      std::string payload;
      for (std::uint64_t seed = 1000; payload.empty() || payload.size() > 2000; ++seed)
        payload = encoded(format, testing::Generator{seed, arena, carried_by(format)}.message<Message>());
      SCOPED_TRACE(::testing::Message() << name << " format " << (&format - formats));
      for (std::size_t size = 0; size < payload.size(); ++size)
        decode_anything<Message>(format, payload.substr(0, size));
      std::mt19937 random{7};
      for (std::size_t i = 0; i < payload.size(); ++i) {
        std::string damaged = payload;
        damaged[i] = static_cast<char>(damaged[i] ^ (1 << random() % 8));
        decode_anything<Message>(format, damaged);
        damaged[i] = static_cast<char>(random());
        decode_anything<Message>(format, damaged);
        decode_anything<Message>(format,
                                 payload.substr(0, i) + payload.substr(std::min(payload.size(), i + 1 + random() % 8)));
        decode_anything<Message>(format, payload.substr(0, i) + payload.substr(random() % payload.size()));
      }
    }
  });
}

}  // namespace
}  // namespace picket::wire
