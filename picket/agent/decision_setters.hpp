#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "picket/wire/messages.hpp"

/// What the classes of decision.hpp have in common. Each setter is there twice: on an object that stays it gives the
/// object back, on a temporary it gives the temporary on, so that a chain can be returned without a copy.
///
/// Thread safety: values. Lifetime: a decision owns its text. Errors: none of the setters checks what it is given; the
/// proxy does, and takes an answer that it cannot honour for a failure of the agent (protocol.md §5).
namespace picket::agent {

namespace internal {

/// What any decision holds. Few say more than their kind and status: a plain allow or block is made, moved and gone
/// without touching memory.
///
/// Thread safety: a value. Complexity: the first thing that is said beside kind and status allocates the place for all;
/// moving is O(1), copying is linear in what was said.
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
  /// One change of a head, as the wire has it, with text of its own.
  struct Op {
    wire::HeaderOp::Kind kind;
    std::string name;
    std::string value;
  };
  /// The end of a WebSocket connection: a code of RFC 6455 §7.4, and words of at most 123 bytes (§5.5).
  struct Close {
    std::uint16_t code;
    std::string reason;
  };
  /// What few decisions say. Lists are in the order of the calls.
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
  /// To be read; of a bare decision one that says nothing.
  [[nodiscard]] const Details& details() const noexcept;
  /// To be added to.
  [[nodiscard]] Details& detailed();

 private:
  Kind kind_;
  std::uint16_t status_;
  std::unique_ptr<Details> details_;
};

template <class Self>
class Answering;

/// What every decision may say for the audit log. `Self` is the class that the setters give back, so that a chain ends
/// as what it began with. None of it changes what becomes of the exchange, and the client sees none of it.
///
/// Thread safety: a value.
template <class Self>
class Audited : public DecisionData {
 public:
  /// A word to find the exchange by in the audit log. Each call adds one, here and below; the same word twice is there
  /// twice.
  Self& tag(std::string tag) & { return added(detailed().tags, std::move(tag)); }
  Self&& tag(std::string tag) && { return std::move(this->tag(std::move(tag))); }
  /// The id of a rule that matched, as the agent's own documents name it.
  Self& rule(std::string id) & { return added(detailed().rules, std::move(id)); }
  Self&& rule(std::string id) && { return std::move(this->rule(std::move(id))); }
  /// Why, as a code for machines ("rate_limit"): what is counted and alerted on, where the rule's id is too fine.
  Self& reason(std::string code) & { return added(detailed().reasons, std::move(code)); }
  Self&& reason(std::string code) && { return std::move(this->reason(std::move(code))); }
  /// How sure the agent is. Units: 0, a guess, to 1, certain. The last call counts; without one nothing is said of it.
  Self& confidence(float value) & {
    detailed().confidence = value;
    return self();
  }
  Self&& confidence(float value) && { return std::move(this->confidence(value)); }
  /// A text in audit.custom, for what has no place of its own. `key` should come once: the wire has it as a map.
  Self& note(std::string key, std::string value) & { return added(detailed().notes, std::move(key), std::move(value)); }
  Self&& note(std::string key, std::string value) && { return std::move(this->note(std::move(key), std::move(value))); }

 protected:
  [[nodiscard]] Self& self() noexcept { return static_cast<Self&>(*this); }
  template <class List, class... Parts>
  Self& added(List& list, Parts&&... parts) {
    list.emplace_back(std::forward<Parts>(parts)...);
    return self();
  }

 private:
  friend Self;
  friend class Answering<Self>;
  explicit Audited(Kind kind, std::uint16_t status = 0) noexcept : DecisionData(kind, status) {}
  explicit Audited(DecisionData&& data) noexcept : DecisionData(std::move(data)) {}
};

/// What every decision about a request or a response may do to the headers of the answer that the client gets: the
/// upstream's where it allows, the refusal's where it does not. In the order of the calls.
///
/// Errors: the proxy refuses an answer with a name or value that HTTP does not have, with a header of the connection or
/// of the message's framing, or with more than 256 operations or 64 KiB (protocol.md §5).
template <class Self>
class Answering : public Audited<Self> {
 public:
  /// Takes the place of all fields of that name; makes one where there is none. Names that an application takes for
  /// one, such as x_user and X-User, are one name here.
  Self& set_response_header(std::string name, std::string value) & {
    return operate(wire::HeaderOp::Kind::set, std::move(name), std::move(value));
  }
  Self&& set_response_header(std::string name, std::string value) && {
    return std::move(this->set_response_header(std::move(name), std::move(value)));
  }
  /// One more field; those of the same name stay. For set-cookie and other headers that may come several times.
  Self& add_response_header(std::string name, std::string value) & {
    return operate(wire::HeaderOp::Kind::add, std::move(name), std::move(value));
  }
  Self&& add_response_header(std::string name, std::string value) && {
    return std::move(this->add_response_header(std::move(name), std::move(value)));
  }
  /// All fields of that name, as set_response_header() takes names.
  Self& remove_response_header(std::string name) & {
    return operate(wire::HeaderOp::Kind::remove, std::move(name), {});
  }
  Self&& remove_response_header(std::string name) && {
    return std::move(this->remove_response_header(std::move(name)));
  }

 private:
  friend Self;
  explicit Answering(DecisionData::Kind kind, std::uint16_t status = 0) noexcept : Audited<Self>(kind, status) {}
  Self& operate(wire::HeaderOp::Kind kind, std::string name, std::string value) {
    this->detailed().response_ops.push_back({kind, std::move(name), std::move(value)});
    return this->self();
  }
};

}  // namespace internal

}  // namespace picket::agent
