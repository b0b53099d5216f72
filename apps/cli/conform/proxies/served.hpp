#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/conform/peer.hpp"
#include "apps/cli/conform/proxies/grpc_server.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::cli::conform::proxies {

/// One message of a proxy's. Lifetime: its own memory.
struct Heard {
  Frame frame;
  wire::Format format;
  std::string id;  ///< The exchange's, of an event.

  /// Throws Violation where the payload is no such message.
  template <class Message>
  [[nodiscard]] Message as(base::Arena& arena) const {
    const bool is_control = frame.type == wire::FrameType::cancel || frame.type == wire::FrameType::ping ||
                            frame.type == wire::FrameType::pong;
    const bool is_json = is_control && format.encoding != wire::Encoding::protobuf;
    const auto read = wire::decode<Message>(is_json ? wire::Format{} : format, frame.payload(), arena);
    expect(read.has_value(), "its {}: {}", name(frame.type), read ? "" : read.error().detail());
    return *read;
  }
};

/// The answer to a proxy's handshake, part by part: what no codec would write.
struct Welcome {
  std::string_view version = "2";
  std::string_view success = "true";
  std::string_view error = "null";
  std::string_view encoding = R"("encoding":"json",)";
  std::string_view more;  ///< Members, with a comma behind the last.
  bool has_capabilities = true;
};

/// How an agent registers with a proxy that it dials, part by part: what no codec would write.
struct Registration {
  std::string_view version = "2";
  std::string_view agent_id;
  std::optional<std::string_view> token;
  std::string_view encodings = R"(,"supported_encodings":["json"])";  ///< A member with a comma before it.
  std::string_view more;                                              ///< The same of others.
  bool has_capabilities = true;
};

/// What the agent says that it is. A value.
struct Declared {
  std::vector<std::int32_t> events{1, 2, 3, 4, 5, 6, 7};
  wire::Limits limits{};
};

/// A connection between the proxy and us. Thread safety: its worker's.
class Served {
 public:
  /// `agent_id`: who we say that we are, so that the proxy's logs can name what is tested.
  Served(std::unique_ptr<Pipe> pipe, base::Duration patience, std::string agent_id, Declared declared)
      : pipe_(std::move(pipe)),
        patience_(patience),
        agent_id_(std::move(agent_id)),
        declared_(std::move(declared)),
        format_{.encoding = pipe_->opening_encoding()} {}

  /// What has come, if anything has. Throws Violation for what is no frame.
  [[nodiscard]] std::optional<Frame> poll();
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  /// It has begun: with a handshake that we have answered, or a registration that the proxy has taken.
  [[nodiscard]] bool is_open() const noexcept { return is_open_ && !has_ended_; }
  [[nodiscard]] bool is_greeted() const noexcept { return first_.has_value(); }
  void greet(Frame first);
  /// The proxy's handshake, or its answer to our registration. Not on gRPC.
  [[nodiscard]] const Document& hello() const { return *hello_; }
  /// The same, as it came.
  [[nodiscard]] const Frame& first() const { return *first_; }
  [[nodiscard]] const wire::Format& format() const noexcept { return format_; }

  /// Those of the extensions that the proxy's handshake offers.
  [[nodiscard]] std::vector<std::string_view> offered(const std::vector<std::string_view>& wanted) const;
  /// Answers the handshake as an agent of that encoding does, with some of the extensions that were offered.
  void welcome(wire::Encoding encoding, wire::TextList extensions);
  /// Whether that extension is in force.
  [[nodiscard]] bool takes(std::string_view extension) const noexcept;
  /// Answers it otherwise.
  void welcome(const Welcome& text);
  /// Answers it on gRPC so that the proxy goes.
  void refuse(std::uint32_t version, bool success);
  [[nodiscard]] std::string text_of(const Welcome& text) const;
  /// Says who we are to a proxy that was dialled.
  void register_as(const Registration& registration) {
    say_frame(wire::FrameType::handshake_request, text_of(registration));
  }
  [[nodiscard]] std::string text_of(const Registration& registration) const;
  /// Goes by what the proxy has answered. Returns why it refuses; empty: it does not.
  [[nodiscard]] std::string begin_as_agreed();

  template <class Message>
  void say(const Message& message) {
    write(bytes_of(message));
  }
  /// What say() writes.
  template <class Message>
  [[nodiscard]] std::string bytes_of(const Message& message) const {
    wire::Output output{pipe_->framing()};
    if (const auto status = wire::encode(format_, message, output); !status) throw Skipped{status.error().message()};
    return output.flatten();
  }
  void say_frame(wire::FrameType type, std::string_view payload) { write(framed(type, payload)); }
  [[nodiscard]] std::string framed(wire::FrameType type, std::string_view payload) const {
    return pipe_->framed(type, payload);
  }
  void write(std::string_view bytes);
  void answer_ping(const Heard& ping);
  /// A plain answer, allow if nothing else is said, to that event. With event-reply it names the event.
  void answer(const Heard& event, wire::Decision decision = wire::Allow{});
  void answer(const Heard& event, wire::AgentResponse response);
  void end() {
    pipe_->reset();
    has_ended_ = true;
  }
  /// Of a proxy that calls us on gRPC. Throws Skipped where it does not.
  [[nodiscard]] ServedCall& call();

 private:
  [[nodiscard]] wire::Capabilities capabilities() const;
  [[nodiscard]] std::string capabilities_text() const;
  void agree(std::string_view extension);

  std::unique_ptr<Pipe> pipe_;
  base::Duration patience_;
  std::string agent_id_;
  Declared declared_;
  wire::Format format_;
  std::vector<std::string> extensions_;  // in force
  std::optional<Frame> first_;
  std::optional<Document> hello_;  // the same, where it is JSON
  bool is_open_ = false;
  bool has_ended_ = false;
};

/// The exchange that a message belongs to; empty where it belongs to none.
[[nodiscard]] std::string exchange_of(const Frame& frame, const wire::Format& format);

}  // namespace picket::apps::cli::conform::proxies
