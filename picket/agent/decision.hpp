#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

/// What an agent decides about one event. Owns its text; build it with the named functions and the chained setters:
/// `Decision::block(403).body("no").rule("942100").tag("sqli")`.
/// Thread safety: a value. Errors: none here; what the proxy would refuse (framing headers, CR or LF in a name) is the
/// caller's mistake and makes the proxy's failure mode decide.
class Decision {
 public:
  [[nodiscard]] static Decision allow() { return Decision{Kind::allow}; }
  /// `status`: 200-599.
  [[nodiscard]] static Decision block(std::uint16_t status);
  [[nodiscard]] static Decision redirect(std::string url, std::uint16_t status = 302);
  /// `type`: "basic", "bearer", "digest", or one of your own with `params`.
  [[nodiscard]] static Decision challenge(std::string type,
                                          std::vector<std::pair<std::string, std::string>> params = {});
  Decision(const Decision& other);
  Decision& operator=(const Decision& other) { return *this = Decision{other}; }
  Decision(Decision&&) noexcept = default;
  Decision& operator=(Decision&&) noexcept = default;
  ~Decision() = default;

  /// Body and headers of a block.
  Decision&& body(std::string text) &&;
  Decision&& header(std::string name, std::string value) &&;

  /// Header operations for the request or the response, applied in the order of the calls.
  Decision&& set_request_header(std::string name, std::string value) &&;
  Decision&& add_request_header(std::string name, std::string value) &&;
  Decision&& remove_request_header(std::string name) &&;
  Decision&& set_response_header(std::string name, std::string value) &&;
  Decision&& add_response_header(std::string name, std::string value) &&;
  Decision&& remove_response_header(std::string name) &&;

  /// Audit.
  Decision&& tag(std::string tag) &&;
  Decision&& rule(std::string id) &&;
  Decision&& reason(std::string code) &&;
  Decision&& confidence(float value) &&;
  /// A text in audit.custom.
  Decision&& note(std::string key, std::string value) &&;
  Decision&& route(std::string key, std::string value) &&;

  /// More chunks, please: what is held so far stays held.
  Decision&& needs_more() &&;
  /// The chunk in question is replaced; an empty text drops it.
  Decision&& replace_body(std::string bytes) &&;

  /// The WebSocket frame in question is not passed on; or its connection is closed, with a code of RFC 6455 §7.4.
  Decision&& drop_frame() &&;
  Decision&& close_websocket(std::uint16_t code, std::string reason) &&;

  [[nodiscard]] bool is_allow() const noexcept { return kind_ == Kind::allow; }
  [[nodiscard]] std::optional<std::uint16_t> block_status() const noexcept {
    return kind_ == Kind::block ? std::optional{status_} : std::nullopt;
  }
  /// A block's body; empty where it has none.
  [[nodiscard]] std::string_view block_body() const noexcept {
    return kind_ == Kind::block ? std::string_view{details().text} : std::string_view{};
  }
  [[nodiscard]] const std::vector<std::string>& rules() const noexcept { return details().rules; }
  [[nodiscard]] const std::vector<std::string>& tags() const noexcept { return details().tags; }

  /// The response to `event` for the wire; borrows this decision and `arena`.
  [[nodiscard]] wire::AgentResponse response(const wire::ReplyTo& event, base::Arena& arena) const;

 private:
  enum class Kind : std::uint8_t { allow, block, redirect, challenge };
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  struct Op {
    wire::HeaderOp::Kind kind;
    std::string name;
    std::string value;
  };
  struct Close {
    std::uint16_t code;
    std::string reason;
  };
  /// What few decisions say: a plain allow or block is made, moved and gone without touching any of it.
  struct Details {
    std::string text;  // a block's body, a redirect's URL, a challenge's type
    bool has_body = false;
    bool needs_more = false;
    Pairs pairs;  // a block's headers, a challenge's params
    std::vector<Op> request_ops;
    std::vector<Op> response_ops;
    std::vector<std::string> tags;
    std::vector<std::string> rules;
    std::vector<std::string> reasons;
    std::optional<float> confidence;
    Pairs notes;
    Pairs routing;
    std::optional<std::string> replacement;
    bool drops_frame = false;
    std::optional<Close> close;
  };

  explicit Decision(Kind kind, std::uint16_t status = 0) : kind_(kind), status_(status) {}
  /// To be added to.
  [[nodiscard]] Details& detailed();
  [[nodiscard]] const Details& details() const noexcept;
  [[nodiscard]] wire::Decision verdict(base::Arena& arena) const;

  Kind kind_ = Kind::allow;
  std::uint16_t status_ = 0;
  std::unique_ptr<Details> details_;
};

}  // namespace picket::agent
