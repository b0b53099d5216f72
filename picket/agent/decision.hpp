#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

class Decision;

/// A status that `fits`. One that is written down is checked when it is compiled: `BlockStatus{99}` is an error. of()
/// takes one that only the running program knows.
template <bool (*fits)(int)>
class CheckedStatus {
 public:
  consteval CheckedStatus(int status) : value_(static_cast<std::uint16_t>(status)) {
    if (!fits(status)) throw "no status of such a decision";
  }
  [[nodiscard]] static constexpr std::optional<CheckedStatus> of(int status) noexcept {
    return fits(status) ? std::optional{CheckedStatus{status, Known{}}} : std::nullopt;
  }
  [[nodiscard]] constexpr std::uint16_t value() const noexcept { return value_; }

 private:
  struct Known {};
  constexpr CheckedStatus(int status, Known /*known*/) noexcept : value_(static_cast<std::uint16_t>(status)) {}
  std::uint16_t value_;
};

namespace internal {

constexpr bool is_final_status(int status) noexcept { return status >= 200 && status <= 599; }
constexpr bool is_redirect_status(int status) noexcept {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace internal

/// 200 to 599.
using BlockStatus = CheckedStatus<internal::is_final_status>;
/// 301, 302, 303, 307 or 308 (RFC 9110 §15.4).
using RedirectStatus = CheckedStatus<internal::is_redirect_status>;

namespace internal {

/// What any decision holds. Few say more than their kind and status: a plain allow or block is made, moved and gone
/// without touching memory.
class DecisionData {
 public:
  enum class Kind : std::uint8_t { allow, block, redirect, challenge };
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  explicit DecisionData(Kind kind, std::uint16_t status = 0) noexcept : kind_(kind), status_(status) {}
  DecisionData(const DecisionData& other);
  DecisionData& operator=(const DecisionData& other) { return *this = DecisionData{other}; }
  DecisionData(DecisionData&&) noexcept = default;
  DecisionData& operator=(DecisionData&&) noexcept = default;
  ~DecisionData() = default;

 protected:
  struct Op {
    wire::HeaderOp::Kind kind;
    std::string name;
    std::string value;
  };
  struct Close {
    std::uint16_t code;
    std::string reason;
  };
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

  [[nodiscard]] Kind kind() const noexcept { return kind_; }
  [[nodiscard]] std::uint16_t status() const noexcept { return status_; }
  [[nodiscard]] bool is_bare() const noexcept { return details_ == nullptr; }
  [[nodiscard]] const Details& details() const noexcept;
  /// To be added to.
  [[nodiscard]] Details& detailed();

 private:
  Kind kind_;
  std::uint16_t status_;
  std::unique_ptr<Details> details_;
};

/// What every decision may say for the audit log. `Self` is the class that the setters give back, so that a chain ends
/// as what it began with.
template <class Self>
class Audited : public DecisionData {
 public:
  using DecisionData::DecisionData;
  explicit Audited(DecisionData data) noexcept : DecisionData(std::move(data)) {}

  Self& tag(std::string tag) & { return added(detailed().tags, std::move(tag)); }
  Self&& tag(std::string tag) && { return std::move(this->tag(std::move(tag))); }
  /// The rule that matched.
  Self& rule(std::string id) & { return added(detailed().rules, std::move(id)); }
  Self&& rule(std::string id) && { return std::move(this->rule(std::move(id))); }
  Self& reason(std::string code) & { return added(detailed().reasons, std::move(code)); }
  Self&& reason(std::string code) && { return std::move(this->reason(std::move(code))); }
  /// From 0 to 1.
  Self& confidence(float value) & {
    detailed().confidence = value;
    return self();
  }
  Self&& confidence(float value) && { return std::move(this->confidence(value)); }
  /// A text in audit.custom.
  Self& note(std::string key, std::string value) & { return added(detailed().notes, std::move(key), std::move(value)); }
  Self&& note(std::string key, std::string value) && { return std::move(this->note(std::move(key), std::move(value))); }

 protected:
  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  template <class List, class... Parts>
  Self& added(List& list, Parts&&... parts) {
    list.emplace_back(std::forward<Parts>(parts)...);
    return self();
  }
};

/// What every decision about a request or a response may do to the headers of the answer that the client gets: the
/// upstream's where it allows, the refusal's where it does not. In the order of the calls.
template <class Self>
class Answering : public Audited<Self> {
 public:
  using Audited<Self>::Audited;

  Self& set_response_header(std::string name, std::string value) & {
    return operate(wire::HeaderOp::Kind::set, std::move(name), std::move(value));
  }
  Self&& set_response_header(std::string name, std::string value) && {
    return std::move(this->set_response_header(std::move(name), std::move(value)));
  }
  Self& add_response_header(std::string name, std::string value) & {
    return operate(wire::HeaderOp::Kind::add, std::move(name), std::move(value));
  }
  Self&& add_response_header(std::string name, std::string value) && {
    return std::move(this->add_response_header(std::move(name), std::move(value)));
  }
  Self& remove_response_header(std::string name) & {
    return operate(wire::HeaderOp::Kind::remove, std::move(name), {});
  }
  Self&& remove_response_header(std::string name) && {
    return std::move(this->remove_response_header(std::move(name)));
  }

 private:
  Self& operate(wire::HeaderOp::Kind kind, std::string name, std::string value) {
    this->detailed().response_ops.push_back({kind, std::move(name), std::move(value)});
    return this->self();
  }
};

}  // namespace internal

/// The exchange goes on, perhaps changed. Made by Decision::allow().
class Allow final : public internal::Answering<Allow> {
 public:
  /// Header operations on the request that goes on, in the order of the calls. Only before it has gone on: in answers
  /// to request_headers and request_body.
  Allow& set_request_header(std::string name, std::string value) &;
  Allow&& set_request_header(std::string name, std::string value) &&;
  Allow& add_request_header(std::string name, std::string value) &;
  Allow&& add_request_header(std::string name, std::string value) &&;
  Allow& remove_request_header(std::string name) &;
  Allow&& remove_request_header(std::string name) &&;

  /// For the proxy's choice of an upstream.
  Allow& route(std::string key, std::string value) &;
  Allow&& route(std::string key, std::string value) &&;

  /// More chunks, please: what is held so far stays held. Not on the last chunk.
  Allow& needs_more() &;
  Allow&& needs_more() &&;
  /// The chunk in question is replaced; an empty text drops it. Only in answers to body chunks.
  Allow& replace_body(std::string bytes) &;
  Allow&& replace_body(std::string bytes) &&;

 private:
  friend class Decision;
  Allow() noexcept : Answering(Kind::allow) {}
};

/// The client gets a status in place of what it asked for. Made by Decision::block().
class Block final : public internal::Answering<Block> {
 public:
  /// Without one the proxy chooses.
  Block& body(std::string text) &;
  Block&& body(std::string text) &&;
  Block& header(std::string name, std::string value) &;
  Block&& header(std::string name, std::string value) &&;

 private:
  friend class Decision;
  explicit Block(BlockStatus status) noexcept : Answering(Kind::block, status.value()) {}
};

/// The client is sent elsewhere. Made by Decision::redirect().
class Redirect final : public internal::Answering<Redirect> {
 private:
  friend class Decision;
  Redirect(std::string url, RedirectStatus status);
};

/// The client is to prove something first. Made by Decision::challenge().
class Challenge final : public internal::Answering<Challenge> {
 private:
  friend class Decision;
  Challenge(std::string type, Pairs params);
};

/// What becomes of a WebSocket frame that does not pass. Made by Decision::drop_frame() and close_websocket().
class FrameRefusal final : public internal::Audited<FrameRefusal> {
 private:
  friend class Decision;
  FrameRefusal() noexcept : Audited(Kind::allow) {}
};

/// What an agent decides about one event:
/// `Decision::block(403).body("no").rule("942100").tag("sqli")`.
///
/// Each function gives a type of its own, which has only what makes sense for it and becomes a Decision where one is
/// wanted. So `Decision::allow().body("x")` does not compile. What makes sense for some events only is refused when it
/// is answered, with a line in the agent's log, and the event is left unanswered: see misfit().
///
/// Thread safety: a value.
/// Lifetime: it owns its text.
/// Errors: none here. Header names and values that HTTP does not have are the caller's mistake: the proxy takes the
/// answer for a failure of the agent. Complexity: a bare allow or block allocates nothing.
class Decision final : public internal::Audited<Decision> {
 public:
  [[nodiscard]] static Allow allow() { return Allow{}; }
  [[nodiscard]] static Block block(BlockStatus status) { return Block{status}; }
  [[nodiscard]] static Redirect redirect(std::string url, RedirectStatus status = 302);
  /// `type`: "basic", "bearer", "digest" (their params as RFC 9110 §11.2 has them), or one of your own.
  [[nodiscard]] static Challenge challenge(std::string type,
                                           std::vector<std::pair<std::string, std::string>> params = {});
  /// The frame in question is not passed on, and with it its message.
  [[nodiscard]] static FrameRefusal drop_frame();
  /// The frame is not passed on and its connection is closed, with a code of RFC 6455 §7.4.
  [[nodiscard]] static FrameRefusal close_websocket(std::uint16_t code, std::string reason);

  template <std::derived_from<internal::DecisionData> Said>
    requires(!std::same_as<Said, Decision>)
  Decision(Said said) noexcept : Audited(internal::DecisionData{std::move(said)}) {}

  /// The event goes on.
  [[nodiscard]] bool is_allow() const noexcept { return kind() == Kind::allow && !refuses_frame(); }
  [[nodiscard]] bool refuses_frame() const noexcept { return details().drops_frame || details().close; }
  [[nodiscard]] std::optional<std::uint16_t> block_status() const noexcept {
    return kind() == Kind::block ? std::optional{status()} : std::nullopt;
  }
  /// A block's body; empty where it has none.
  [[nodiscard]] std::string_view block_body() const noexcept {
    return kind() == Kind::block ? std::string_view{details().text} : std::string_view{};
  }
  /// Where a redirect goes; empty for anything else.
  [[nodiscard]] std::string_view redirect_url() const noexcept {
    return kind() == Kind::redirect ? std::string_view{details().text} : std::string_view{};
  }
  [[nodiscard]] const std::vector<std::string>& rules() const noexcept { return details().rules; }
  [[nodiscard]] const std::vector<std::string>& tags() const noexcept { return details().tags; }
  /// What the last operation on a header gives it; nothing where none does, or removes it.
  [[nodiscard]] std::optional<std::string_view> request_header(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<std::string_view> response_header(std::string_view name) const noexcept;
  [[nodiscard]] const std::optional<std::string>& replaced_body() const noexcept { return details().replacement; }

  /// The call that made this decision one which an answer to such an event cannot honour; empty where all is well.
  [[nodiscard]] std::string_view misfit(wire::FrameType event) const noexcept;

  /// The response to `event` for the wire; borrows this decision and `arena`.
  [[nodiscard]] wire::AgentResponse response(const wire::ReplyTo& event, base::Arena& arena) const;

 private:
  [[nodiscard]] wire::Decision verdict(base::Arena& arena) const;
};

}  // namespace picket::agent
