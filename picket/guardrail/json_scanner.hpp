#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "picket/base/recycled_containers.hpp"

namespace picket::guardrail {

/// One token of a JSON document, and where it stands.
struct Token {
  enum class Kind : std::uint8_t {
    object,  ///< Begins.
    array,   ///< Begins.
    close,   ///< Of the innermost of these.
    key,     ///< Between the quotes.
    string,  ///< Between the quotes.
    number,
    literal,  ///< true, false or null.
    end,      ///< All of it was read, and it is one value.
    invalid,  ///< It is no JSON, or nested deeper than may be.
  };
  Kind kind = Kind::invalid;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The tokens of one JSON document, with their places, so that one string can be rewritten and no other byte touched.
/// All of it is validated (RFC 8259), and that its strings are UTF-8: what readers replace in them they would replace
/// each in its own way.
///
/// Thread safety: its owner's. Lifetime: the text outlives it. Errors: an invalid token, which is the last. Complexity:
/// linear; memory for the depth.
class JsonScanner {
 public:
  static constexpr std::size_t most_depth = 64;  ///< No API nests deeper by half; each level costs its readers memory.

  explicit JsonScanner(std::string_view text) noexcept : text_(text) {}

  [[nodiscard]] Token next();

 private:
  enum class Expects : std::uint8_t { value, value_or_close, key, key_or_close, comma_or_close, nothing, no_more };

  void skip_space() noexcept;
  [[nodiscard]] bool take(char c) noexcept;
  [[nodiscard]] Token separated();
  [[nodiscard]] Token open(Token::Kind kind);
  [[nodiscard]] Token close();
  [[nodiscard]] Token key();
  [[nodiscard]] Token value();
  [[nodiscard]] Token string(Token::Kind kind);
  [[nodiscard]] Token number();
  [[nodiscard]] Token literal();
  [[nodiscard]] bool digits() noexcept;
  [[nodiscard]] Token done(Token token) noexcept;
  [[nodiscard]] Token fail() noexcept;

  std::string_view text_;
  std::size_t at_ = 0;
  base::RecycledVector<Token::Kind> open_;
  Expects expects_ = Expects::value;
};

}  // namespace picket::guardrail
