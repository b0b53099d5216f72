#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "picket/base/recycled_containers.hpp"
#include "picket/guardrail/held_total.hpp"
#include "picket/guardrail/json_scanner.hpp"

namespace picket::guardrail {

/// What a JSON document is.
enum class Role : std::uint8_t {
  request,  ///< Of chat completions or messages: `messages`, `system`, `prompt`.
  answer,   ///< A whole one: `choices`, `content`, `error`.
  other,    ///< An answer of whatever shape: where it has none that is known, all of it is one text.
  event,    ///< One event of a streamed one.
};

/// A piece of a text, where it stands in the document.
struct Found {
  enum class Kind : std::uint8_t {
    string,     ///< Between its quotes.
    json,       ///< The same, and what it says is JSON: a tool call's arguments.
    number,     ///< Bare: what replaces it needs quotes.
    separator,  ///< No bytes of the document: parts of one text are told apart by a line feed.
  };
  std::size_t text = 0;  ///< Index in Document::texts().
  Kind kind = Kind::string;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A text that a model reads or writes.
struct FoundText {
  base::RecycledString name;   ///< Where it stands, indices as the API counts them: "choices/0/delta/content".
  base::RecycledString group;  ///< What ends it: "choices/0", "content/2".
  bool streams = false;        ///< It goes on with the next event.
};

/// A text that readers put into a row with others: a part of one message.
struct RowPart {
  std::size_t row = 0;
  std::size_t text = 0;  ///< Index in Document::texts().
  auto operator<=>(const RowPart&) const = default;
};

/// Why a document was not understood.
enum class Unread : std::uint8_t {
  none,
  not_json,    ///< No JSON, cut off, or nested too deep.
  not_known,   ///< JSON, but none of the shapes.
  unreadable,  ///< It tells a text in a form that is not looked at: logprobs, token ids, other numbers.
  too_many,    ///< More texts than are kept apart.
  no_room,     ///< What is to be kept of it is over the pool's budget.
  ambiguous,   ///< An event that its readers would put together in more than one way.
};
/// In words, for a log.
[[nodiscard]] std::string_view words_of(Unread why) noexcept;

/// The texts of one document of a chat-completion or messages API.
///
/// Every string is text but words under names that say what something is (`id`, `role`, `type`, …), media in base64 and
/// the settings of a request (`metadata`, `stop`, …). So a field that an API gains is looked at. The arguments of a
/// tool call, where they are an object, are one text: names, strings and numbers; so is each tool that a request
/// offers. A key that is no name, such as a number, is text, too, and so is a long number in what is read or written.
/// Numbers where texts stand, and in arrays, are token ids or the like: such a document is not understood, nor is one
/// with a file in base64 that is no media.
///
/// Of a request and of a whole answer each string is a text of its own, whatever its name: one that comes a second time
/// has `#2` behind it. Of events those of one name are parts of one text; an event that says the same name twice is not
/// read, but where two entries of an array have the same `index`.
///
/// Of an answer whose shape nobody has to know all that would be text is one, in a row of lines, so that a long list
/// costs one question: so are the numbers in its arrays.
///
/// Thread safety: its owner's. Lifetime: what it found lives until the next read, or clear(); the pool outlives it.
/// Errors: say why in `Unread`. Complexity: linear; memory for the containers that have texts, at most some 16 MiB by
/// `most_parts` and `most_texts`, which counts as held by the pool.
class Document {
 public:
  explicit Document(base::BlockPool& pool) noexcept : notes_(pool) {}
  static constexpr std::size_t most_texts = 4096;
  static constexpr std::size_t most_parts = 32'768;  ///< Strings, numbers and names of all texts; containers.
  static constexpr std::size_t longest_name = 256;   ///< Bytes of a text's name, without `#2`.

  /// `text` outlives what is asked of it.
  [[nodiscard]] Unread read(std::string_view text, Role role);
  /// Forgets what it found, and gives its memory back.
  void clear();

  [[nodiscard]] std::span<const Found> found() const noexcept { return found_; }
  [[nodiscard]] std::span<const FoundText> texts() const noexcept { return texts_; }
  /// Parts of messages, row by row, in their order. Of events none.
  [[nodiscard]] std::span<const RowPart> rows() const noexcept { return rows_; }
  /// Groups of texts that are at their end, says the document.
  [[nodiscard]] std::span<const base::RecycledString> ended() const noexcept { return ended_; }
  /// All are.
  [[nodiscard]] bool ends_all() const noexcept { return ends_all_; }
  /// `model`, where the document names one.
  [[nodiscard]] std::string_view model() const noexcept { return model_; }

 private:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// A container that is open, or has texts.
  struct Node {
    std::size_t parent = none;
    std::string_view key;              // its name, where its parent is an object
    std::size_t place = 0;             // where it is an array
    std::string_view index = {};       // its own word for its place
    std::string_view type = {};        // its own, as it is spelt; no word where it has two
    std::string_view media_type = {};  // the same
    bool is_array = false;
    bool is_text = false;       // strings below it are
    bool is_parameter = false;  // words below it are not
    bool is_spoken = false;     // it is part of what a model reads or writes, not an account of it
    bool has_ended = false;     // it is in ends_
    std::size_t joined = none;  // the node whose texts are one
    std::size_t text = none;    // that one
    std::size_t names_before = 0;
    std::size_t children = 0;
    std::size_t found_before = 0;
  };
  /// A string that is text, before all indices are known.
  struct Raw {
    std::size_t node = none;
    std::string_view key;
    std::size_t place = 0;
    Found::Kind kind = Found::Kind::string;
    bool may_be_media = false;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  /// The first of a name.
  struct First {
    std::size_t raw = 0;
    std::size_t text = 0;
    std::size_t times = 1;
  };

  [[nodiscard]] Unread scan();
  [[nodiscard]] Unread take(const Token& token);
  void open(Token::Kind kind);
  void open_in(Node& node);
  [[nodiscard]] Unread close();
  [[nodiscard]] Unread take_key(const Token& token);
  [[nodiscard]] Unread take_string(const Token& token);
  [[nodiscard]] Unread take_number(const Token& token);
  [[nodiscard]] bool is_index() const noexcept;
  [[nodiscard]] bool stands_for_text() const;
  void take_in_root(const Token& token);
  void add(Found::Kind kind, const Token& token, bool may_be_media = false);
  [[nodiscard]] bool is_text_here(std::string_view raw) const noexcept;
  [[nodiscard]] std::string_view spelled(const Token& token);
  [[nodiscard]] bool has_too_many() const noexcept;
  [[nodiscard]] bool has_room() noexcept { return notes_.set(memory()); }
  [[nodiscard]] std::uint64_t memory() const noexcept;
  [[nodiscard]] Unread judge() const noexcept;
  [[nodiscard]] Unread name_texts();
  [[nodiscard]] Unread name_text(std::size_t at);
  [[nodiscard]] bool is_one_text() const noexcept { return role_ == Role::other && !is_known_; }
  [[nodiscard]] bool continues(const Raw& first, const Raw& second) const noexcept;
  [[nodiscard]] base::RecycledString name_of(const Raw& raw) const;
  [[nodiscard]] std::size_t row_of(const Raw& raw) const;
  void append_place(base::RecycledString& name, std::size_t node) const;
  void forget();

  HeldTotal notes_;
  std::string_view text_;
  Role role_ = Role::request;
  base::RecycledVector<Node> nodes_;
  base::RecycledDeque<base::RecycledString> decoded_;  // keys with escapes
  std::size_t spelled_ = 0;                            // bytes of them
  base::RecycledVector<Raw> raws_;
  base::RecycledVector<std::size_t> ends_;        // nodes whose groups have ended
  base::RecycledVector<std::string_view> names_;  // of members of an event's objects that are open
  base::RecycledTextMap<First> known_;
  std::size_t now_ = none;  // the innermost open node
  std::string_view key_;    // of the value that comes, in an object
  std::string_view type_;   // the root's
  bool is_known_ = false;
  bool has_numbers_ = false;  // that stand for text, where that may be
  bool ends_all_ = false;
  base::RecycledString model_;
  base::RecycledVector<Found> found_;
  base::RecycledVector<FoundText> texts_;
  base::RecycledVector<RowPart> rows_;
  std::size_t named_ = 0;  // bytes of their names, and of what knows them by these
  base::RecycledVector<base::RecycledString> ended_;
};

}  // namespace picket::guardrail
