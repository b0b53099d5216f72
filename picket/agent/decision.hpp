#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "picket/agent/checked_status.hpp"
#include "picket/agent/decision_setters.hpp"
#include "picket/base/arena.hpp"
#include "picket/wire/messages.hpp"

namespace picket::agent {

/// The exchange goes on, perhaps changed. Made by Decision::allow().
///
///   return Decision::allow().set_request_header("x-user", user).tag("known");
///
/// Thread safety: a value. Lifetime: it owns its text.
/// Errors: what the proxy bounds is its own failure to honour: at most 256 header operations of 64 KiB in one answer,
/// and none on headers that belong to a connection or to the framing of a message (Host, Content-Length, …).
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

  /// A pair of routing_metadata (protocol.md §5), for a proxy that chooses an upstream by it. What keys mean is agreed
  /// between the agent and its proxy. Picket's gateway does not: its routes alone choose. Of such an answer its audit
  /// log has a line, without the pair.
  Allow& route(std::string key, std::string value) &;
  Allow&& route(std::string key, std::string value) &&;

  /// More chunks, please: what is held so far stays held. In the answer to a response's head that head waits for them.
  /// Beside the last chunk it is a failure, which the proxy's failure mode decides: the body cannot be judged.
  Allow& needs_more() &;
  Allow&& needs_more() &&;
  /// The chunk in question is replaced; an empty text drops it. Only in answers to body chunks.
  Allow& replace_body(std::string bytes) &;
  Allow&& replace_body(std::string bytes) &&;

 private:
  friend class Decision;
  Allow() noexcept : Answering(Kind::allow) {}
};

/// The client gets a status in place of what it asked for. Made by Decision::block(). Nothing reaches the upstream that
/// had not reached it before.
///
/// Thread safety: a value. Errors: none here; the status was checked when the BlockStatus was made.
class Block final : public internal::Answering<Block> {
 public:
  /// The bytes that the client reads. Without one the proxy chooses; an empty one is an answer without content.
  Block& body(std::string text) &;
  Block&& body(std::string text) &&;
  /// A header of the answer. Several of one name are several values.
  Block& header(std::string name, std::string value) &;
  Block&& header(std::string name, std::string value) &&;

 private:
  friend class Decision;
  explicit Block(BlockStatus status) noexcept : Answering(Kind::block, status.value()) {}
};

/// The client is sent elsewhere, by Location. Made by Decision::redirect(). The URL may be relative (RFC 9110 §10.2.2).
///
/// Thread safety: a value. Errors: none here; a proxy takes control characters in the URL for a failure of the agent,
/// since they would let whoever chose them write headers of the answer.
class Redirect final : public internal::Answering<Redirect> {
 private:
  friend class Decision;
  Redirect(std::string url, RedirectStatus status);
};

/// The client is to prove something first: 401 with WWW-Authenticate, or for types of your own 403 with x-challenge
/// headers. Made by Decision::challenge().
///
/// Thread safety: a value.
class Challenge final : public internal::Answering<Challenge> {
 private:
  friend class Decision;
  Challenge(std::string type, Pairs params);
};

/// What becomes of a WebSocket frame that does not pass. Made by Decision::drop_frame() and close_websocket(). It has
/// no headers: they went when the connection was opened.
///
/// Thread safety: a value. Errors: none here; anything but a WebSocket frame is left unanswered with it: see
/// Decision::misfit().
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
  /// The event may go on.
  [[nodiscard]] static Allow allow() { return Allow{}; }
  /// The client gets this status.
  [[nodiscard]] static Block block(BlockStatus status) { return Block{status}; }
  /// The client goes elsewhere: 303 makes a GET of whatever it asked, 307 and 308 keep method and body.
  [[nodiscard]] static Redirect redirect(std::string url, RedirectStatus status = 302);
  /// `type`: "basic", "bearer", "digest" (their params as RFC 9110 §11.2 has them), or one of your own.
  [[nodiscard]] static Challenge challenge(std::string type,
                                           std::vector<std::pair<std::string, std::string>> params = {});
  /// The frame in question is not passed on, and with it its message.
  [[nodiscard]] static FrameRefusal drop_frame();
  /// The frame is not passed on and its connection is closed, with a code of RFC 6455 §7.4.
  [[nodiscard]] static FrameRefusal close_websocket(std::uint16_t code, std::string reason);

  /// Any of the above. Complexity: moves what it holds, copies nothing.
  template <std::derived_from<internal::DecisionData> Said>
    requires(!std::same_as<Said, Decision>)
  Decision(Said said) noexcept : Audited(static_cast<internal::DecisionData&&>(said)) {}

  // What it says, for tests and for handlers that look at others' decisions.

  /// The event goes on.
  [[nodiscard]] bool is_allow() const noexcept { return kind() == Kind::allow && !refuses_frame(); }
  /// Drops a WebSocket frame, with or without its connection.
  [[nodiscard]] bool refuses_frame() const noexcept { return details().drops_frame || details().close; }
  /// Nothing for anything but a block: redirects and challenges have statuses of their own.
  [[nodiscard]] std::optional<std::uint16_t> block_status() const noexcept {
    return kind() == Kind::block ? std::optional{status()} : std::nullopt;
  }
  /// A block's body; empty where it has none.
  [[nodiscard]] std::string_view block_body() const noexcept {
    return kind() == Kind::block ? std::string_view{details().text} : std::string_view{};
  }
  /// The first value of a header that a block has by that name.
  [[nodiscard]] std::optional<std::string_view> block_header(std::string_view name) const noexcept;
  /// Where a redirect goes; empty for anything else.
  [[nodiscard]] std::string_view redirect_url() const noexcept {
    return kind() == Kind::redirect ? std::string_view{details().text} : std::string_view{};
  }
  /// In the order in which they were added.
  [[nodiscard]] const std::vector<std::string>& rules() const noexcept { return details().rules; }
  [[nodiscard]] const std::vector<std::string>& tags() const noexcept { return details().tags; }
  /// What the last operation on a header gives it; nothing where none does, or removes it.
  [[nodiscard]] std::optional<std::string_view> request_header(std::string_view name) const noexcept;
  [[nodiscard]] std::optional<std::string_view> response_header(std::string_view name) const noexcept;
  /// What is held so far stays held (Allow::needs_more).
  [[nodiscard]] bool wants_more() const noexcept { return details().needs_more; }
  /// What it says for the proxy under that key (Allow::route).
  [[nodiscard]] std::optional<std::string_view> routing(std::string_view key) const noexcept;
  /// What the chunk is replaced by; empty text drops it, nothing leaves it as it is.
  [[nodiscard]] const std::optional<std::string>& replaced_body() const noexcept { return details().replacement; }

  /// The call that made this decision one which an answer to such an event cannot honour; empty where all is well.
  [[nodiscard]] std::string_view misfit(wire::FrameType event) const noexcept {
    return is_bare() ? std::string_view{} : misfit_of_details(event);
  }

  /// The response to `event` for the wire; borrows this decision and `arena`. Complexity: linear in what it says; a
  /// bare allow or block takes nothing of the arena.
  [[nodiscard]] wire::AgentResponse response(const wire::ReplyTo& event, base::Arena& arena) const;

 private:
  [[nodiscard]] std::string_view misfit_of_details(wire::FrameType event) const noexcept;
  [[nodiscard]] wire::Decision verdict(base::Arena& arena) const;
};

}  // namespace picket::agent
