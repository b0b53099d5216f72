#include "picket/transport/dialect_framing.hpp"

#include <utility>

#include "picket/base/limits.hpp"
#include "picket/session/dialects/site.hpp"
#include "picket/session/dialects/v1.hpp"

namespace picket::transport {

DialectBeginning DialectBeginning::of(session::Dialect dialect, std::shared_ptr<const session::ProxyConfig> config) {
  namespace dialects = session::dialects;
  if (dialect == session::Dialect::v1)
    return {.opening = std::make_unique<dialects::V1Opening>(std::move(config)),
            .translator = std::make_unique<dialects::V1Translator>(),
            .framing = untyped_framing,
            .peek = peek_untyped_frame};
  return {.opening = std::make_unique<dialects::SiteOpening>(std::move(config)),
          .translator = std::make_unique<dialects::SiteTranslator>(),
          .framing = stream_framing,
          .peek = peek_frame_of_any_type};
}

DialectFraming::DialectFraming(Beginning beginning, base::TimePoint now, session::Tap* tap)
    : tap_(tap),
      translator_(std::move(beginning.translator)),
      reader_(beginning.peek),
      said_(stream_framing),
      output_(beginning.framing),
      conversation_(std::move(beginning.opening), now, said_) {}

/// What was heard before is let go, unless somebody has still to look at what came of it.
void DialectFraming::begin(base::TimePoint now) {
  auto* const session = conversation_.session();
  if (session != nullptr && !session->actions().empty()) return;
  heard_.clear();
  conversation_.begin_batch(now);
}

bool DialectFraming::translate(base::TimePoint now) {
  if (said_.empty()) return false;
  begin(now);
  const std::size_t before = heard_.size();
  auto status = say(now);
  if (status) status = pass_on_heard(now);
  note_waiting();
  if (!status) conversation_.close(std::move(status.error()));
  if (conversation_.end_batch()) reader_.trim();
  return !status || heard_.size() != before;
}

/// What waits in the translator has not gone: the session counts it with its output.
void DialectFraming::note_waiting() noexcept {
  if (auto* const session = conversation_.session()) session->hold_back(translator_->waiting());
}

base::Status DialectFraming::say(base::TimePoint now) {
  std::string bytes = said_.flatten();
  said_.consume(bytes.size());
  const std::size_t size = bytes.size();
  bytes.append(base::limits::tail_padding, '\0');
  FrameReader frames;
  return frames.feed(std::string_view{bytes}.substr(0, size), [&](const wire::FrameView& frame) {
    if (tap_ != nullptr) tap_->on_sent(frame, now);
    return translator_->say(frame, output_);
  });
}

/// One after the other: the session that hears an answer may say something that the next depends on.
base::Status DialectFraming::on_frame(const wire::FrameView& frame, base::TimePoint now) {
  PICKET_TRY(translator_->hear(frame, output_));
  return pass_on_heard(now);
}

base::Status DialectFraming::pass_on_heard(base::TimePoint now) {
  for (session::EarlyFrame& frame : translator_->take_heard()) {
    const std::size_t size = frame.payload.size();
    frame.payload.append(base::limits::tail_padding, '\0');
    heard_.push_back(std::move(frame));
    const wire::FrameView view{heard_.back().type, std::string_view{heard_.back().payload}.substr(0, size)};
    if (tap_ != nullptr) tap_->on_received(view, now);
    PICKET_TRY(conversation_.take(view, now));
  }
  return {};
}

template <class Read>
void DialectFraming::batch(base::TimePoint now, Read read) {
  if (conversation_.end()) return;
  begin(now);
  auto status = read([&](const wire::FrameView& frame) { return on_frame(frame, now); });
  note_waiting();
  if (conversation_.end_batch()) reader_.trim();
  if (!status) conversation_.close(std::move(status.error()));
}

void DialectFraming::feed(std::string_view bytes, base::TimePoint now) {
  batch(now, [&](auto take) { return reader_.feed(bytes, take); });
}

void DialectFraming::rest_received(std::size_t size, base::TimePoint now) {
  batch(now, [&](auto take) { return reader_.rest_received(size, take); });
}

}  // namespace picket::transport
