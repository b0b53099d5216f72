#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "picket/base/result.hpp"
#include "picket/base/time.hpp"
#include "picket/session/conversation.hpp"
#include "picket/session/dialect.hpp"
#include "picket/session/dialects/translator.hpp"
#include "picket/session/proxy_session.hpp"
#include "picket/session/tap.hpp"
#include "picket/transport/frame_header.hpp"
#include "picket/transport/frame_reader.hpp"
#include "picket/wire/output.hpp"

namespace picket::transport {

/// How a connection of a dialect begins, and what stands between it and the conversation. What makes one is of(): the
/// parts belong together. Lifetime: moved into the framing.
struct DialectBeginning {
  std::unique_ptr<session::ProxyOpening> opening;
  std::unique_ptr<session::dialects::Translator> translator;
  wire::Framing framing;
  base::Result<FramePeek> (*peek)(std::string_view) = nullptr;

  /// Of v1 or site. Every dialect but v2, which needs none: StreamFraming is for that.
  [[nodiscard]] static DialectBeginning of(session::Dialect dialect,
                                           std::shared_ptr<const session::ProxyConfig> config);
  [[nodiscard]] const session::ProxyOpening* get() const noexcept { return opening.get(); }
};

/// A conversation with an agent of a dialect, on a byte stream: as StreamFraming, with a translator in between. What
/// the conversation writes is translated when it would be written out; what the agent says, before the conversation
/// hears it. A tap hears what the conversation says and hears.
///
/// Thread safety: none; one owner. Lifetime: the tap outlives it. Errors: what has no words in the dialect, or is none
/// of it, ends the conversation, whose end() says it. Memory: what is said is copied, and so is what is heard, once
/// each.
///
///   transport::DialectFraming framing{transport::DialectBeginning::of(session::Dialect::v1, config), worker.now()};
///   …                                                // the conversation was called:
///   while (framing.translate(worker.now())) handle_actions();
///   const std::size_t count = framing.output().gather(parts);
class DialectFraming {
 public:
  using Conversation = session::Conversation<session::ProxySession>;
  using Beginning = DialectBeginning;
  static constexpr bool translates = true;

  /// `tap` may be null.
  DialectFraming(Beginning beginning, base::TimePoint now, session::Tap* tap = nullptr);
  DialectFraming(const DialectFraming&) = delete;
  DialectFraming& operator=(const DialectFraming&) = delete;

  [[nodiscard]] Conversation& conversation() noexcept { return conversation_; }
  [[nodiscard]] const Conversation& conversation() const noexcept { return conversation_; }
  /// What is to be written to the agent; of the conversation's what was translated. Call translate() before it is
  /// written.
  [[nodiscard]] wire::Output& output() noexcept { return output_; }
  [[nodiscard]] const wire::Output& output() const noexcept { return output_; }

  /// Translates what the conversation has written. True where it heard something by that, or ended. Whoever gets true
  /// looks at the session's actions. Complexity: each frame that is new is read and written once.
  [[nodiscard]] bool translate(base::TimePoint now);

  // As StreamFraming. Bytes as the agent has them; frames are told to a tap when they are translated.
  void wrote(std::size_t size, base::TimePoint) { output_.consume(size); }
  // What the agent says is heard one by one: an answer may let go what the session kept back.
  void feed(std::string_view bytes, base::TimePoint now);
  [[nodiscard]] std::span<char> rest() { return reader_.rest(); }
  void rest_received(std::size_t size, base::TimePoint now);
  [[nodiscard]] bool holds_part_of_large_frame() const noexcept { return reader_.holds_part_of_large_frame(); }

 private:
  void begin(base::TimePoint now);
  void note_waiting() noexcept;
  [[nodiscard]] base::Status say(base::TimePoint now);
  [[nodiscard]] base::Status on_frame(const wire::FrameView& frame, base::TimePoint now);
  [[nodiscard]] base::Status pass_on_heard(base::TimePoint now);
  template <class Read>
  void batch(base::TimePoint now, Read read);

  session::Tap* tap_;  // may be null
  std::unique_ptr<session::dialects::Translator> translator_;
  BasicFrameReader<base::Result<FramePeek> (*)(std::string_view)> reader_;
  wire::Output said_;                      // by the conversation, in its own frames
  wire::Output output_;                    // in the agent's
  std::deque<session::EarlyFrame> heard_;  // as long as actions may refer to it
  Conversation conversation_;
};

}  // namespace picket::transport
