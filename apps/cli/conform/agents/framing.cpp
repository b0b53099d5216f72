#include <array>

#include "apps/cli/conform/agents/rules.hpp"

namespace picket::apps::cli::conform::agents {
namespace {

using wire::FrameType;

constexpr auto headers_type = static_cast<std::uint8_t>(FrameType::request_headers);
constexpr std::size_t largest_frame = base::limits::max_frame_length;

std::string frame_of(const Talk& talk, const wire::RequestHeaders& event) {
  return socket_frame(headers_type, payload_of(talk.format(), event));
}

std::string header(std::uint32_t length, std::uint8_t type) {
  return {static_cast<char>(length >> 24), static_cast<char>(length >> 16), static_cast<char>(length >> 8),
          static_cast<char>(length), static_cast<char>(type)};
}

/// What is no frame ends the connection, and no other.
void expect_end(Agent& agent, std::string_view bytes, std::string_view what) {
  Talk other = agent.open();
  Talk talk = agent.open();
  talk.peer().write(bytes);
  talk.expect_refused(what);
  other.expect_alive();
}

/// A head is answered, however it is cut.
void expect_answered(Talk& talk, std::size_t cut) {
  const std::string_view id = talk.mint();
  const std::string frame = frame_of(talk, Talk::head(id));
  talk.peer().write_slowly(frame, std::min(cut, frame.size()));
  (void)talk.answer_to(id, "request_headers");
}

constexpr std::array rules{
    AgentRule{"framing.split-header", "2", "A frame whose length comes byte by byte is waited for.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                const std::string frame = frame_of(talk, Talk::head(id));
                talk.peer().write_slowly(std::string_view{frame}.substr(0, 5));
                talk.peer().write(std::string_view{frame}.substr(5));
                (void)talk.answer_to(id, "request_headers");
              }},
    AgentRule{"framing.byte-by-byte", "2", "A frame that comes byte by byte is one.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                expect_answered(talk, 1);
              }},
    AgentRule{"framing.split-anywhere", "2", "A frame may be cut in two at any byte.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::size_t size = frame_of(talk, Talk::head(talk.mint())).size();
                for (std::size_t cut = 1; cut < size; ++cut) {
                  const std::string_view id = talk.mint();
                  const std::string frame = frame_of(talk, Talk::head(id));
                  talk.peer().write_slowly(std::string_view{frame}.substr(0, cut), cut);
                  talk.peer().write(std::string_view{frame}.substr(cut));
                  (void)talk.answer_to(id, fmt::format("a frame that is cut at byte {}", cut));
                }
              }},
    AgentRule{"framing.joined", "2", "Frames that come together are each answered.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.ask_together(20, [&](std::string_view id) { return frame_of(talk, Talk::head(id)); });
              }},
    AgentRule{"framing.and-a-half", "2", "A frame is answered although half of another follows it.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view first = talk.mint();
                const std::string_view second = talk.mint();
                const std::string whole = frame_of(talk, Talk::head(second));
                const std::string_view half = std::string_view{whole}.substr(0, whole.size() / 2);
                talk.peer().write(frame_of(talk, Talk::head(first)).append(half));
                (void)talk.answer_to(first, "the first of one and a half");
                talk.peer().write(std::string_view{whole}.substr(half.size()));
                (void)talk.answer_to(second, "the second");
              }},
    AgentRule{"framing.length-zero", "2", "A length of zero closes the connection.", Scope::sockets,
              [](Agent& agent) { expect_end(agent, std::string(4, '\0'), "a frame of length 0"); }},
    AgentRule{"framing.too-long", "2", "A length of one byte over 16 MiB closes the connection.", Scope::sockets,
              [](Agent& agent) {
                expect_end(agent, header(largest_frame + 1, headers_type), "a length of 16 MiB and a byte");
              }},
    AgentRule{"framing.endless", "2", "The largest length that can be written closes the connection.", Scope::sockets,
              [](Agent& agent) { expect_end(agent, header(~std::uint32_t{0}, headers_type), "a length of 4 GiB"); }},
    AgentRule{"framing.largest", "2", "A frame of 16 MiB is taken.", Scope::once,
              [](Agent& agent) {
                Talk talk = agent.open();
                const std::string_view id = talk.mint();
                std::string payload = payload_of(talk.format(), Talk::head(id));
                payload.resize(largest_frame - 1, ' ');
                talk.peer().say_frame(headers_type, payload);
                (void)talk.answer_to(id, "a frame of 16 MiB");
              }},
    AgentRule{"framing.unknown-type", "2", "A type that there is not closes the connection.", Scope::sockets,
              [](Agent& agent) { expect_end(agent, socket_frame(0x7f, "{}"), "type 0x7f"); }},
    AgentRule{"framing.type-zero", "2", "Type 0 closes the connection.", Scope::sockets,
              [](Agent& agent) { expect_end(agent, socket_frame(0, "{}"), "type 0x00"); }},
    AgentRule{"framing.wrong-direction", "2", "What only agents send is not answered.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                talk.say(wire::AgentResponse{.correlation_id = talk.mint()});
                talk.say(wire::Ping{.sequence = 1});
                while (const auto frame = talk.peer().hear_or_end("pong, or the end")) {
                  expect(frame->type != FrameType::agent_response, "it answers an answer");
                  if (frame->type == FrameType::pong) return;
                }
              }},
    AgentRule{"framing.types", "2", "An agent sends frames of types that agents send, and no others.", Scope::sockets,
              [](Agent& agent) {
                Talk talk = agent.open();
                for (int i = 0; i < 3; ++i) talk.expect_alive();
                (void)talk.settle();
              }},
    AgentRule{"framing.no-payload", "2", "An event without a payload closes the connection.", Scope::sockets,
              [](Agent& agent) { expect_end(agent, socket_frame(headers_type, ""), "an event of no bytes"); }},
};

}  // namespace

AgentRules framing_rules() noexcept { return rules; }

}  // namespace picket::apps::cli::conform::agents
