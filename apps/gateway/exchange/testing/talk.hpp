#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/exchange/testing/chance.hpp"

/// What is said to a language model, and what it says.
namespace picket::apps::gateway::exchange::testing {

inline constexpr std::string_view secret = "Q4-11-1";  ///< What nobody is to read.
inline constexpr std::string_view nearly_secret = "q4-11-1";

/// A body of a chat-completion API, in the shape of a prompt, of an answer or of a stream of it. Its texts are cut into
/// pieces, as each of the others' words comes between them.
class Talk {
 public:
  static constexpr std::size_t texts = 2;
  using Texts = std::array<std::string, texts>;

  [[nodiscard]] static Talk prompt(Chance& chance) {
    Talk talk;
    talk.bytes_ = R"({"model":"m","messages":[{"role":"user","content":")";
    talk.add(some_text(chance), 0);
    talk.bytes_ += R"("},{"role":"assistant","content":")";
    talk.add(some_text(chance), 1);
    talk.bytes_ += R"("}]})";
    return talk;
  }
  [[nodiscard]] static Talk answer(Chance& chance) {
    Talk talk;
    talk.bytes_ = R"({"choices":[)";
    for (std::size_t i = 0; i < texts; ++i) {
      talk.bytes_ += (i == 0 ? "" : ",");
      talk.bytes_ += R"({"message":{"role":"assistant","content":")";
      talk.add(some_text(chance), i);
      talk.bytes_ += R"("},"index":)" + std::to_string(i) + "}";
    }
    talk.bytes_ += "]}";
    return talk;
  }
  [[nodiscard]] static Talk stream(Chance& chance) {
    Talk talk;
    std::array<std::string, texts> left{some_text(chance), some_text(chance)};
    while (!left[0].empty() || !left[1].empty()) {
      const std::size_t i = chance.below(texts);
      const std::size_t size = chance.below(std::min<std::size_t>(left[i].size(), 40) + 1);
      talk.bytes_ += R"(data: {"choices":[{"delta":{"content":")";
      talk.add(left[i].substr(0, size), i);
      talk.bytes_ += R"("},"index":)" + std::to_string(i) + "}]}\n\n";
      if (chance.one_in(8)) talk.bytes_ += ": ping\n\n";
      left[i].erase(0, size);
    }
    talk.bytes_ += "data: [DONE]\n\n";
    return talk;
  }

  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  /// The texts in what came of it, or its beginning. `as`: what stood where it stands now, of the same size, as far as
  /// that goes. Nothing where it is other than in its texts.
  [[nodiscard]] std::optional<Texts> read(std::string_view got, std::string_view as) const {
    Texts read;
    std::size_t at = 0;
    for (const Piece& piece : pieces_) {
      const std::string_view before = as.substr(at, piece.begin - at);
      if (!before.starts_with(got.substr(0, before.size()))) return std::nullopt;
      if (got.size() <= before.size() || as.size() < piece.begin)
        return got.size() <= before.size() ? std::optional{read} : std::nullopt;
      got.remove_prefix(before.size());
      const std::size_t size = std::min(got.find('"'), got.size());
      read[piece.text] += got.substr(0, size);
      got.remove_prefix(size);
      if (as.size() <= piece.end) return got.empty() ? std::optional{read} : std::nullopt;
      at = piece.end;
      if (got.empty()) return read;
    }
    return as.substr(at).starts_with(got) ? std::optional{read} : std::nullopt;
  }

 private:
  struct Piece {
    std::size_t begin;
    std::size_t end;
    std::size_t text;
  };

  static std::string some_text(Chance& chance) {
    static constexpr std::array<std::string_view, 8> words{secret,   nearly_secret, "Q4-", "11-1",
                                                           "hello ", "4",           "q",   " "};
    const bool is_harmless = chance.one_in(2);
    std::string text;
    for (std::size_t i = chance.below(60); i != 0; --i)
      text += words[is_harmless || chance.one_in(2) ? 4 + chance.below(4) : chance.below(words.size())];
    return text;
  }
  void add(std::string_view piece, std::size_t text) {
    pieces_.push_back({bytes_.size(), bytes_.size() + piece.size(), text});
    bytes_ += piece;
  }

  std::string bytes_;
  std::vector<Piece> pieces_;
};

/// Where the secret stands.
[[nodiscard]] inline std::vector<std::size_t> places_in(std::string_view text) {
  std::vector<std::size_t> places;
  for (std::size_t at = text.find(secret); at != std::string_view::npos; at = text.find(secret, at + secret.size()))
    places.push_back(at);
  return places;
}

/// Without the first of the secrets in it.
[[nodiscard]] inline std::string redacted(std::string text, std::size_t first) {
  constexpr std::string_view mark = "[redacted]";
  std::size_t at = 0;
  for (std::size_t i = 0; i < first; ++i) {
    at = text.find(secret, at);
    if (at == std::string::npos) break;
    text.replace(at, secret.size(), mark);
    at += mark.size();
  }
  return text;
}

}  // namespace picket::apps::gateway::exchange::testing
