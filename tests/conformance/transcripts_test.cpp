#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "picket/session/agent_session.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/registration.hpp"
#include "picket/session/testing/frames.hpp"
#include "picket/wire/copy.hpp"
#include "picket/wire/testing/equal.hpp"
#include "picket/wire/testing/laws.hpp"
#include "picket/wire/testing/messages.hpp"
#include "tests/conformance/shared.hpp"

/// Whole connections of the reference, played to our sessions: its proxy's frames to our agent's end, its agent's
/// frames to our proxy's end.
namespace picket::conformance {
namespace {

using namespace std::chrono_literals;
using session::testing::Padded;
using session::testing::take_output;
using wire::FrameType;

constexpr base::TimePoint start{100h};

/// Connections that the reference's agent keeps open and ours ends, or that both end.
const std::map<std::string_view, std::string_view> ended_by_us{
    {"behaviour_agent_only_type", "a proxy that sends an agent's message does not speak this protocol"},
    {"behaviour_first_frame_ping", "the first frame is no handshake (§3)"},
    {"behaviour_handshake_not_json", "the handshake does not decode (§3)"},
    {"behaviour_second_handshake", "agreed is agreed: what follows could be in another encoding"},
    {"behaviour_undecodable_event", "an event that does not decode is a protocol error, never allow (§10)"},
    {"behaviour_undecodable_event_no_id", "the same"},
    {"behaviour_undecodable_event_no_json", "the same"},
    {"behaviour_undecodable_event_top_id", "the same"},
    {"behaviour_unknown_type", "an unknown type is a protocol error (§2)"},
    {"behaviour_version_99", "no common version (§3)"},
};

/// One frame of a transcript.
struct Played {
  std::string bytes;
  std::string payload;
  FrameType type{};
  bool to_agent = false;
  wire::Format format;
  std::string message;
};

std::vector<Played> frames_of(const Document& transcript) {
  std::vector<Played> frames;
  for (const wire::Value& value : *transcript.at("frames").get<wire::Value::List>()) {
    const Document frame{"", value};
    Played played{.bytes = from_hex(frame.text("frame_hex")),
                  .to_agent = frame.text("direction") == "proxy->agent",
                  .message = std::string{frame.text("message")}};
    played.payload = played.bytes.substr(transport::frame_header_size);
    played.type = static_cast<FrameType>(played.bytes[4]);
    if (frame.text("encoding") == "msgpack") played.format.encoding = wire::Encoding::msgpack;
    frames.push_back(std::move(played));
  }
  return frames;
}

wire::Encoding encoding_of(const std::vector<Played>& frames) {
  const bool packed =
      std::ranges::any_of(frames, [](const Played& frame) { return frame.format.encoding == wire::Encoding::msgpack; });
  return packed ? wire::Encoding::msgpack : wire::Encoding::json;
}

class Transcripts : public SharedTest {
 protected:
  /// The transcripts of Unix sockets on which the proxy dialled.
  std::vector<Document> transcripts() {
    auto documents = load("vectors/transcripts");
    std::erase_if(documents, [](const Document& document) {
      return document.name == "grpc_process_stream" || document.name == "reverse_json";
    });
    EXPECT_GE(documents.size(), 20U);
    return documents;
  }

  /// Lives in arena_.
  template <class Message>
  Message decoded(const wire::Format& format, std::string_view payload) {
    const Padded padded{payload};
    const auto message = wire::decode<Message>(format, padded.view(), arena_);
    EXPECT_TRUE(message) << message.error().message();
    return message ? wire::copy_into(*message, arena_) : Message{};
  }

  /// `ours`, one whole frame, says the same as `theirs`.
  void expect_same(const Played& theirs, std::string_view ours) {
    ASSERT_TRUE(wire::testing::with_message(theirs.message, [&]<class Message>(std::type_identity<Message>) {
      const auto peek = transport::peek_frame(ours);
      ASSERT_TRUE(peek && peek->frame && peek->needed == ours.size());
      EXPECT_EQ(peek->frame->type, theirs.type);
      const auto expected = decoded<Message>(theirs.format, theirs.payload);
      auto got = decoded<Message>(theirs.format, peek->frame->payload);
      if constexpr (std::is_same_v<Message, wire::HandshakeResponse>) {
        // Its agents say 8 for configure, we say 0; both ends read both (§3).
        ASSERT_EQ(got.capabilities.supported_events.back(), 0);
        got.capabilities.supported_events = expected.capabilities.supported_events;
      }
      EXPECT_TRUE(wire::testing::equal(expected, got)) << to_json(expected) << "\n" << to_json(got);
    }));
  }
};

// ---- their proxy, our agent

class AgentReplay {
 public:
  AgentReplay(const session::AgentInfo& info, wire::Encoding encoding, bool shaken)
      : end_(session::testing::handshake(session::AgentConfig{.info = info, .encodings = {encoding}}), start) {
    if (shaken) return;
    const wire::HandshakeRequest request{.supported_versions = versions, .supported_encodings = {&encoding, 1}};
    feed(session::testing::frame_of({}, request));
    (void)take_output(end_);
  }

  void feed(std::string_view bytes) {
    fed_.emplace_back(bytes);
    end_.feed(fed_.back().view(), start);
    auto* const session = conversation().session();
    if (session == nullptr) return;
    for (const auto& action : session->actions())
      if (const auto* const arrived = std::get_if<session::Arrived>(&action)) remember(*arrived);
    session->clear_actions();
  }

  /// Answers the event whose id the response carries; false where nobody wants it.
  bool respond(const wire::AgentResponse& response) {
    const auto found = std::ranges::find(unanswered_, response.correlation_id, &Unanswered::id);
    if (found == unanswered_.end()) return false;
    const session::EventRef ref = found->ref;
    unanswered_.erase(found);
    return conversation().session()->respond(ref, response, start);
  }

  [[nodiscard]] session::Conversation<session::AgentSession>& conversation() { return end_.conversation(); }
  [[nodiscard]] std::string written() { return take_output(end_); }

 private:
  static constexpr std::array<std::uint32_t, 1> versions{2};
  struct Unanswered {
    std::string id;
    session::EventRef ref;
  };

  void remember(const session::Arrived& arrived) {
    const std::string id = std::visit(
        [](const auto* event) {
          if constexpr (requires { event->metadata.correlation_id; })
            return std::string{event->metadata.correlation_id};
          else
            return std::string{event->correlation_id};
        },
        arrived.message);
    unanswered_.push_back({id, arrived.ref});
  }

  transport::StreamFraming<session::AgentSession> end_;
  std::deque<Padded> fed_;
  std::vector<Unanswered> unanswered_;
};

session::AgentInfo info_in(const std::vector<Played>& frames) {
  for (const Played& frame : frames) {
    if (frame.type != FrameType::handshake_response) continue;
    base::Arena arena;
    const Padded payload{frame.payload};
    return session::agent_info(wire::decode<wire::HandshakeResponse>({}, payload.view(), arena)->capabilities);
  }
  return {};
}

TEST_F(Transcripts, OurAgentAnswersTheReferencesProxyAsTheReferenceDoes) {
  for (const Document& transcript : transcripts()) {
    if (ended_by_us.contains(transcript.name)) continue;
    SCOPED_TRACE(transcript.name);
    const auto frames = frames_of(transcript);
    AgentReplay replay{info_in(frames), encoding_of(frames), frames[0].type == FrameType::handshake_request};
    bool cancelled = false;
    for (const Played& frame : frames) {
      if (frame.to_agent) {
        cancelled = cancelled || frame.type == FrameType::cancel;
        replay.feed(frame.bytes);
        continue;
      }
      if (frame.type == FrameType::agent_response) {
        const bool wanted = replay.respond(decoded<wire::AgentResponse>(frame.format, frame.payload));
        EXPECT_EQ(wanted, !cancelled) << "what was cancelled is not answered, anything else is";
        if (cancelled) continue;
      }
      if (frame.message == "Pong") {
        EXPECT_EQ(replay.written(), frame.bytes);  // an echo, of whatever it holds
      } else {
        expect_same(frame, replay.written());
      }
    }
    EXPECT_FALSE(replay.conversation().end());
  }
}

TEST_F(Transcripts, OurAgentEndsConnectionsThatBreakTheProtocolAndNeverAllows) {
  std::size_t count = 0;
  for (const Document& transcript : transcripts()) {
    const auto reason = ended_by_us.find(transcript.name);
    if (reason == ended_by_us.end()) continue;
    SCOPED_TRACE(transcript.name + ": " + std::string{reason->second});
    ++count;
    const auto frames = frames_of(transcript);
    AgentReplay replay{info_in(frames), encoding_of(frames), true};
    for (const Played& frame : frames)
      if (frame.to_agent) replay.feed(frame.bytes);
    EXPECT_TRUE(replay.conversation().end());
    for (const FrameType type : session::testing::types_of(replay.written()))
      EXPECT_EQ(type, FrameType::handshake_response);
  }
  EXPECT_EQ(count, ended_by_us.size());
}

// ---- their agent, our proxy

/// Drives our end with the events of a transcript and gives it the recorded answers, with our ids in place of theirs:
/// ours are minted and never taken from anyone.
class ProxyReplay {
 public:
  ProxyReplay(const session::ProxyConfig& config, base::Arena& arena)
      : end_(session::testing::handshake(config), start), arena_(arena) {}

  [[nodiscard]] session::Conversation<session::ProxySession>& conversation() { return end_.conversation(); }
  [[nodiscard]] session::ProxySession& session() { return *conversation().session(); }
  [[nodiscard]] std::string written() { return take_output(end_); }

  void feed(const Played& frame, std::string_view theirs, std::string_view ours) {
    std::string payload = frame.payload;
    if (!theirs.empty()) replace(payload, text(frame.format, theirs), text(frame.format, ours));
    fed_.emplace_back(session::testing::raw_frame(frame.type, payload));
    feed(fed_.back().view());
  }
  void feed(std::string_view frame) { end_.feed(frame, start); }

  template <class Event>
  void send(const Event& event) {
    const std::string_view theirs = wire::correlation_id_of(event);
    auto* const kept = new (arena_.allocate(sizeof(Event), alignof(Event))) Event(event);
    ASSERT_TRUE(session().send(id_of(theirs), kept, base::Deadline{start + 1h}, tags_++, start));
  }

  [[nodiscard]] const base::CorrelationId& id_of(std::string_view theirs) {
    const auto found = ids_.find(theirs);
    return found != ids_.end() ? found->second : ids_.emplace(theirs, minter_.mint()).first->second;
  }

 private:
  /// How a text of up to 255 bytes stands in a payload.
  static std::string text(const wire::Format& format, std::string_view id) {
    if (format.encoding == wire::Encoding::json) return '"' + std::string{id} + '"';
    std::string head = id.size() < 32 ? std::string(1, static_cast<char>(0xA0 | id.size()))
                                      : std::string{'\xD9', static_cast<char>(id.size())};
    return head + std::string{id};
  }
  static void replace(std::string& payload, const std::string& from, const std::string& to) {
    const std::size_t at = payload.rfind(from);
    ASSERT_NE(at, std::string::npos);
    payload.replace(at, from.size(), to);
  }

  transport::StreamFraming<session::ProxySession> end_;
  base::Arena& arena_;
  std::deque<Padded> fed_;
  base::CorrelationIds minter_;
  std::map<std::string, base::MintedId, std::less<>> ids_;
  session::Tag tags_ = 0;
};

class ProxyTranscripts : public Transcripts {
 protected:
  session::ProxyConfig config_in(const std::vector<Played>& frames) {
    session::ProxyConfig config{.encodings = {encoding_of(frames)}, .extensions = false};
    if (frames[0].type != FrameType::handshake_request) return config;
    const auto request = decoded<wire::HandshakeRequest>({}, frames[0].payload);
    config.proxy_id = request.proxy_id;
    config.proxy_version = request.proxy_version;
    config.encodings.assign(request.supported_encodings.begin(), request.supported_encodings.end());
    if (!request.config.is_null()) config.config_json = to_json(request.config);
    return config;
  }

  void play_to_agent(ProxyReplay& replay, const Played& frame) {
    switch (frame.type) {
      case FrameType::handshake_request: expect_same(frame, replay.written()); return;
      case FrameType::configure: {
        const auto theirs = decoded<wire::Configure>(frame.format, frame.payload);
        const auto ours = decoded<wire::Configure>(frame.format, replay.written().substr(transport::frame_header_size));
        EXPECT_EQ(theirs.config, ours.config);
        return;
      }
      case FrameType::cancel: {
        const auto cancel = decoded<wire::Cancel>({}, frame.payload);
        replay.session().cancel(replay.id_of(cancel.correlation_id), cancel.reason, start);
        return;
      }
      case FrameType::request_complete: {
        auto complete = decoded<wire::RequestComplete>(frame.format, frame.payload);
        const base::CorrelationId id = replay.id_of(complete.correlation_id);
        complete.correlation_id = id.text();
        replay.session().complete(id, complete, start);
        return;
      }
      case FrameType::request_headers: return replay.send(decoded<wire::RequestHeaders>(frame.format, frame.payload));
      case FrameType::request_body_chunk:
        return replay.send(decoded<wire::RequestBodyChunk>(frame.format, frame.payload));
      case FrameType::response_headers: return replay.send(decoded<wire::ResponseHeaders>(frame.format, frame.payload));
      case FrameType::response_body_chunk:
        return replay.send(decoded<wire::ResponseBodyChunk>(frame.format, frame.payload));
      default: return;  // our pings are our own
    }
  }

  /// The recorded answer reaches the event it belongs to; returns how many events it ended.
  std::size_t play_to_proxy(ProxyReplay& replay, const Played& frame) {
    if (frame.type != FrameType::agent_response) {
      if (frame.type != FrameType::pong) replay.feed(frame, {}, {});
      if (replay.conversation().session() != nullptr) replay.session().clear_actions();
      return 0;
    }
    const auto response = decoded<wire::AgentResponse>(frame.format, frame.payload);
    const bool configuring = replay.conversation().session() == nullptr;
    replay.feed(frame, response.correlation_id,
                configuring ? "picket-configure" : replay.id_of(response.correlation_id).text());
    std::size_t ended = 0;
    for (const auto& action : replay.session().actions()) {
      const auto* const answered = std::get_if<session::Answered>(&action);
      if (answered == nullptr) continue;
      ++ended;
      wire::AgentResponse got = *answered->response;
      got.correlation_id = response.correlation_id;
      EXPECT_TRUE(wire::testing::equal(got, response)) << to_json(got);
    }
    replay.session().clear_actions();
    return ended;
  }
};

TEST_F(ProxyTranscripts, OurProxyUnderstandsTheReferencesAgent) {
  const std::map<std::string_view, std::size_t> answers{
      {"cancel_json", 0},   {"cancel_msgpack", 0},   {"configured_connect_json", 0}, {"configured_connect_msgpack", 0},
      {"exchange_json", 5}, {"exchange_msgpack", 5}, {"same_id_twice_json", 2},      {"same_id_twice_msgpack", 2},
  };
  std::size_t count = 0;
  for (const Document& transcript : transcripts()) {
    const auto expected = answers.find(transcript.name);
    if (expected == answers.end()) continue;  // driven by hand against the reference's server: no proxy of anyone's
    SCOPED_TRACE(transcript.name);
    ++count;
    const auto frames = frames_of(transcript);
    ProxyReplay replay{config_in(frames), arena_};
    if (frames[0].type != FrameType::handshake_request) {
      (void)replay.written();
      const std::string answer = session::testing::frame_of(
          {}, wire::HandshakeResponse{.protocol_version = 2, .success = true, .encoding = encoding_of(frames)});
      replay.feed(Padded{answer}.view());
      replay.session().clear_actions();
    }
    std::size_t ended = 0;
    for (const Played& frame : frames) {
      if (frame.to_agent) {
        play_to_agent(replay, frame);
      } else {
        ended += play_to_proxy(replay, frame);
      }
    }
    EXPECT_EQ(ended, expected->second);
    EXPECT_EQ(replay.session().state(), session::ProxySession::State::ready);
    EXPECT_EQ(replay.session().in_flight(), 0U);
    EXPECT_EQ(replay.session().dropped().late, transcript.name.starts_with("cancel") ? 1U : 0U);
    EXPECT_EQ(replay.session().dropped().unknown + replay.session().dropped().mismatch, 0U);
  }
  EXPECT_EQ(count, answers.size());
}

// ---- their agent dials, and ours

class ReverseTranscript : public SharedTest {
 protected:
  void SetUp() override {
    SharedTest::SetUp();
    if (IsSkipped()) return;
    for (const Document& document : load("vectors/transcripts"))
      if (document.name == "reverse_json") frames_ = frames_of(document);
    ASSERT_GE(frames_.size(), 2U);
  }
  std::vector<Played> frames_;
};

TEST_F(ReverseTranscript, OurProxyTakesTheReferencesRegistration) {
  std::string joined;
  transport::StreamFraming<session::ProxySession> end{
      std::make_unique<session::ProxyRegistration>(
          session::RegistrationConfig{},
          [&](const session::Applicant& applicant) -> base::Result<session::Admission> {
            joined = std::string{applicant.agent_id} + " " + std::string{applicant.token.value_or("")};
            return session::Admission{.config = std::make_shared<session::ProxyConfig>(), .connection_id = "c"};
          }),
      start};
  end.feed(Padded{frames_[0].bytes}.view(), start);
  EXPECT_EQ(joined, "agent-1 s3cret");
  ASSERT_NE(end.conversation().session(), nullptr);
  EXPECT_EQ(end.conversation().session()->format(), wire::Format{});
  EXPECT_EQ(session::testing::types_of(take_output(end)), std::vector{FrameType::handshake_response});
}

TEST_F(ReverseTranscript, OurAgentTakesTheReferencesAnswer) {
  transport::StreamFraming<session::AgentSession> end{
      std::make_unique<session::AgentRegistration>(std::make_shared<session::AgentConfig>(),
                                                   session::Application{.agent_id = "agent-1", .token = std::nullopt}),
      start};
  end.feed(Padded{frames_[1].bytes}.view(), start);
  ASSERT_NE(end.conversation().session(), nullptr);
  EXPECT_EQ(end.conversation().session()->format(), wire::Format{});
}

}  // namespace
}  // namespace picket::conformance
