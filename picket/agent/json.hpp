#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/result.hpp"
#include "picket/wire/value.hpp"

namespace picket::agent {

/// A JSON text that was read, for agents that judge what is in it.
///
///   const auto document = Json::parse(body.text());
///   if (!document) return Decision::block(400);
///   const auto prompt = document->text("/messages/0/content");
///
/// It is read by the library's own reader: the whole text is checked, nesting and the number of values are bounded
/// (base/limits.hpp). Of a name that comes twice the first counts here; an application may take the last.
///
/// Thread safety: a value that nobody writes. Lifetime: what it gives out is valid as long as it is. Complexity:
/// parsing is linear; at() searches each object on its way.
class Json {
 public:
  /// Errors: invalid_message for a text that is not one JSON value, with its place.
  [[nodiscard]] static base::Result<Json> parse(std::string_view text);

  [[nodiscard]] const wire::Value& root() const noexcept { return root_; }
  /// What a pointer of RFC 6901 leads to ("/choices/0/text"; "" is all of it); null where there is nothing.
  [[nodiscard]] const wire::Value* at(std::string_view pointer) const;
  /// The text there; nothing where there is none, or another type.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view pointer) const;

 private:
  explicit Json(base::Arena memory) noexcept : memory_(std::move(memory)) {}

  base::Arena memory_;
  wire::Value root_;
};

}  // namespace picket::agent
