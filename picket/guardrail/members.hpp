#pragma once

#include <cstdint>
#include <string_view>

/// What the names of members mean in chat-completion and messages APIs. Names are as they were decoded; values as they
/// are spelt, between the quotes. All pure, none throws but for memory.
namespace picket::guardrail {

/// Of a request's root: by these it is known, where they are more than a string.
[[nodiscard]] bool is_prompt(std::string_view name) noexcept;
/// Where it is a string.
[[nodiscard]] bool is_plain_prompt(std::string_view name) noexcept;
/// Of an answer's root: by these it is known.
[[nodiscard]] bool is_answer(std::string_view name) noexcept;
/// Of a request's root: no model reads what is below.
[[nodiscard]] bool is_setting(std::string_view name) noexcept;
/// Of a request's root: words that say how, where they are `is_word`.
[[nodiscard]] bool is_parameter(std::string_view name) noexcept;
/// Of a request's root: each element says of one tool what it is for.
[[nodiscard]] bool is_tools(std::string_view name) noexcept;
/// Below it a schema is told to the model.
[[nodiscard]] bool is_schema(std::string_view name) noexcept;
/// Below it an object is what a tool is called with.
[[nodiscard]] bool is_arguments(std::string_view name) noexcept;
/// A string of that name is JSON.
[[nodiscard]] bool holds_json(std::string_view name) noexcept;
/// It says what something is, where its value is a word.
[[nodiscard]] bool is_label(std::string_view name) noexcept;
/// A member of that name is said by a model, or to it.
[[nodiscard]] bool is_spoken(std::string_view name) noexcept;
/// Of a text of a streamed choice, by its whole name: it is what a model thinks before it answers, or the answer.
[[nodiscard]] bool is_thought(std::string_view name) noexcept;
[[nodiscard]] bool is_spoken_answer(std::string_view name) noexcept;
/// An array of that name holds the parts of one message.
[[nodiscard]] bool holds_parts(std::string_view name) noexcept;
/// Of such a part: what it says.
[[nodiscard]] bool is_of_part(std::string_view name) noexcept;
/// Of an answer's root: numbers about it.
[[nodiscard]] bool is_account(std::string_view name) noexcept;
/// Of an answer: the text a second time, token by token.
[[nodiscard]] bool tells_again(std::string_view name) noexcept;
/// A key as programs have it: nobody is told anything with it.
[[nodiscard]] bool is_name(std::string_view name) noexcept;
/// Short, and of characters that make names: nobody is told anything with it.
[[nodiscard]] bool is_word(std::string_view raw) noexcept;
/// Of so many digits that it may say more than how many there are of something.
[[nodiscard]] bool is_somebodys(std::string_view number) noexcept;
/// Names a person or an account, where it is `is_identifier`.
[[nodiscard]] bool names_somebody(std::string_view name) noexcept;
/// A name as programs give it, from a letter on: no address, and no number that is somebody's.
[[nodiscard]] bool is_identifier(std::string_view raw) noexcept;

/// A file in a string.
enum class File : std::uint8_t {
  none,
  media,  ///< Images, sound, films, pages as printed: nobody looks at them.
  other,  ///< Such as text, which would be looked at if it were not packed in base64.
};
/// Of a member of that name (RFC 2397).
[[nodiscard]] File file_in(std::string_view name, std::string_view raw);
/// Whether its object says that `data` is a file that is no media: by `type` and `media_type` beside it, as they are
/// spelt.
[[nodiscard]] bool is_other_file(std::string_view type, std::string_view media_type, std::string_view raw);
/// A member of that name says of what kind the `data` beside it is.
[[nodiscard]] bool is_media_type(std::string_view name) noexcept;
/// Or how that is packed.
[[nodiscard]] bool is_type(std::string_view name) noexcept;
/// In place of a `type`, or of what says how it is packed, where there are two.
inline constexpr std::string_view two_words = " ";
/// It may have a file.
[[nodiscard]] bool is_data(std::string_view name) noexcept;
/// It may be media, or a seal: base64 (RFC 4648 §4), long. Whether it is, its object says.
[[nodiscard]] bool may_be_media(std::string_view name, std::string_view raw) noexcept;
/// Whether what may be media is: by the `type` beside it, as it is spelt, and the name of its object.
[[nodiscard]] bool is_media(std::string_view name, std::string_view type, std::string_view object) noexcept;
/// The type of an event of the messages API.
[[nodiscard]] bool is_event_type(std::string_view type) noexcept;

}  // namespace picket::guardrail
