#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "picket/transport/frame_header.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/internal/msgpack_reader.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"
#include "tests/conformance/difference.hpp"
#include "tests/conformance/shared.hpp"

/// The reference's own frames, both ways: what we read of them, and what we write instead.
namespace picket::conformance {
namespace {

using wire::Encoding;
using wire::Format;
using wire::Value;
using wire::testing::Padded;

/// Where our form of a message is not the reference's.
constexpr Exception written_otherwise[] = {
    {"AgentResponse", "/correlation_id", "ours stands at the top, too (§5)"},
    {"RequestHeaders", "/correlation_id",
     "ours stands at the top in JSON; the reference's view of MessagePack lacks it"},
    {"FlowControl", "/action",
     "an integer: what the reference's decoder reads (§6); the type's value is checked below"},
    {"FlowControl", "/buffer_available", "beside the integer, see /action"},
    {"HealthStatus", "/state", "an integer: what the reference's decoder reads (§6)"},
    {"HealthStatus", "/disabled_features", "beside the integer, see /state"},
    {"HealthStatus", "/timeout_multiplier", "beside the integer, see /state"},
    {"HealthStatus", "/eta_ms", "beside the integer, see /state"},
    {"HealthStatus", "/reason", "beside the integer, see /state"},
};

std::string message_of(const Document& vector) {
  if (!vector.name.starts_with("reverse_registration")) return std::string{vector.text("message")};
  return vector.name.ends_with("answer") ? "ReverseAnswer" : "ReverseRegistration";
}

Format format_of(const Document& vector) {
  return {.encoding = vector.text("encoding") == "msgpack" ? Encoding::msgpack : Encoding::json};
}

/// The tagged form's detail that differences() leaves out for messages with two forms.
void expect_tagged_form_was_read(const wire::FlowControl& flow, const Value& payload) {
  const Value& action = *payload.find("action");
  EXPECT_EQ(wire::EnumNames<wire::FlowAction>::names[static_cast<std::size_t>(flow.action)],
            *action.find("type")->get<std::string_view>());
  if (const auto* const available = action.find("buffer_available")) {
    EXPECT_EQ(static_cast<std::int64_t>(flow.buffer_available), *available->get<std::int64_t>());
  }
}
void expect_tagged_form_was_read(const wire::HealthStatus& status, const Value& payload) {
  const Value& state = *payload.find("state");
  EXPECT_EQ(wire::EnumNames<wire::HealthState>::names[static_cast<std::size_t>(status.state)],
            *state.find("status")->get<std::string_view>());
  if (const auto* const features = state.find("disabled_features")) {
    EXPECT_EQ(status.disabled_features.size(), features->get<Value::List>()->size());
  }
  if (const auto* const multiplier = state.find("timeout_multiplier");
      multiplier != nullptr && multiplier->get<double>()) {
    EXPECT_EQ(status.timeout_multiplier, static_cast<float>(*multiplier->get<double>()));
  }
  if (const auto* const eta = state.find("eta_ms"); eta != nullptr && !eta->is_null()) {
    EXPECT_EQ(static_cast<std::int64_t>(status.eta_ms.value()), *eta->get<std::int64_t>());
  }
  if (const auto* const reason = state.find("reason")) {
    EXPECT_EQ(status.reason, *reason->get<std::string_view>());
  }
  if (const auto* const recoverable = state.find("recoverable")) {
    EXPECT_EQ(status.recoverable, *recoverable->get<bool>());
  }
}
void expect_tagged_form_was_read(const auto&, const Value&) {}

/// Whether `array` is the struct `map` written by position: the map's values in their order, nil for what it lacks.
/// Proves the field order without knowing a name.
bool is_positional(const Value& map, const Value& array);

bool same_or_positional(const Value& reference, const Value& ours) {
  if (reference.get<Value::Object>() != nullptr && ours.get<Value::List>() != nullptr)
    return is_positional(reference, ours);
  if (const auto* const members = reference.get<Value::Object>()) {
    const auto* const others = ours.get<Value::Object>();
    return others != nullptr && members->size() == others->size() &&
           std::ranges::all_of(*members, [&](const wire::Member& member) {
             const auto* const other = ours.find(member.name);
             return other != nullptr && same_or_positional(member.value, *other);
           });
  }
  if (const auto* const list = reference.get<Value::List>()) {
    const auto* const others = ours.get<Value::List>();
    return others != nullptr && std::ranges::equal(*list, *others, same_or_positional);
  }
  return reference == ours;
}

bool is_positional(const Value& map, const Value& array) {
  const auto& members = *map.get<Value::Object>();
  const auto& items = *array.get<Value::List>();
  std::size_t at = 0;
  for (const auto& member : members) {
    while (at < items.size() && items[at].is_null() && !member.value.is_null()) ++at;
    if (at == items.size() || !same_or_positional(member.value, items[at++])) return false;
  }
  return std::ranges::all_of(items.subspan(at), &Value::is_null);
}

class Vectors : public SharedTest {
 protected:
  /// Calls `check.operator()<Message>(vector, payload)` for every vector of json/ and msgpack/.
  template <class Check>
  void for_each(const std::string& folder, Check&& check) {
    std::size_t count = 0;
    for (const Document& vector : load("vectors/" + folder)) {
      SCOPED_TRACE(folder + "/" + vector.name);
      const std::string frame = from_hex(vector.text("frame_hex"));
      const auto peek = transport::peek_frame(frame);
      ASSERT_TRUE(peek && peek->frame && peek->needed == frame.size());
      ++count;
      ASSERT_TRUE(wire::testing::with_message(message_of(vector), [&]<class Message>(std::type_identity<Message>) {
        EXPECT_EQ(peek->frame->type, Message::type);
        check.template operator()<Message>(vector, peek->frame->payload);
      })) << message_of(vector);
    }
    RecordProperty("vectors", static_cast<int>(count));
    EXPECT_GE(count, 80U);
  }

  Value generic_msgpack(std::string_view payload) {
    const Padded padded{arena_.copy(payload)};
    wire::internal::MsgpackReader reader{arena_.copy(padded.view()), arena_, {}};
    Value value;
    EXPECT_TRUE(reader.read_value(value)) << reader.error().message();
    return value;
  }
};

TEST_F(Vectors, AreReadAndWrittenInTheSameMeaning) {
  for (const std::string folder : {"json", "msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, std::string_view bytes) {
      const Padded payload{bytes};
      base::Arena arena;
      const auto message = wire::decode<Message>(format_of(vector), payload.view(), arena);
      ASSERT_TRUE(message) << message.error().message();
      const auto ours = wire::parse_json(wire::testing::payload_of({}, *message), arena);
      ASSERT_TRUE(ours);
      const Value theirs = plain(vector.at("payload"), arena);
      EXPECT_EQ(differences(theirs, *ours, message_of(vector), written_otherwise), std::vector<std::string>{});
      expect_tagged_form_was_read(*message, theirs);
    });
  }
}

TEST_F(Vectors, DifferWhereTheTableSaysSoAndNowhereElse) {
  std::set<const Exception*> met;
  for (const std::string folder : {"json", "msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, std::string_view bytes) {
      const Padded payload{bytes};
      const auto message = wire::decode<Message>(format_of(vector), payload.view(), arena_);
      ASSERT_TRUE(message);
      const auto ours = wire::parse_json(wire::testing::payload_of({}, *message), arena_);
      for (const auto& line : differences(plain(vector.at("payload"), arena_), *ours, message_of(vector), {}))
        for (const Exception& exception : written_otherwise)
          if (exception.message == message_of(vector) && line.starts_with(exception.path)) met.insert(&exception);
    });
  }
  for (const Exception& exception : written_otherwise)
    EXPECT_TRUE(met.contains(&exception)) << exception.message << exception.path << ": " << exception.reason;
}

TEST_F(Vectors, SurviveBothEncodings) {
  for (const std::string folder : {"json", "msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, std::string_view bytes) {
      const Padded payload{bytes};
      base::Arena arena;
      const auto message = wire::decode<Message>(format_of(vector), payload.view(), arena);
      ASSERT_TRUE(message) << message.error().message();
      for (const Format& format : {Format{}, Format{.encoding = Encoding::msgpack},
                                   Format{.encoding = Encoding::msgpack, .raw_bytes = true, .event_reply = true}}) {
        const Padded written{wire::testing::payload_of(format, *message)};
        const auto again = wire::decode<Message>(format, written.view(), arena);
        ASSERT_TRUE(again) << again.error().message();
        EXPECT_TRUE(wire::testing::equal(*message, *again));
      }
    });
  }
}

TEST_F(Vectors, AreWrittenInMessagePackAsArraysInTheReferencesFieldOrder) {
  // These stay maps (§6, §7): the reference tells their two forms apart by names.
  const std::set<std::string> maps{"FlowControl", "HealthStatus", "Configure"};
  for_each("msgpack", [&]<class Message>(const Document& vector, std::string_view bytes) {
    if (format_of(vector).encoding == Encoding::json) return;
    const Padded payload{bytes};
    const auto message = wire::decode<Message>(format_of(vector), payload.view(), arena_);
    ASSERT_TRUE(message);
    const Value ours = generic_msgpack(wire::testing::payload_of(format_of(vector), *message));
    if (maps.contains(message_of(vector))) {
      EXPECT_NE(ours.get<Value::Object>(), nullptr);
      return;
    }
    ASSERT_NE(ours.get<Value::List>(), nullptr);
    if (vector.name.find("binary_api") != std::string::npos) return;  // bin there, base64 text here
    EXPECT_TRUE(is_positional(generic_msgpack(bytes), ours)) << to_json(ours);
  });
}

TEST_F(Vectors, TruncatedOrDamagedAnywhereAreErrorsOrMessages) {
  std::mt19937 random{11};
  for (const std::string folder : {"json", "msgpack"}) {
    for_each(folder, [&]<class Message>(const Document& vector, std::string_view payload) {
      const Format format = format_of(vector);
      for (std::size_t i = 0; i < payload.size(); ++i) {
        ASSERT_EQ(wire::testing::error_or_message<Message>(format, payload.substr(0, i)), "") << "cut at " << i;
        std::string damaged{payload};
        for (const unsigned flip : {0xFFU, 1U << random() % 8}) {
          damaged[i] = static_cast<char>(payload[i] ^ static_cast<char>(flip));
          ASSERT_EQ(wire::testing::error_or_message<Message>(format, damaged), "") << "byte " << i;
        }
      }
    });
  }
}

}  // namespace
}  // namespace picket::conformance
