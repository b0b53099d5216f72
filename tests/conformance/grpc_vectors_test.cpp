#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "picket/wire/codec.hpp"
#include "picket/wire/internal/protobuf_wire.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"
#include "tests/conformance/shared.hpp"

/// The reference's protobuf messages, both ways: read, and written as the same bytes.
namespace picket::conformance {
namespace {

using wire::Envelope;
using wire::testing::Padded;
using enum wire::Envelope;

constexpr wire::Format format{.encoding = wire::Encoding::protobuf, .event_reply = true};

/// Where a message stands: in which envelope, and the fields that lead to it from there.
struct Place {
  Envelope envelope;
  std::vector<std::uint32_t> path;
};
const std::map<std::string, Place>& places() {
  static const std::map<std::string, Place> all{
      {"ProxyToAgent", {proxy_to_agent, {}}},
      {"AgentToProxy", {agent_to_proxy, {}}},
      {"AgentControl", {agent_control, {}}},
      {"ProxyControl", {proxy_control, {}}},
      {"HandshakeRequest", {proxy_to_agent, {1}}},
      {"RequestHeadersEvent", {proxy_to_agent, {2}}},
      {"RequestMetadata", {proxy_to_agent, {2, 1}}},
      {"Header", {proxy_to_agent, {2, 5}}},
      {"BodyChunkEvent", {proxy_to_agent, {3}}},
      {"ResponseHeadersEvent", {proxy_to_agent, {4}}},
      {"WebSocketFrameEvent", {proxy_to_agent, {6}}},
      {"GuardrailInspectEvent", {proxy_to_agent, {7}}},
      {"RequestCompleteEvent", {proxy_to_agent, {8}}},
      {"CancelRequest", {proxy_to_agent, {9}}},
      {"ConfigureEvent", {proxy_to_agent, {10}}},
      {"Ping", {proxy_to_agent, {11}}},
      {"HandshakeResponse", {agent_to_proxy, {1}}},
      {"AgentCapabilities", {agent_to_proxy, {1, 2}}},
      {"AgentFeatures", {agent_to_proxy, {1, 2, 6}}},
      {"AgentLimits", {agent_to_proxy, {1, 2, 7}}},
      {"HealthConfig", {agent_to_proxy, {1, 2, 8}}},
      {"AgentResponse", {agent_to_proxy, {2}}},
      {"AllowDecision", {agent_to_proxy, {2, 2}}},
      {"BlockDecision", {agent_to_proxy, {2, 3}}},
      {"RedirectDecision", {agent_to_proxy, {2, 4}}},
      {"ChallengeDecision", {agent_to_proxy, {2, 5}}},
      {"HeaderOp", {agent_to_proxy, {2, 10}}},
      {"AuditMetadata", {agent_to_proxy, {2, 12}}},
      {"HealthStatus", {agent_to_proxy, {3}}},
      {"LoadMetrics", {agent_to_proxy, {3, 4}}},
      {"ResourceMetrics", {agent_to_proxy, {3, 5}}},
      {"MetricsReport", {agent_to_proxy, {4}}},
      {"CounterMetric", {agent_to_proxy, {4, 4}}},
      {"GaugeMetric", {agent_to_proxy, {4, 5}}},
      {"HistogramMetric", {agent_to_proxy, {4, 6}}},
      {"HistogramBucket", {agent_to_proxy, {4, 6, 6}}},
      {"ConfigUpdateRequest", {agent_to_proxy, {5}}},
      {"RequestReload", {agent_to_proxy, {5, 10}}},
      {"RuleUpdate", {agent_to_proxy, {5, 11}}},
      {"RuleDefinition", {agent_to_proxy, {5, 11, 2}}},
      {"ListUpdate", {agent_to_proxy, {5, 12}}},
      {"RestartRequired", {agent_to_proxy, {5, 13}}},
      {"ConfigError", {agent_to_proxy, {5, 14}}},
      {"FlowControlSignal", {agent_to_proxy, {6}}},
      {"Pong", {agent_to_proxy, {7}}},
      {"LogMessage", {agent_to_proxy, {8}}},
      {"ShutdownRequest", {proxy_control, {2}}},
      {"DrainRequest", {proxy_control, {3}}},
      {"ConfigUpdateResponse", {proxy_control, {4}}},
  };
  return all;
}

std::string member(std::uint32_t number, const std::string& content) {
  std::string head(wire::internal::longest_tag + wire::internal::longest_length, '\0');
  char* at = wire::internal::put_varint(wire::internal::tag_of(number, wire::internal::WireType::bytes), head.data());
  at = wire::internal::put_varint(content.size(), at);
  head.resize(static_cast<std::size_t>(at - head.data()));
  return head + content;
}

/// The message in its envelope. What is in an answer and decides nothing goes with an allow.
std::string enveloped(const Place& place, std::string bytes) {
  for (std::size_t i = place.path.size(); i != 0; --i) {
    bytes = member(place.path[i - 1], bytes);
    if (place.envelope == agent_to_proxy && i == 2 && place.path[0] == 2 && place.path[1] >= 10)
      bytes = member(2, "") + bytes;
  }
  return bytes;
}

/// Calls `use.operator()<Message>(payload)` with what is in an envelope.
template <class Use>
base::Status with_content(Envelope envelope, std::string_view bytes, Use&& use) {
  const auto opened = wire::open_envelope(envelope, bytes);
  if (!opened) return opened.error();
  base::Status status;
  wire::testing::for_each_message([&]<class Message>(std::type_identity<Message>, std::string_view) {
    const bool reverse =
        std::is_same_v<Message, wire::ReverseRegistration> || std::is_same_v<Message, wire::ReverseAnswer>;
    if (!reverse && Message::type == opened->type) status = use.template operator()<Message>(opened->payload);
  });
  return status;
}

/// What our encoder makes of what our decoder read.
base::Result<std::string> written_again(Envelope envelope, std::string_view bytes) {
  const Padded padded{bytes};
  std::string again;
  auto status = with_content(envelope, padded.view(), [&]<class Message>(std::string_view payload) -> base::Status {
    base::Arena arena;
    const auto message = wire::decode<Message>(format, payload, arena);
    if (!message) return message.error();
    wire::Format written = format;
    if (envelope == agent_control || envelope == proxy_control) written.stream = wire::Stream::control;
    wire::Output out;
    PICKET_TRY(wire::encode(written, *message, out));
    again = out.flatten();
    return {};
  });
  if (!status) return std::move(status.error());
  return again;
}

std::string message_of(const Document& vector) {
  constexpr std::string_view package = "zentinel.agent.v2.";
  return std::string{vector.text("message").substr(package.size())};
}

class GrpcVectors : public SharedTest {
 protected:
  /// Calls `use(vector, place, bytes)` with each message of the folder in its envelope.
  template <class Use>
  void for_each(const std::string& folder, std::size_t least, Use&& use) {
    const auto vectors = load("vectors/" + folder);
    EXPECT_GE(vectors.size(), least);
    for (const Document& vector : vectors) {
      SCOPED_TRACE(folder + "/" + vector.name);
      const auto place = places().find(message_of(vector));
      ASSERT_TRUE(place != places().end()) << message_of(vector);
      use(vector, place->second, enveloped(place->second, from_hex(vector.text("hex"))));
    }
  }
};

/// Not read: the reference takes an answer without a decision for allow, so that an agent that means something which it
/// does not know lets everything pass.
bool has_no_decision(const Document& vector) {
  return vector.name == "AgentResponse.no_decision" || vector.name == "bool_as_2";
}

/// Values of audit.custom are JSON text; what is none is read as the text itself, and written as JSON.
bool is_written_otherwise(std::string_view bytes) {
  return bytes.find("\x0A\x04k\xC3\xA9y\x12\x0Bvalue") != bytes.npos;
}

TEST_F(GrpcVectors, AreReadAndWrittenAsTheSameBytes) {
  for_each("grpc", 70, [&](const Document& vector, const Place& place, const std::string& bytes) {
    const auto again = written_again(place.envelope, bytes);
    if (has_no_decision(vector)) {
      EXPECT_FALSE(again);
      return;
    }
    ASSERT_TRUE(again) << again.error().message();
    if (place.path.empty() && !is_written_otherwise(bytes)) {
      EXPECT_EQ(*again, bytes);
    } else if (!is_written_otherwise(bytes)) {
      // What is around it here may hold more than the reference would write.
      EXPECT_NE(again->find(from_hex(vector.text("hex"))), std::string::npos);
    }
    EXPECT_EQ(written_again(place.envelope, *again), *again);
  });
}

/// Fields 20 to 22 are skipped by the reference, which does not know them; ours are messages, and these would be none.
bool is_read_as_ours(const Document& vector) {
  return vector.name == "agent_response_fields_20_to_22" || vector.name == "agent_response_unknown_20";
}

TEST_F(GrpcVectors, WhatTheReferenceTakesIsTaken) {
  for_each("accepted/grpc", 5, [&](const Document& vector, const Place& place, const std::string& bytes) {
    const bool refused = has_no_decision(vector) || is_read_as_ours(vector);
    const auto again = written_again(place.envelope, bytes);
    EXPECT_EQ(again.has_value(), !refused) << vector.text("about");
  });
}

TEST_F(GrpcVectors, WhatTheReferenceRefusesIsRefused) {
  for_each("refused/grpc", 6, [&](const Document& vector, const Place& place, const std::string& bytes) {
    EXPECT_FALSE(written_again(place.envelope, bytes)) << vector.text("about");
  });
}

TEST_F(GrpcVectors, TruncatedOrDamagedAnywhereAreErrorsOrMessages) {
  std::mt19937 random{11};
  for_each("grpc", 70, [&](const Document&, const Place& place, const std::string& bytes) {
    const auto law = [&](const std::string& any) {
      const Padded padded{any};
      (void)with_content(place.envelope, padded.view(), []<class Message>(std::string_view payload) -> base::Status {
        EXPECT_EQ(wire::testing::error_or_message<Message>(format, payload), "");
        return {};
      });
    };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      law(bytes.substr(0, i));
      for (const unsigned flip : {0xFFU, 1U << random() % 8}) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(bytes[i] ^ static_cast<char>(flip));
        law(damaged);
      }
    }
  });
}

}  // namespace
}  // namespace picket::conformance
