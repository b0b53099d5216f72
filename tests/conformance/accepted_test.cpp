#include <algorithm>
#include <map>
#include <string>

#include "picket/transport/frame_header.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"
#include "picket/wire/testing/padded.hpp"
#include "tests/conformance/difference.hpp"
#include "tests/conformance/shared.hpp"

/// What the reference's decoder takes and refuses, and where ours decides otherwise, with the reason.
namespace picket::conformance {
namespace {

using wire::testing::Padded;
using Reasons = std::map<std::string_view, std::string_view>;

/// Taken by the reference, not by us.
const Reasons refused_by_us{
    {"request_body_not_base64", "base64 that does not decode is a protocol error (§5); an agent would inspect nothing"},
    {"response_mutation_not_base64", "the same in an answer (§5)"},
    {"websocket_unknown_opcode", "there are six opcodes (§4); what an agent does not know it does not inspect"},
};

/// Refused by the reference, taken by us.
const Reasons taken_by_us{
    {"request_body_short_array", "short arrays are read where the missing fields have defaults (§7)"},
    {"request_headers_array_without_traceparent", "the same"},
    {"response_block_short_array", "the same"},
    {"request_body_bin_not_utf8", "bin is read for data (§7); the reference's own binary calls send it"},
};

/// Read by both, with another result.
constexpr Exception read_otherwise[] = {
    {"request_headers_duplicate_header", "/headers", "two spellings of a name are appended, never dropped (§5)"},
    {"request_headers_empty_value_list", "/headers", "a header without values is no header line: nothing to inspect"},
    {"request_body_bin_utf8", "/data", "the body itself, which the reference's handler is given in place of base64"},
};

/// What `decoded` of the reference leaves out or adds, whatever the vector.
constexpr Exception shown_otherwise[] = {
    {"HandshakeResponse", "/encoding", "absent means JSON (§3); the reference shows what it means"},
    {"AgentResponse", "/correlation_id", "ours stands at the top, too (§5)"},
    {"AgentResponse", "/audit/custom/correlation_id", "ours is written where only the top had one"},
    {"RequestHeaders", "/correlation_id", "ours stands at the top, too (§4)"},
    {"HandshakeRequest", "/supported_encodings", "an empty list is written where the reference leaves it out"},
};

class Decoder : public SharedTest {
 protected:
  template <class Use>
  void for_each(const std::string& folder, Use&& use) {
    const auto vectors = load("vectors/" + folder);
    EXPECT_GE(vectors.size(), 20U);
    for (const Document& vector : vectors) {
      SCOPED_TRACE(folder + "/" + vector.name + ": " + std::string{vector.text("about")});
      const auto message = vector.text("message") == "Registration" ? "ReverseRegistration" : vector.text("message");
      const wire::Format format{.encoding =
                                    folder.ends_with("msgpack") ? wire::Encoding::msgpack : wire::Encoding::json};
      ASSERT_TRUE(wire::testing::with_message(message, [&]<class Message>(std::type_identity<Message>) {
        const Padded payload{from_hex(vector.text("payload_hex"))};
        ASSERT_EQ(wire::testing::error_or_message<Message>(format, payload.view()), "");
        use(vector, wire::decode<Message>(format, payload.view(), arena_));
      })) << message;
    }
  }
};

TEST_F(Decoder, TakesWhatTheReferenceTakesWithTheSameResult) {
  for (const std::string folder : {"accepted/json", "accepted/msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, const base::Result<Message>& decoded) {
      if (const auto reason = refused_by_us.find(vector.name); reason != refused_by_us.end()) {
        EXPECT_FALSE(decoded) << "now taken, the table says: " << reason->second;
        return;
      }
      ASSERT_TRUE(decoded) << decoded.error().message();
      const auto ours = wire::parse_json(wire::testing::payload_of({}, *decoded), arena_);
      std::vector<std::string> lines;
      for (const auto& line : differences(vector.at("decoded"), *ours, vector.text("message"), shown_otherwise))
        if (std::ranges::none_of(read_otherwise, [&](const Exception& exception) {
              return exception.message == vector.name && line.starts_with(exception.path);
            }))
          lines.push_back(line);
      EXPECT_EQ(lines, std::vector<std::string>{});
    });
  }
}

TEST_F(Decoder, RefusesWhatTheReferenceRefusesUnlessTheProtocolSaysOtherwise) {
  for (const std::string folder : {"refused/json", "refused/msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, const base::Result<Message>& decoded) {
      const auto reason = taken_by_us.find(vector.name);
      if (reason == taken_by_us.end()) {
        EXPECT_FALSE(decoded) << "the reference: " << vector.text("error");
      } else {
        EXPECT_TRUE(decoded) << "now refused, the table says: " << reason->second;
      }
    });
  }
}

TEST_F(Decoder, KeepsBothValuesOfAHeaderThatStandsTwice) {
  for (const Document& vector : load("vectors/accepted/json")) {
    if (vector.name != "request_headers_duplicate_header") continue;
    const Padded payload{from_hex(vector.text("payload_hex"))};
    const auto request = wire::decode<wire::RequestHeaders>({}, payload.view(), arena_);
    ASSERT_TRUE(request);
    ASSERT_EQ(request->headers.size(), 2U);
    EXPECT_EQ(request->headers[0].value, "1");
    EXPECT_EQ(request->headers[1].value, "2");
    return;
  }
  FAIL() << "the vector is gone";
}

/// A frame of the vectors: its bytes, or a length alone where the bytes would be 16 MiB of anything.
std::string frame_of(const Document& vector) {
  const auto* const size = vector.at("payload_len").get<std::int64_t>();
  if (size == nullptr) return from_hex(vector.text("frame_hex"));
  std::string frame(transport::frame_header_size + static_cast<std::size_t>(*size), ' ');
  transport::write_frame_header(frame.data(), wire::FrameType::ping, static_cast<std::size_t>(*size));
  return frame;
}

TEST_F(Decoder, FramesHaveTheReferencesLimits) {
  for (const Document& vector : load("vectors/accepted/frames")) {
    SCOPED_TRACE(vector.name);
    const std::string frame = frame_of(vector);
    const auto peek = transport::peek_frame(frame);
    EXPECT_TRUE(peek && peek->frame && peek->needed == frame.size());
  }
  for (const Document& vector : load("vectors/refused/frames")) {
    SCOPED_TRACE(vector.name);
    const std::string frame = frame_of(vector);
    const auto peek = transport::peek_frame(frame);
    if (vector.name.starts_with("truncated")) {
      EXPECT_TRUE(peek && !peek->frame) << "held: the rest may come";
    } else {
      EXPECT_FALSE(peek);
    }
  }
}

}  // namespace
}  // namespace picket::conformance
