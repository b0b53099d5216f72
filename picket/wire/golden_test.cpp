#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "picket/transport/frame_header.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/internal/utf8.hpp"
#include "picket/wire/testing/as_protobuf.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"

/// spec/vectors/frames: our encoder writes these bytes and no others, our decoder reads them. With
/// PICKET_WRITE_VECTORS=1 in the environment the bytes are written anew instead: look at the difference before
/// committing it.
namespace picket::wire {
namespace {

using testing::Padded;

struct GoldenFormat {
  std::string_view name;
  Format format;
};
constexpr GoldenFormat formats[] = {
    {"json", {.event_reply = true}},
    {"msgpack", {.encoding = Encoding::msgpack}},
    {"extended", {.encoding = Encoding::msgpack, .raw_bytes = true, .event_reply = true}},
    {"grpc", {.encoding = Encoding::protobuf, .event_reply = true}},
};

const std::filesystem::path folder = std::filesystem::path{PICKET_SOURCE_DIR} / "spec/vectors/frames";

std::string read_file(const std::filesystem::path& file) {
  std::ifstream stream{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{stream}, {}};
}

/// Lines of 32 bytes.
std::string to_hex(std::string_view bytes) {
  std::string hex;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(bytes[i]));
    if (i % 32 == 31 || i + 1 == bytes.size()) hex += '\n';
  }
  return hex;
}

std::string from_hex(std::string hex) {
  std::erase(hex, '\n');
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// What JSON has no words for: the bytes of header values that are not UTF-8, and what stands on gRPC alone.
template <class Message>
void complete(Message&, const Value&, base::Arena&) {}
void complete(RequestHeaders& message, const Value& described, base::Arena& arena) {
  if (const Value* const version = described.find("http_version")) message.http_version = *version->get<Text>();
  const Value* const bytes = described.find("bytes");
  if (bytes == nullptr) return;
  const auto fields = arena.copy(message.headers.fields());
  for (auto& field : fields) {
    const Value* const value = bytes->find(field.name);
    if (value == nullptr) continue;
    const auto list = *value->get<Value::List>();
    const auto text = arena.allocate_array<char>(list.size());
    std::ranges::transform(list, text.begin(),
                           [](const Value& byte) { return static_cast<char>(*byte.get<std::int64_t>()); });
    field.value = {text.data(), text.size()};
  }
  message.headers = Headers{fields};
}

/// Whether it has header values that are not UTF-8.
template <class Message>
bool is_raw(const Message& message) {
  if constexpr (std::is_same_v<Message, RequestHeaders>)
    return std::ranges::any_of(message.headers, [](const Header& field) { return !internal::is_utf8(field.value); });
  return false;
}

/// Calls `check.operator()<Message>(name, message)` for every message of the folder.
template <class Check>
void for_each_vector(Check&& check) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator{folder}) {
    if (entry.path().extension() != ".json") continue;
    const std::string name = entry.path().stem().string();
    SCOPED_TRACE(name);
    base::Arena arena;
    const auto described = parse_json(read_file(entry.path()), arena);
    ASSERT_TRUE(described) << described.error().message();
    const Padded payload{to_json(*described->find("payload"))};
    ++count;
    ASSERT_TRUE(testing::with_message(*described->find("message")->get<Text>(),
                                      [&]<class Message>(std::type_identity<Message>) {
                                        auto message = decode<Message>({}, payload.view(), arena);
                                        ASSERT_TRUE(message) << message.error().message();
                                        complete(*message, *described, arena);
                                        check.template operator()<Message>(name, *message);
                                      }));
  }
  EXPECT_GE(count, 40U);
}

/// Handshakes and liveness are JSON whatever was agreed, so that they have one form.
template <class Message>
bool always_json(const Message& message) {
  Output json;
  Output packed;
  return encode(formats[0].format, message, json) && encode(formats[1].format, message, packed) &&
         json.flatten() == packed.flatten();
}

constexpr bool is_grpc(const GoldenFormat& golden) { return golden.format.encoding == Encoding::protobuf; }

/// Whether there is such a frame: some messages are on gRPC only, some on sockets only.
template <class Message>
bool exists(const GoldenFormat& golden, const Message& message) {
  if (is_grpc(golden)) return testing::written(golden.format, message).has_value();
  if (is_raw(message) && !golden.format.raw_bytes) return false;
  return is_known(Message::type) && (golden.name == "json" || !always_json(message));
}

/// A whole frame, or on gRPC a whole message.
template <class Message>
std::string frame_of(const GoldenFormat& golden, const Message& message) {
  Output out = is_grpc(golden) ? Output{} : Output{transport::stream_framing};
  EXPECT_TRUE(encode(testing::on_its_stream<Message>(golden.format), message, out));
  return out.flatten();
}

/// What is in it, where it is of that type.
template <class Message>
std::optional<std::string> payload_in(const GoldenFormat& golden, const std::string& frame) {
  if (is_grpc(golden)) return testing::content<Message>(frame);
  const auto peek = transport::peek_frame(frame);
  if (!peek || !peek->frame || peek->needed != frame.size() || peek->frame->type != Message::type) return std::nullopt;
  return std::string{peek->frame->payload};
}

/// What was written, as the format carries it.
template <class Message>
Message as_written(const GoldenFormat& golden, Message message, base::Arena& arena) {
  if (is_grpc(golden)) testing::as_protobuf(message, arena);
  if constexpr (std::is_same_v<Message, RequestHeaders>) {
    if (!is_grpc(golden)) message.http_version = {};
  }
  if constexpr (std::is_same_v<Message, AgentResponse>) {
    if (!golden.format.event_reply) message.reply_to.reset();
  }
  return message;
}

std::filesystem::path hex_file(const std::string& name, const GoldenFormat& golden) {
  return folder / fmt::format("{}.{}.hex", name, golden.name);
}

TEST(GoldenVectors, AreWhatOurEncoderWritesByteForByte) {
  const bool renew = std::getenv("PICKET_WRITE_VECTORS") != nullptr;
  for_each_vector([&]<class Message>(const std::string& name, const Message& message) {
    for (const GoldenFormat& golden : formats) {
      if (!exists(golden, message)) continue;
      const std::string hex = to_hex(frame_of(golden, message));
      if (renew) std::ofstream{hex_file(name, golden)} << hex;
      EXPECT_EQ(hex, read_file(hex_file(name, golden))) << golden.name;
    }
  });
}

TEST(GoldenVectors, AreReadAsTheMessageTheyStandFor) {
  for_each_vector([&]<class Message>(const std::string& name, const Message& message) {
    for (const GoldenFormat& golden : formats) {
      if (!exists(golden, message)) continue;
      SCOPED_TRACE(golden.name);
      const auto bytes = payload_in<Message>(golden, from_hex(read_file(hex_file(name, golden))));
      ASSERT_TRUE(bytes);
      const Padded payload{*bytes};
      base::Arena arena;
      const auto decoded = decode<Message>(golden.format, payload.view(), arena);
      ASSERT_TRUE(decoded) << decoded.error().message();
      EXPECT_TRUE(testing::equal(*decoded, as_written(golden, message, arena))) << to_json(*decoded);
    }
  });
}

TEST(GoldenVectors, TruncatedOrDamagedAnywhereAreErrorsOrMessages) {
  for_each_vector([&]<class Message>(const std::string& name, const Message& message) {
    for (const GoldenFormat& golden : formats) {
      const std::string payload = testing::payload_of(golden.format, message);
      for (std::size_t i = 0; i < payload.size(); ++i) {
        ASSERT_EQ(testing::error_or_message<Message>(golden.format, payload.substr(0, i)), "")
            << name << " cut at " << i;
        std::string damaged = payload;
        damaged[i] = static_cast<char>(~damaged[i]);
        ASSERT_EQ(testing::error_or_message<Message>(golden.format, damaged), "") << name << " byte " << i;
      }
    }
  });
}

TEST(GoldenVectors, CoverFieldsOfOursThatStandOnGrpcWhereSocketsNeedNone) {
  bool has_raw = false;
  bool has_version = false;
  bool has_continuation = false;
  for_each_vector([&]<class Message>(const std::string&, const Message& message) {
    has_raw = has_raw || is_raw(message);
    if constexpr (std::is_same_v<Message, RequestHeaders>) has_version = has_version || !message.http_version.empty();
    if constexpr (std::is_same_v<Message, WebSocketFrame>)
      has_continuation = has_continuation || (message.opcode == WebSocketOpcode::continuation && !message.fin);
  });
  EXPECT_TRUE(has_raw) << "Header.raw";
  EXPECT_TRUE(has_version) << "RequestHeadersEvent.http_version";
  EXPECT_TRUE(has_continuation) << "WebSocketFrameEvent.frame_type 6 and fin";
}

TEST(GoldenVectors, CoverEveryMessage) {
  testing::for_each_message([&]<class Wanted>(std::type_identity<Wanted>, std::string_view wanted) {
    bool found = false;
    for_each_vector(
        [&]<class Message>(const std::string&, const Message&) { found = found || std::is_same_v<Wanted, Message>; });
    EXPECT_TRUE(found) << wanted;
  });
}

}  // namespace
}  // namespace picket::wire
