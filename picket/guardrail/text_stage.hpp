#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "picket/base/buffer.hpp"
#include "picket/base/recycled_containers.hpp"
#include "picket/body/intake.hpp"
#include "picket/body/stage.hpp"
#include "picket/guardrail/document.hpp"
#include "picket/guardrail/event_stream.hpp"
#include "picket/guardrail/nested_text.hpp"
#include "picket/guardrail/text_run.hpp"

namespace picket::guardrail {

/// On what terms a body's texts are looked at.
struct Policy {
  body::Direction direction = body::Direction::request;
  std::size_t window = 512;         ///< Bytes by which pieces of one text overlap, and that stay behind. Not 0.
  std::uint64_t holds = 1'048'576;  ///< Bytes of the body that are held, at most.
  bool refuses_larger = true;       ///< What is more is stopped; else it goes past.
  bool refuses_unread = true;       ///< What is not understood is stopped; else it goes past.
  bool expects_texts = true;        ///< Else it may be of another format, which goes past, or JSON of any shape.
};

/// Bytes of one text that are asked about at a time, beside the overlap.
inline constexpr std::size_t largest_question = 64 * 1024;

class TextStage;

/// A piece of a text that somebody is to be asked about.
struct Question {
  std::uint64_t number = 0;      ///< Among those of this body.
  base::RecycledString name;     ///< Of its text: "choices/0/message/content".
  base::RecycledString content;  ///< UTF-8.

 private:
  friend class TextStage;
  TextRun* run_ = nullptr;
  TextRun::Piece piece_;
};

/// The stage that holds back the texts of a model's body until somebody has looked at them, and puts other words in
/// their place where that is asked for: in the strings that have them, and nowhere else.
///
/// A JSON document is held until it is whole, an event of a stream until it has ended: what is not understood does not
/// go on before that is known. Of a streamed text the window stays behind; what follows it in the stream waits for it.
/// An end that is said of a text lets the window go, where the event that says so brings no more text: some servers say
/// it with each that does. Where the answer of a choice begins, what was thought before has ended: the answer does not
/// wait for it.
///
/// It knows no agent: whoever does takes questions, and tells what was said, in the order of the questions of one text.
///
///   stage.feed(part);                              // at most credit()
///   while (auto question = stage.next()) ask(*question);
///   stage.answer(question, redactions);            // or refuse(), open()
///   send_on(stage.take(room));
///
/// All that it keeps counts as held by the pool. Over its budget nothing goes on (overloaded); but for what is kept
/// beside the body this goes past where what is larger does. The body's own bytes have been counted on their way here,
/// and who has no room for them reads no more of them, whatever the failure mode.
///
/// Thread safety: its pool's. Lifetime: the pool outlives it, and it outlives its questions. Errors: stopped() says why
/// nothing goes on, unread() what was not understood. Units: bytes. Complexity: linear in the body, and in what
/// overlaps.
class TextStage final : public body::Stage {
 public:
  TextStage(const Policy& policy, base::BlockPool& pool);
  ~TextStage() = default;

  // ---- the body
  [[nodiscard]] std::size_t credit() const noexcept override;
  void feed(body::Part part) override;
  [[nodiscard]] body::Part take(std::size_t most) override;
  [[nodiscard]] body::Stop stopped() const noexcept override { return stop_; }

  // ---- who looks at it
  /// Whether what comes goes on as it is.
  [[nodiscard]] bool passes() const noexcept { return passes_; }
  /// Whether nobody has put other words in place of any, be they let go or still held.
  [[nodiscard]] bool is_as_sent() const noexcept { return !has_redacted_; }
  /// Whether what comes is still looked at.
  [[nodiscard]] bool is_watching() const noexcept { return !passes_ && stop_ == body::Stop::none; }
  /// Whether some of it is held, or will be as soon as there is some: before anything went on, and while texts wait.
  [[nodiscard]] bool holds_any() const noexcept { return is_watching() && (released_ == 0 || released_ != fed_); }
  [[nodiscard]] bool has_next() const noexcept;
  [[nodiscard]] std::optional<Question> next();
  /// Nothing of `redactions` is more than the question's content has.
  void answer(const Question& question, std::span<const Redaction> redactions);
  /// Nothing goes on any more.
  void refuse() { stop(body::Stop::decided); }
  /// Nobody is asked any more: what is held goes on, as far as it was redacted.
  void open();
  /// What it lets go on nobody takes: the body goes another way.
  void forget() noexcept { out_.release(); }

  /// Why it was not understood; none where it was, so far.
  [[nodiscard]] Unread unread() const noexcept { return unread_; }
  /// Whether it went past for its size.
  [[nodiscard]] bool outgrew() const noexcept { return outgrew_; }
  /// `model`, as the body named it last; empty where it has not.
  [[nodiscard]] std::string_view model() const noexcept { return model_; }

 private:
  enum class Format : std::uint8_t { unknown, document, events };

  /// A piece of a text in the stream. Where nothing of the text stands, its bytes are none.
  struct Place {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    TextRun* run = nullptr;
    std::uint64_t at = 0;     // of the text, where it begins
    std::uint64_t until = 0;  // of the text
    Found::Kind kind = Found::Kind::string;
    NestedText* nested = nullptr;  // of JSON, as far as it has gone on
  };
  struct Text {
    TextRun run;
    NestedText read = {};      // of JSON
    NestedText released = {};  // the same, of what has gone on
    base::RecycledString group;
    bool streams = false;
    bool is_queued = false;
    bool is_overtaken = false;  // it was ended by the answer that began beside it
  };
  using Texts = base::RecycledTextMap<Text>;
  /// A text that is asked about in a row with others, too.
  struct InRow {
    TextRun* row = nullptr;
    TextRun* part = nullptr;
    std::uint64_t begin = 0;  // of the part, in the row
  };

  void recognize();
  void read_on(bool is_last);
  void read_events(bool is_last);
  void take_event();
  void take_document(std::string_view text, Role role, std::span<const Range> lines, std::uint64_t begins);
  void add(const Found& found, std::string_view text, std::uint64_t place);
  void add_rows();
  void add_row(std::span<const RowPart> parts);
  void redact_parts();
  void end_texts();
  void end_all_texts();
  void end_texts_of(std::string_view group);
  void end_thoughts_of(std::string_view group);
  void end(Texts::value_type& text);
  [[nodiscard]] Role role() const noexcept;
  [[nodiscard]] bool is_excused(Unread why) const noexcept;
  void fail(Unread why);
  void count_notes();
  /// What that does to a text counts in what is kept of all.
  template <class Change>
  void change(TextRun& run, const Change& made);
  void forget_texts();
  void queue(Texts::value_type& text);
  void release();
  [[nodiscard]] bool release_place();
  void release_spelled(Place& place, std::uint64_t border);
  [[nodiscard]] bool release_nested(Place& place);
  [[nodiscard]] bool release_nested_unit(Place& place, std::uint64_t border);
  void pass(std::uint64_t to);
  void rewrite(std::string_view words, std::uint64_t to);
  void rewrite_nested(std::string_view words, std::uint64_t to);
  void drop(std::uint64_t to);
  void stop(body::Stop why);
  [[nodiscard]] std::string_view held(std::uint64_t from, std::uint64_t to) const noexcept;

  Policy policy_;
  HeldTotal counted_;  // of the body
  HeldTotal notes_;    // of what is kept beside it
  base::Buffer held_;  // as it came, from released_ on
  std::uint64_t released_ = 0;
  std::uint64_t read_ = 0;      // of what came
  std::uint64_t complete_ = 0;  // what is behind it belongs to a document, or an event, that has not ended
  std::uint64_t fed_ = 0;
  Format format_ = Format::unknown;
  EventStream events_;
  bool has_events_ = false;  // at least one has ended
  Document document_;
  base::RecycledString joined_;  // an event's lines of data
  Texts texts_;
  std::uint64_t kept_of_texts_ = 0;                 // bytes
  base::RecycledVector<Texts::value_type*> whole_;  // of the document that is read: they end with it
  base::RecycledTextMap<base::RecycledVector<Texts::value_type*>> streaming_;  // that have not ended, by group
  bool brings_text_ = false;                             // the document that is read, that streams
  base::RecycledVector<base::RecycledString> answered_;  // groups in which an answer has begun with it
  base::RecycledVector<InRow> in_rows_;                  // of the document
  base::RecycledDeque<Texts::value_type*> waiting_;      // that may have questions
  base::RecycledDeque<Place> places_;                    // complete, not released
  std::uint64_t questions_ = 0;
  std::size_t unanswered_ = 0;
  bool believes_ends_ = true;  // no text went on after its end was said
  bool passes_ = false;
  bool has_redacted_ = false;
  bool outgrew_ = false;
  Unread unread_ = Unread::none;
  base::RecycledString model_;
  base::Buffer out_;
  body::Intake made_;
  enum class End : std::uint8_t { to_come, fed, gone } end_ = End::to_come;
  body::Stop stop_ = body::Stop::none;
};

template <class Change>
void TextStage::change(TextRun& run, const Change& made) {
  const std::uint64_t before = run.memory();
  made();
  kept_of_texts_ += run.memory() - before;
}

}  // namespace picket::guardrail
