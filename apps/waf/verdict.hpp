#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace picket::apps::waf {

/// A rule that matched and was not told to keep quiet (`nolog`).
struct RuleMatch {
  std::string id;  ///< e.g. "942100"
  std::string message;
  std::vector<std::string> tags;
  friend bool operator==(const RuleMatch&, const RuleMatch&) = default;
};

/// Something that could not be inspected whole. With the rule engine on, each of them blocks; but for an answer that is
/// too large, which the proxy's failure mode decides about.
struct Note {
  std::string_view code;  ///< The reason code of the audit.
  std::uint16_t status = 0;
  std::string_view message;
  friend bool operator==(const Note&, const Note&) = default;
};

inline constexpr Note note_body_over_limit{"request-body-over-limit", 413,
                                           "The request body is over SecRequestBodyLimit"};
inline constexpr Note note_nul_in_request_line{"nul-in-request-line", 400,
                                               "A NUL in the request line hides what follows"};
inline constexpr Note note_head_over_limit{"request-head-over-limit", 431,
                                           "The fields of the request are too many bytes to inspect"};
inline constexpr Note note_match_limit{"match-limit-reached", 403,
                                       "The rules took too long; those that were left did not run"};
inline constexpr Note note_value_over_limit{"value-over-limit", 413,
                                            "A body without a content type is too long to inspect"};
inline constexpr Note note_expands_over_limit{"request-body-expands-over-limit", 413,
                                              "The names of the body's values are too long, or too long in all"};
inline constexpr Note note_two_boundaries{"multipart-boundary-ambiguous", 400,
                                          "The multipart body can be read with two boundaries"};
inline constexpr Note note_inline_dtd{"xml-inline-dtd", 400, "The XML brings a document type declaration of its own"};
inline constexpr Note note_response_over_limit{"response-body-over-limit", 0,
                                               "The response body is over SecResponseBodyLimit"};
inline constexpr Note note_xml_encoding{"xml-encoding", 400, "The XML is in an encoding that hides markup"};

/// What the rules say after one event. A value that owns its strings.
struct Verdict {
  enum class Action : std::uint8_t { allow, block, redirect };

  Action action = Action::allow;
  std::uint16_t status = 0;        ///< For block and redirect, 200 to 599.
  std::string url;                 ///< For redirect.
  std::vector<RuleMatch> matches;  ///< Of this event, in the order they matched; a rule that matched twice stands once.
  std::vector<Note> notes;         ///< What was not inspected whole and why.
  /// Whether all that came is judged. Else nothing of it may go on: of a body that streams not before its end.
  bool is_whole = true;

  [[nodiscard]] bool allows() const noexcept { return action == Action::allow; }
};

}  // namespace picket::apps::waf
