#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "picket/kdl/document.hpp"

/// The configuration's schema as data: for each block a table of its keys, and for each key what may stand behind it
/// and where that goes. Defaults are those of the structs that are filled. The tables are in tables.hpp, what reads by
/// them is in reader.hpp.
namespace picket::apps::gateway::config {

class Reader;

/// How often a key may stand in a block.
enum class Presence : std::uint8_t {
  once,          ///< Optional.
  required,      ///< Exactly once.
  many,          ///< Any number of times.
  at_least_one,  ///< Any number of times but none.
  unsupported,   ///< Part of the configuration language that is not built yet.
};

/// A key with its value, as a node with one argument or as a property.
struct Setting {
  std::string_view key;
  const kdl::Value* value;
};

/// A block to be read: its nodes, and how it is called in messages.
struct Block {
  std::string owner;  ///< `agent "waf"`
  kdl::Span at;       ///< Where something that is missing in it is reported.
  std::vector<const kdl::Node*> nodes;
};

/// One of the words that a setting takes; - and _ in them are the same.
struct Word {
  std::string_view name;
  int value = 0;
  enum Kind : std::uint8_t { normal, alias, unsupported } kind = normal;
};

/// A whole number of some unit.
template <class T>
struct NumberRule {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
  std::string_view unit;  ///< "ms", "s", "bytes"; empty for a count.
  void (*set)(T&, std::uint64_t) = nullptr;
  std::optional<std::uint64_t> (*get)(const T&) = nullptr;  ///< For the reference: the default of a fresh T.
};

/// One word of several.
template <class T>
struct ChoiceRule {
  std::span<const Word> words;
  void (*set)(T&, int) = nullptr;
  std::optional<int> (*get)(const T&) = nullptr;
};

/// #true or #false.
template <class T>
struct BooleanRule {
  void (*set)(T&, bool) = nullptr;
};

/// Any other single value; what reads it reports what is wrong with it.
template <class T>
struct ValueRule {
  void (*read)(Reader&, const Setting&, T&) = nullptr;
};

/// A block of keys of its own.
template <class T>
struct BlockRule {
  void (*read)(Reader&, const Block&, T&) = nullptr;
};

/// A node with arguments or properties in a form of its own.
template <class T>
struct NodeRule {
  void (*read)(Reader&, const kdl::Node&, T&) = nullptr;
};

struct NoRule {};

/// What a table says of a key whatever it fills.
struct KeyInfo {
  std::string_view name;
  Presence presence = Presence::once;
  std::string_view example = {};  ///< For keys that must be there.
};

template <class T>
struct Key : KeyInfo {
  std::variant<NoRule, NumberRule<T>, ChoiceRule<T>, BooleanRule<T>, ValueRule<T>, BlockRule<T>, NodeRule<T>> rule;
};

template <class T>
using Keys = std::span<const Key<T>>;

// What follows makes rules from paths of pointers to members: number<&Pool::connections_per_agent>(1, 256), and
// number<&AgentDraft::agent, &Agent::buffer_size>(…) for a member of a member.

template <auto Member>
struct MemberOf;
template <class T, class F, F T::* Member>
struct MemberOf<Member> {
  using Owner = T;
};

/// What a path of pointers to members leads to.
template <auto First, auto... Rest, class T>
constexpr auto& follow(T& owner) {
  if constexpr (sizeof...(Rest) == 0) {
    return owner.*First;
  } else {
    return follow<Rest...>(owner.*First);
  }
}

template <auto First, auto... Rest>
struct Path {
  using Owner = typename MemberOf<First>::Owner;
  using Field = std::remove_cvref_t<decltype(follow<First, Rest...>(std::declval<Owner&>()))>;
};

template <class T>
struct Unwrapped {
  using Type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> {
  using Type = T;
};
template <auto... Members>
using Owner = typename Path<Members...>::Owner;
/// The type of a member, or what it holds where it is an optional.
template <auto... Members>
using Content = typename Unwrapped<typename Path<Members...>::Field>::Type;

template <auto... Members>
std::optional<Content<Members...>> content(const Owner<Members...>& owner) {
  return follow<Members...>(owner);
}

template <auto... Members>
constexpr NumberRule<Owner<Members...>> number(std::uint64_t min, std::uint64_t max, std::string_view unit = {}) {
  using Owner = Owner<Members...>;
  return {
      min, max, unit,
      [](Owner& owner, std::uint64_t value) { follow<Members...>(owner) = static_cast<Content<Members...>>(value); },
      [](const Owner& owner) -> std::optional<std::uint64_t> { return content<Members...>(owner); }};
}

template <auto... Members>
constexpr BooleanRule<Owner<Members...>> boolean() {
  using Owner = Owner<Members...>;
  return {[](Owner& owner, bool value) { follow<Members...>(owner) = value; }};
}

/// A time, written in units of `Unit`; zero only where `min` says so.
template <class Unit, auto... Members>
constexpr NumberRule<Owner<Members...>> duration(std::uint64_t min, std::uint64_t max, std::string_view unit) {
  using Owner = Owner<Members...>;
  return {min, max, unit, [](Owner& owner, std::uint64_t value) { follow<Members...>(owner) = Unit(value); },
          [](const Owner& owner) -> std::optional<std::uint64_t> {
            const auto value = content<Members...>(owner);
            if (!value) return std::nullopt;
            return std::chrono::duration_cast<Unit>(*value).count();
          }};
}
template <auto... Members>
constexpr auto in_milliseconds(std::uint64_t max) {
  return duration<std::chrono::milliseconds, Members...>(1, max, "ms");
}
template <auto... Members>
constexpr auto in_seconds(std::uint64_t max, std::uint64_t min = 1) {
  return duration<std::chrono::seconds, Members...>(min, max, "s");
}

template <auto... Members>
constexpr ChoiceRule<Owner<Members...>> choice(std::span<const Word> words) {
  using Owner = Owner<Members...>;
  return {words, [](Owner& owner, int value) { follow<Members...>(owner) = static_cast<Content<Members...>>(value); },
          [](const Owner& owner) -> std::optional<int> {
            const auto value = content<Members...>(owner);
            if (!value) return std::nullopt;
            return static_cast<int>(*value);
          }};
}

}  // namespace picket::apps::gateway::config
