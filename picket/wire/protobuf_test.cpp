#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "picket/base/limits.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/internal/protobuf_mapping.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/padded.hpp"

/// What protobuf has that the other encodings have not: numbers, wire types, absence, envelopes; and what of it is
/// refused.
namespace picket::wire {
namespace {

using namespace std::string_literals;
using testing::Padded;

constexpr Format format{.encoding = Encoding::protobuf, .event_reply = true};

template <class Message>
std::string payload_of(const Message& message) {
  return testing::payload_of(format, message);
}

/// Reads a message; lives as long as what it points to.
template <class Message>
class Read {
 public:
  explicit Read(const std::string& bytes) : bytes_(bytes), result_(decode<Message>(format, bytes_.view(), arena_)) {}
  [[nodiscard]] bool ok() const { return result_.has_value(); }
  [[nodiscard]] std::string error() const { return ok() ? "" : result_.error().detail(); }
  const Message* operator->() const { return &*result_; }
  [[nodiscard]] std::size_t memory() const { return arena_.reserved(); }

 private:
  Padded bytes_;
  base::Arena arena_;
  base::Result<Message> result_;
};

std::string repeat(std::string_view text, std::size_t times) {
  std::string result;
  for (; times != 0; --times) result += text;
  return result;
}

/// A field of texts, bytes and messages.
std::string member(std::uint32_t number, std::string_view content) {
  std::string head(internal::longest_tag + internal::longest_length, '\0');
  char* at = internal::put_varint(internal::tag_of(number, internal::WireType::bytes), head.data());
  at = internal::put_varint(content.size(), at);
  head.resize(static_cast<std::size_t>(at - head.data()));
  return head.append(content);
}

// ---- hostile input

struct Refused {
  std::string bytes;
  std::string_view because;
};

TEST(Protobuf, WhatIsNoMessageIsRefusedByName) {
  const Refused pings[] = {
      {"\x08"s, "sequence: a number that is cut short"},
      {"\x08\x80"s, "sequence: a number that is cut short"},
      {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"s, "sequence: a number of more than 64 bits"},
      {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s, "sequence: a number of more than 64 bits"},
      {"\x00\x01"s, "0 where a field's number is expected"},
      {"\x80\x80\x80\x80\x10\x01"s, "536870912 where a field's number is expected"},
      {"\x0A\x01x"s, "sequence: the wire type 2 where 0 is expected"},
      {"\x09\0\0\0\0\0\0\0\0"s, "sequence: the wire type 1 where 0 is expected"},
      {"\x7E\x01"s, "the wire type 6, which there is not"},
      {"\x7F\x01"s, "the wire type 7, which there is not"},
      {"\x7A\x05x"s, "a length that goes beyond the end"},
      {"\x7A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s, "a length that goes beyond the end"},
      {"\x79\0\0\0"s, "a number that is cut short"},
      {"\x7D\0\0\0"s, "a number that is cut short"},
      {"\x7C"s, "the end of a group that did not begin"},
      {"\x7B\x08\x01"s, "a group that is cut short"},
      {"\x7B\x84\x01"s, "the end of another group"},
      {repeat("\x7B", 200), "more than 127 levels of groups"},
  };
  for (const auto& [bytes, because] : pings) {
    const Read<Ping> ping{bytes};
    EXPECT_FALSE(ping.ok()) << because;
    EXPECT_TRUE(ping.error().starts_with(because)) << ping.error() << "; expected " << because;
  }
}

TEST(Protobuf, AnErrorNamesTheFieldsThatLeadToIt) {
  EXPECT_TRUE(Read<RequestHeaders>{"\x0A\x04\x20\xF0\xA2\x04"s}.error().starts_with(
      "metadata.client_port: 70000 where at most 65535 is allowed at byte"));
  EXPECT_TRUE(
      Read<RequestHeaders>{"\x2A\x03\x0A\x01\xFF"s}.error().starts_with("headers: text that is not UTF-8 at byte"));
  EXPECT_TRUE(Read<AgentResponse>{"\x1A\x02\x08\x80"s}.error().starts_with("block.status: a number that is cut short"));
}

TEST(Protobuf, AnAnswerThatDecidesNothingIsRefused) {
  EXPECT_TRUE(Read<AgentResponse>{"\x0A\x01\x63"s}.error().starts_with("none of allow, block, redirect, challenge"));
  EXPECT_FALSE(Read<AgentResponse>{"\x0A\x01\x63\x32\x00"s}.ok()) << "a decision that is not known here";
  EXPECT_FALSE(Read<AgentResponse>{"\x12\x00\x52\x00"s}.ok()) << "a header operation that is none";
  EXPECT_FALSE(Read<AgentResponse>{"\x12\x00\xB2\x01\x00"s}.ok()) << "a websocket_decision that is none";
  EXPECT_FALSE(Read<ConfigUpdateRequest>{"\x0A\x01r"s}.ok());
  EXPECT_TRUE(Read<AgentResponse>{"\x0A\x01\x63\x12\x00"s}.ok());
}

TEST(Protobuf, ListsOfNothingTakeBoundedMemory) {
  constexpr std::size_t size = base::limits::max_frame_length - 16;
  const Read<ConfigUpdateRequest> rules{"\x5A\xFC\xFF\xFF\x07"s + repeat("\x12\x00"s, (size - 4) / 2)};
  EXPECT_FALSE(rules.ok());
  EXPECT_LT(rules.memory(), std::size_t{256} * 1024 * 1024);
  const Read<RequestHeaders> headers{repeat("\x2A\x00"s, size / 2)};
  EXPECT_FALSE(headers.ok());
  EXPECT_LT(headers.memory(), std::size_t{256} * 1024 * 1024);
  // The same list in ten thousand pieces: its field, and the message that it is in, come again and again.
  const Read<AgentResponse> pieces{"\x12\x00"s + repeat("\x62\x03\x0A\x01t"s, 10'000)};
  ASSERT_TRUE(pieces.ok()) << pieces.error();
  EXPECT_EQ(pieces->audit.tags.size(), 10'000U);
  EXPECT_LT(pieces.memory(), std::size_t{2} * 1024 * 1024);
}

TEST(Protobuf, JsonTextsCountTogether) {
  const std::string list = "[0" + repeat(",0", 299'999) + "]";
  const std::string entry = member(5, member(1, "k") + member(2, list));
  const Read<AgentResponse> response{member(2, "") + member(12, entry + entry + entry + entry)};
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(response->audit.custom.size(), 4U);
  EXPECT_NE(response->audit.custom[0].value.get<Value::List>(), nullptr);
  EXPECT_NE(response->audit.custom[3].value.get<Text>(), nullptr) << "the fourth is one too many: it stays text";
}

// ---- what proto3 says

TEST(Protobuf, UnknownFieldsOfEveryWireTypeAreSteppedOver) {
  const std::string unknown = "\xF8\x01\x09"s + "\xF9\x01\0\0\0\0\0\0\0\0"s + "\xFA\x01\x02hi"s + "\xFD\x01\0\0\0\0"s +
                              "\xFB\x01\x08\x01\xF3\x02\xF4\x02\xFC\x01"s;
  const Read<Ping> ping{unknown + "\x08\x07"s + unknown};
  ASSERT_TRUE(ping.ok()) << ping.error();
  EXPECT_EQ(ping->sequence, 7U);
}

TEST(Protobuf, FieldsInAnyOrderAndMoreThanOnce) {
  const Read<Ping> twice{"\x10\x05\x08\x07\x08\x09"s};
  ASSERT_TRUE(twice.ok());
  EXPECT_EQ(twice->sequence, 9U);
  EXPECT_EQ(twice->timestamp_ms, 5U);

  // Messages are read into what is there, lists go on.
  const Read<RequestHeaders> request{"\x2A\x06\x0A\x01\x61\x12\x01\x31"s + "\x0A\x03\x0A\x01\x69"s + "\x12\x01G"s +
                                     "\x2A\x06\x0A\x01\x62\x12\x01\x32"s + "\x0A\x03\x12\x01\x72"s};
  ASSERT_TRUE(request.ok()) << request.error();
  EXPECT_EQ(request->metadata.correlation_id, "i");
  EXPECT_EQ(request->metadata.request_id, "r");
  ASSERT_EQ(request->headers.size(), 2U);
  EXPECT_EQ(request->headers[1].value, "2");

  // Of a union the later member counts, whole; the same one again is read into what is there.
  const Read<AgentResponse> later{"\x1A\x03\x08\x93\x03\x22\x03\x0A\x01u"s};
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(std::get<Redirect>(later->decision).url, "u");
  const Read<AgentResponse> merged{"\x1A\x03\x08\x93\x03\x1A\x03\x12\x01x"s};
  ASSERT_TRUE(merged.ok());
  EXPECT_EQ(std::get<Block>(merged->decision).status, 403);
  EXPECT_EQ(std::get<Block>(merged->decision).body, "x");
}

TEST(Protobuf, NumbersMayBePackedOrNot) {
  const Read<HandshakeRequest> request{"\x0A\x02\x02\x01\x08\x03\x08\x04\x0A\x01\x05"s};
  ASSERT_TRUE(request.ok()) << request.error();
  EXPECT_EQ(std::vector<std::uint32_t>(request->supported_versions.begin(), request->supported_versions.end()),
            (std::vector<std::uint32_t>{2, 1, 3, 4, 5}));
}

TEST(Protobuf, NumbersMayBeLongerThanTheyNeed) {
  const Read<Ping> ping{"\x88\x80\x00\x87\x80\x00"s};
  ASSERT_TRUE(ping.ok()) << ping.error();
  EXPECT_EQ(ping->sequence, 7U);
}

TEST(Protobuf, NegativeNumbersHaveTenBytesAndAreReadFromFive) {
  const RuleDefinition rule{.id = "r", .priority = -5};
  const RuleUpdate update{.rules = std::span{&rule, 1}};
  const std::string bytes = payload_of(ConfigUpdateRequest{.update = update});
  EXPECT_NE(bytes.find("\x10\xFB\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s), std::string::npos);
  const Read<ConfigUpdateRequest> five{"\x5A\x08\x12\x06\x10\xFB\xFF\xFF\xFF\x0F"s};
  ASSERT_TRUE(five.ok()) << five.error();
  EXPECT_EQ(std::get<RuleUpdate>(five->update).rules[0].priority, -5);
}

TEST(Protobuf, WhatIsAbsentIsNothingOrSaysSo) {
  const Read<WebSocketFrame> frame{""};
  ASSERT_TRUE(frame.ok());
  EXPECT_FALSE(frame->client_to_server);
  EXPECT_TRUE(frame->fin);
  const Read<AgentResponse> block{"\x1A\x00"s};
  ASSERT_TRUE(block.ok());
  EXPECT_EQ(std::get<Block>(block->decision).status, 403);
  const Read<HandshakeResponse> response{"\x12\x02\x3A\x00"s};
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->capabilities.limits.max_concurrency, 100U);
  EXPECT_FALSE(response->success);
  // Zero is a value all the same.
  EXPECT_EQ(
      Read<HandshakeResponse> { payload_of(HandshakeResponse{.capabilities = {.limits = {.max_concurrency = 0}}}) }
      -> capabilities.limits.max_concurrency,
      0U);
}

// ---- what stands otherwise than on sockets

TEST(Protobuf, BytesOfAHeaderThatAreNotUtf8TravelBesideTheirText) {
  const Header headers[] = {{"X-Bad", "a\xFFz"}, {"x-good", "\xC3\xA9"}, {"x-empty", ""}};
  const std::string bytes = payload_of(RequestHeaders{.headers = Headers{headers}});
  EXPECT_NE(bytes.find("x-bad\x12\x05"
                       "a\xEF\xBF\xBDz\xA2\x01\x03"
                       "a\xFFz"),
            std::string::npos);
  const Read<RequestHeaders> request{bytes};
  ASSERT_TRUE(request.ok()) << request.error();
  ASSERT_EQ(request->headers.size(), 3U);
  EXPECT_EQ(request->headers[0], (Header{"x-bad", "a\xFFz"}));
  EXPECT_EQ(request->headers[1], (Header{"x-good", "\xC3\xA9"}));
  EXPECT_EQ(request->headers[2], (Header{"x-empty", ""}));
}

TEST(Protobuf, NoTextIsWrittenThatIsNotUtf8) {
  const std::string bytes = payload_of(RequestHeaders{.metadata = {.request_id = "\xC0\x80"}, .uri = "/\xED\xA0\x80"});
  const Read<RequestHeaders> request{bytes};
  ASSERT_TRUE(request.ok()) << request.error();
  EXPECT_EQ(request->metadata.request_id, "\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST(Protobuf, TimesAreMilliseconds) {
  const std::pair<Text, std::uint64_t> times[] = {
      {"2026-01-02T03:04:05.678Z", 1767323045678},
      {"2026-01-02T03:04:05.678901Z", 1767323045678},
      {"2026-01-02T04:34:05.678+01:30", 1767323045678},
      {"2026-01-01T21:04:05.678-06:00", 1767323045678},
      {"1970-01-01T00:00:00.001Z", 1},
      {"2024-02-29T00:00:00Z", 1709164800000},
      {"1970-01-01T00:00:00Z", 0},
      {"1969-12-31T23:59:59Z", 0},
      {"2026-02-30T00:00:00Z", 0},
      {"yesterday", 0},
      {"2026-01-02T03:04:05", 0},
      {"2026-01-02T03:04:05.678+25", 0},
      {"", 0},
  };
  for (const auto& [text, milliseconds] : times) EXPECT_EQ(internal::milliseconds_of(text), milliseconds) << text;
  base::Arena arena;
  EXPECT_EQ(internal::rfc3339_of(1767323045678, arena), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(internal::rfc3339_of(253402300799999, arena), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(internal::rfc3339_of(253402300800000, arena), "");
  EXPECT_EQ(internal::rfc3339_of(std::numeric_limits<std::uint64_t>::max(), arena), "");
}

TEST(Protobuf, EnumsBeginAtOneAndZeroSaysNothing) {
  EXPECT_EQ(payload_of(Cancel{.correlation_id = "c", .reason = CancelReason::client_disconnect}),
            "\x0A\x01\x63\x10\x01");
  EXPECT_EQ(Read<Cancel>{"\x10\x00"s} -> reason, CancelReason::manual);
  EXPECT_FALSE(Read<Cancel>{"\x10\x07"s}.ok());
  EXPECT_FALSE(Read<HealthStatus>{"\x10\x05"s}.ok());
  EXPECT_EQ(Read<WebSocketFrame>{"\x18\x06"s} -> opcode, WebSocketOpcode::continuation);
}

TEST(Protobuf, ContentTypesOfTheReferenceAreInspections) {
  EXPECT_EQ(Read<GuardrailInspect>{"\x18\x03"s} -> inspection_type, InspectionType::prompt_injection);
  EXPECT_EQ(Read<GuardrailInspect>{"\x18\x04"s} -> inspection_type, InspectionType::pii_detection);
  EXPECT_FALSE(Read<GuardrailInspect>{"\x18\x06"s}.ok());
}

TEST(Protobuf, ConfigureIsEventEightAndNoConfigurationAnEmptyObject) {
  const std::int32_t events[] = {0, 1, 2};
  const std::string bytes = payload_of(HandshakeRequest{.events = events});
  EXPECT_EQ(bytes, "\x22\x02{}\xAA\x01\x03\x08\x01\x02"s);
  EXPECT_EQ(Read<HandshakeRequest> { bytes } -> events[0], 0);
}

TEST(Protobuf, ValuesOfCustomAreJsonTextOrText) {
  const Read<AgentResponse> response{"\x12\x00\x62\x1A\x2A\x08\x0A\x01n\x12\x03[1]\x2A\x0E\x0A\x01w\x12\x09words, no"s};
  ASSERT_TRUE(response.ok()) << response.error();
  EXPECT_EQ(to_json(response->audit.custom[0].value), "[1]");
  EXPECT_EQ(*response->audit.custom[1].value.get<Text>(), "words, no");
}

TEST(Protobuf, AnIdInCustomIsTheAnswersIdOrTheAnswerIsRefused) {
  const std::string custom = "\x12\x00\x62\x17\x2A\x15\x0A\x0E"s + "correlation_id\x12\x03\"a\""s;
  EXPECT_EQ(Read<AgentResponse> { custom } -> correlation_id, "a");
  EXPECT_TRUE(Read<AgentResponse> { custom } -> audit.custom.empty());
  EXPECT_TRUE(Read<AgentResponse>{"\x0A\x01\x61"s + custom}.ok());
  EXPECT_FALSE(Read<AgentResponse>{"\x0A\x01\x62"s + custom}.ok());
}

TEST(Protobuf, ABodyIsSplicedWhereverItStands) {
  const std::string body(70'000, 'b');
  Output out;
  ASSERT_TRUE(
      encode(format, RequestBodyChunk{.correlation_id = "c", .data = base::as_bytes(body), .is_last = true}, out));
  EXPECT_TRUE(out.borrows());
  const std::string bytes = out.flatten();
  const auto opened = open_envelope(Envelope::proxy_to_agent, bytes);
  ASSERT_TRUE(opened);
  const Read<RequestBodyChunk> chunk{std::string{opened->payload}};
  ASSERT_TRUE(chunk.ok()) << chunk.error();
  EXPECT_EQ(base::as_text(chunk->data), body);

  // Two bodies in one message, whose lengths grow after they were spliced in.
  const BodyMutation mutation{.data = base::as_bytes(body), .chunk_index = 300};
  const AgentResponse response{.request_body_mutation = mutation, .response_body_mutation = mutation};
  const Read<AgentResponse> answer{payload_of(response)};
  ASSERT_TRUE(answer.ok()) << answer.error();
  EXPECT_EQ(base::as_text(*answer->request_body_mutation->data), body);
  EXPECT_EQ(base::as_text(*answer->response_body_mutation->data), body);
  EXPECT_EQ(answer->response_body_mutation->chunk_index, 300U);
}

TEST(Protobuf, MessagesOfEverySizeHaveTheShortestLength) {
  for (const std::size_t size : {0, 1, 100, 119, 120, 121, 126, 127, 128, 16'370, 16'380, 16'384, 2'097'150}) {
    const std::string text(size, 'x');
    const Header header{"n", text};
    for (const auto& bytes :
         {payload_of(RequestHeaders{.metadata = {.correlation_id = text}, .headers = Headers{std::span{&header, 1}}}),
          payload_of(AgentResponse{.decision = Redirect{.url = text}})}) {
      // A length with a byte too many would end in a zero byte behind one with its top bit.
      for (std::size_t i = 1; i < bytes.size(); ++i)
        ASSERT_FALSE(bytes[i] == 0 && (static_cast<unsigned char>(bytes[i - 1]) & 0x80) != 0) << size;
    }
    EXPECT_EQ(
        Read<RequestHeaders> { payload_of(RequestHeaders{.metadata = {.correlation_id = text}}) }
        -> metadata.correlation_id,
        text);
  }
}

// ---- envelopes

TEST(Envelope, HoldsOneMessageThatIsKnown) {
  const auto open = [](Envelope envelope, const std::string& bytes) { return open_envelope(envelope, bytes); };
  const std::string bytes = "\x5A\x02\x08\x07"s;
  const auto ping = open(Envelope::proxy_to_agent, bytes);
  ASSERT_TRUE(ping);
  EXPECT_EQ(ping->type, FrameType::ping);
  EXPECT_EQ(ping->payload, "\x08\x07");
  EXPECT_EQ(open(Envelope::agent_control, "\x22\x00"s)->type, FrameType::log);
  EXPECT_EQ(open(Envelope::proxy_control, "\x22\x00"s)->type, FrameType::config_update_response);
  // What is unknown is stepped over, of two members the later one counts.
  EXPECT_EQ(open(Envelope::proxy_to_agent, "\xA2\x06\x01x\x5A\x00"s)->type, FrameType::ping);
  EXPECT_EQ(open(Envelope::proxy_to_agent, "\x5A\x00\x12\x00"s)->type, FrameType::request_headers);

  EXPECT_FALSE(open(Envelope::proxy_to_agent, ""));
  EXPECT_FALSE(open(Envelope::proxy_to_agent, "\xA2\x06\x01x"s)) << "nothing that is known";
  EXPECT_FALSE(open(Envelope::proxy_to_agent, "\x12\x00\x12\x00"s)) << "two halves of one message";
  EXPECT_FALSE(open(Envelope::proxy_to_agent, "\x10\x00"s)) << "a number where a message stands";
  EXPECT_FALSE(open(Envelope::proxy_to_agent, "\x12\x05x"s)) << "cut short";
}

TEST(Envelope, WhatAStreamDoesNotCarryIsNotWritten) {
  Output out;
  out.append("before");
  const auto status = encode(format, ShutdownRequest{}, out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind(), base::ErrorKind::serialization);
  EXPECT_FALSE(encode(format, ReverseRegistration{}, out));
  EXPECT_FALSE(encode(Format{.encoding = Encoding::protobuf, .stream = Stream::control}, Ping{}, out));
  EXPECT_EQ(out.flatten(), "before");
  ASSERT_TRUE(encode(Format{.encoding = Encoding::protobuf, .stream = Stream::control}, ShutdownRequest{}, out));
  EXPECT_EQ(out.flatten(), "before\x12\x02\x08\x01");
}

TEST(Envelope, APongRepeatsItsPing) {
  const std::string ping = payload_of(Ping{.sequence = 300, .timestamp_ms = 7});
  Output out;
  append_frame(FrameType::pong, ping, out, format);
  const std::string bytes = out.flatten();
  const auto opened = open_envelope(Envelope::agent_to_proxy, bytes);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->type, FrameType::pong);
  const Read<Pong> pong{std::string{opened->payload}};
  EXPECT_EQ(pong->sequence, 300U);
  EXPECT_EQ(pong->timestamp_ms, 7U);
}

}  // namespace
}  // namespace picket::wire
