#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "picket/base/arena.hpp"
#include "picket/wire/codec.hpp"
#include "picket/wire/internal/description.hpp"
#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/json_reader.hpp"

/// From bytes to descriptions: one set of templates for both readers. Every function returns false after the reader's
/// error is set.
namespace picket::wire::internal {

/// A reader and what was found on the way that belongs elsewhere.
template <class Reader>
struct Source {
  Reader& reader;
  Text response_id = {};  ///< audit.custom.correlation_id
};

// ---- scalars

template <class S>
bool read(S& source, bool& value) {
  return source.reader.read(value);
}
template <class S, std::unsigned_integral T>
bool read(S& source, T& value) {
  std::uint64_t wide = 0;
  if (!source.reader.read_unsigned(wide, std::numeric_limits<T>::max())) return false;
  value = static_cast<T>(wide);
  return true;
}
template <class S, std::signed_integral T>
bool read(S& source, T& value) {
  std::int64_t wide = 0;
  if (!source.reader.read_signed(wide, std::numeric_limits<T>::min(), std::numeric_limits<T>::max())) return false;
  value = static_cast<T>(wide);
  return true;
}
template <class S, std::floating_point T>
bool read(S& source, T& value) {
  double wide = 0;
  if (!source.reader.read_double(wide)) return false;
  value = static_cast<T>(wide);
  return true;
}
template <class S>
bool read(S& source, Text& value) {
  return source.reader.read_text(value);
}
template <class S>
bool read(S& source, base::ByteView& value) {
  return source.reader.read_bytes(value);
}
template <class S>
bool read(S& source, Value& value) {
  return source.reader.read_value(value);
}

template <class S, class T>
bool read_name(S& source, T& value, Text word) {
  const auto& names = EnumNames<T>::names;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] != word) continue;
    value = static_cast<T>(i);
    return true;
  }
  std::string all;
  for (const auto name : names) all.append(all.empty() ? "" : ", ").append(name);
  return source.reader.fail("'" + std::string{word} + "' where one of these is expected: " + all + ";");
}
template <class S, class T>
  requires requires { EnumNames<T>::names; }
bool read(S& source, T& value) {
  Text word;
  return source.reader.read_text(word) && read_name(source, value, word);
}
template <class S>
bool read(S& source, FrameType& value) {
  std::uint64_t number = 0;
  if (!source.reader.read_unsigned(number, 0xFF)) return false;
  value = static_cast<FrameType>(number);
  return true;
}
template <class S>
bool read(S& source, CancelReason& value) {
  std::uint64_t number = 0;
  if (!source.reader.read_unsigned(number, static_cast<std::uint64_t>(CancelReason::manual))) return false;
  value = static_cast<CancelReason>(number);
  return true;
}
/// A number, or one as text: how JSON writes infinity.
template <class S>
bool read(S& source, UpperBound& bound) {
  if (source.reader.peek() == Kind::text) {
    Text word;
    if (!source.reader.read_text(word)) return false;
    if (word.starts_with('+')) word.remove_prefix(1);
    const char* const end = word.data() + word.size();
    if (const auto parsed = std::from_chars(word.data(), end, bound.value);
        parsed.ec != std::errc{} || parsed.ptr != end)
      return source.reader.fail("expected a number or \"+Inf\"");
  } else if (!source.reader.read_double(bound.value)) {
    return false;
  }
  const bool in_order = bound.value > -std::numeric_limits<double>::infinity();  // false for NaN, too
  return in_order || source.reader.fail("a bucket without an upper bound");
}

// ---- declared before use: containers and structs contain each other

template <class S, Described T>
bool read(S& source, T& message);
template <class S>
bool read(S& source, Decision& decision);
template <class S>
bool read(S& source, ConfigUpdate& update);
template <class S>
bool read(S& source, WebSocketDecision& decision);
template <class S>
bool read(S& source, HeaderOp& op);
template <class S>
bool read(S& source, Headers& headers);

// ---- containers

template <class S, class T>
bool read(S& source, std::span<const T>& items) {
  if (source.reader.read_empty_array()) {
    items = {};
    return true;
  }
  typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
  base::ArenaList<T> list{source.reader.arena()};
  if (!source.reader.begin_array(cursor)) return false;
  while (source.reader.next_element(cursor)) {
    T item{};
    if (!read(source, item)) return false;
    list.push_back(item);
  }
  items = list.items();
  return source.reader.ok();
}

/// Calls `use(key)` for each member, which reads its value.
template <class S, class Use>
bool read_members(S& source, Use&& use) {
  typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
  Text key;
  if (!source.reader.begin_object(cursor)) return false;
  while (source.reader.next_member(cursor, key))
    if (!use(key)) return false;
  return source.reader.ok();
}

/// The same for a struct's members: a key may also be the field's number, as some MessagePack writers put it.
template <class S, class Use>
bool read_struct_members(S& source, std::span<const Text> names, Use&& use) {
  typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
  Text key;
  if (!source.reader.begin_object(cursor)) return false;
  while (source.reader.next_field(cursor, names, key))
    if (!use(key)) return false;
  return source.reader.ok();
}

template <class S>
bool read(S& source, TextMap& map) {
  if (source.reader.read_empty_object()) {
    map = {};
    return true;
  }
  base::ArenaList<TextPair> list{source.reader.arena()};
  const bool ok = read_members(source, [&](Text key) {
    TextPair pair{key, {}};
    if (!source.reader.read_text(pair.value)) return false;
    list.push_back(pair);
    return true;
  });
  map = list.items();
  return ok;
}
/// Whom an answer that names two is for cannot be told, and must not be guessed.
template <class S>
bool fail_two_exchanges(S& source) {
  return source.reader.fail("one correlation_id, not two that differ, at the top and in audit.custom");
}
template <class S>
bool read(S& source, std::span<const Member>& members) {
  base::ArenaList<Member> list{source.reader.arena()};
  const bool ok = read_members(source, [&](Text key) {
    Member member{key, {}};
    if (!source.reader.read_value(member.value)) return false;
    const auto* const text = member.value.template get<Text>();
    if (key == "correlation_id" && text != nullptr) {
      if (!source.response_id.empty() && source.response_id != *text) return fail_two_exchanges(source);
      source.response_id = *text;
    } else {
      list.push_back(member);
    }
    return true;
  });
  members = list.items();
  return ok;
}
template <class S>
bool read(S& source, Headers& headers) {
  base::ArenaList<Header> list{source.reader.arena()};
  list.reserve(24);
  const bool ok = read_members(source, [&](Text key) {
    if (Header header{key, {}}; source.reader.read_only_header_value(header.value)) [[likely]] {
      list.push_back(header);
      return true;
    }
    typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
    if (!source.reader.begin_array(cursor)) return false;
    while (source.reader.next_element(cursor)) {
      Header header{key, {}};
      if (!source.reader.read_header_value(header.value)) return false;
      list.push_back(header);
    }
    return source.reader.ok();
  });
  headers = Headers{list.items()};
  return ok;
}

// ---- structs

template <Presence P, class S, class T>
bool read_present(S& source, T& value) {
  if constexpr (is_optional<T>) {
    // An extension that is nothing is left out; null is refused, as the reference does with `encoding`.
    if (P != Presence::extension && source.reader.peek() == Kind::null) {
      value.reset();
      return source.reader.read_null();
    }
    return read(source, value.emplace());
  } else {
    return read(source, value);
  }
}

template <class T>
[[nodiscard]] constexpr auto field_names() {
  return std::apply([](const auto&... field) { return std::array<Text, sizeof...(field)>{field.name...}; },
                    Description<T>::fields);
}
template <class T>
[[nodiscard]] constexpr std::uint64_t required_fields() {
  std::uint64_t mask = 0;
  std::uint64_t bit = 1;
  const auto one = [&]<class F>(const F&) {
    if (F::presence == Presence::required) mask |= bit;
    bit <<= 1;
  };
  std::apply([&](const auto&... field) { (one(field), ...); }, Description<T>::fields);
  return mask;
}

/// Reads the value of field number `index`.
template <class S, Described T>
bool read_field(S& source, T& message, std::size_t index) {
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    bool ok = false;
    [[maybe_unused]] const auto one = [&](const auto& field) {
      return read_present<std::remove_cvref_t<decltype(field)>::presence>(source, message.*field.member);
    };
    (void)((index == I ? (ok = one(std::get<I>(Description<T>::fields)), true) : false) || ...);
    return ok;
  }(std::make_index_sequence<field_count<T>>{});
}

template <class S, Described T>
bool check_required(S& source, const T&, std::uint64_t seen) {
  constexpr std::uint64_t required = required_fields<T>();
  const std::uint64_t missing = required & ~seen;
  if (missing == 0) return true;
  return source.reader.fail("the field '" +
                            std::string{field_names<T>()[static_cast<std::size_t>(std::countr_zero(missing))]} +
                            "' is missing");
}

/// The fields in their order: how MessagePack peers write structs; the reference takes it in JSON, too.
template <class S, Described T>
bool read_positional(S& source, T& message) {
  typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
  if (!source.reader.begin_array(cursor)) return false;
  std::size_t read_so_far = 0;
  const auto one = [&]<std::size_t index>(std::integral_constant<std::size_t, index>) {
    if (read_so_far != index || !source.reader.next_element(cursor)) return true;
    constexpr auto field = std::get<index>(Description<T>::fields);
    ++read_so_far;
    return read_present<decltype(field)::presence>(source, message.*field.member);
  };
  const bool all_read = [&]<std::size_t... index>(std::index_sequence<index...>) {
    return (one(std::integral_constant<std::size_t, index>{}) && ...);
  }(std::make_index_sequence<field_count<T>>{});
  if (!all_read || !source.reader.ok()) return false;
  if (read_so_far == field_count<T> && source.reader.next_element(cursor))
    return source.reader.fail("an array with too many elements");
  return source.reader.ok() && check_required(source, message, (std::uint64_t{1} << read_so_far) - 1);
}

template <class S>
bool fail_twice(S& source, Text key) {
  return source.reader.fail("the field '" + std::string{key} + "' stands twice");
}

/// Reads a member if it is one of T's fields, else skips it. `expected` is where the name most likely stands.
template <class S, Described T>
bool read_member(S& source, T& message, Text key, std::size_t& expected, std::uint64_t& seen) {
  static constexpr auto names = field_names<T>();
  std::size_t index = expected;
  if (index >= names.size() || names[index] != key)
    for (index = 0; index < names.size() && names[index] != key;) ++index;
  if (index == names.size()) return source.reader.skip();
  if ((seen >> index & 1) != 0) return fail_twice(source, key);
  seen |= std::uint64_t{1} << index;
  expected = index + 1;
  return read_field(source, message, index);
}

/// The fields in their order, as peers write structs: each is looked for where it would stand. What stands otherwise is
/// left.
template <class S, Described T, class Cursor>
bool read_usual_order(S& source, T& message, Cursor& cursor, std::uint64_t& seen) {
  const auto one = [&]<std::size_t index>(std::integral_constant<std::size_t, index>) {
    if (!source.reader.next_is(cursor, field_name<T, index>)) return true;
    constexpr auto field = std::get<index>(Description<T>::fields);
    seen |= std::uint64_t{1} << index;
    return read_present<decltype(field)::presence>(source, message.*field.member);
  };
  if constexpr (std::is_same_v<T, RequestHeaders>) {
    // In JSON a request's head carries the id at the top, too.
    constexpr FieldName<14> id{"correlation_id"};
    if (source.reader.next_is(cursor, id) && !source.reader.skip()) return false;
  }
  return [&]<std::size_t... index>(std::index_sequence<index...>) {
    return (one(std::integral_constant<std::size_t, index>{}) && ...);
  }(std::make_index_sequence<field_count<T>>{});
}

template <class S, Described T>
bool read_named(S& source, T& message) {
  typename std::remove_reference_t<decltype(source.reader)>::Cursor cursor;
  std::size_t expected = 0;
  std::uint64_t seen = 0;
  if (!source.reader.begin_object(cursor) || !read_usual_order(source, message, cursor, seen)) return false;
  static constexpr auto names = field_names<T>();
  Text key;
  while (source.reader.next_field(cursor, names, key))
    if (!read_member(source, message, key, expected, seen)) return false;
  return source.reader.ok() && check_required(source, message, seen);
}

template <class S, Described T>
bool read(S& source, T& message) {
  if constexpr (field_count<T> != 0) {
    if (source.reader.peek() == Kind::array) return read_positional(source, message);
  }
  return read_named(source, message);
}

// ---- unions

/// {"name": value} with exactly one member. `use(name)` reads the value.
template <class S, class Use>
bool read_tagged(S& source, Use&& use) {
  bool any = false;
  const bool ok = read_members(source, [&](Text key) {
    if (std::exchange(any, true)) return source.reader.fail("an object with one member is expected here");
    return use(key);
  });
  return ok && (any || source.reader.fail("an object with one member is expected here"));
}

template <class S>
bool read(S& source, Decision& decision) {
  Text word;
  switch (source.reader.peek()) {
    case Kind::text:
      decision = Allow{};
      return source.reader.read_text(word) &&
             (word == "allow" || source.reader.fail("'" + std::string{word} + "' is no decision"));
    case Kind::number: {
      std::uint64_t index = 0;
      decision = Allow{};
      return source.reader.read_unsigned(index, 0);  // the position of "allow", as some MessagePack writers put it
    }
    default: break;
  }
  return read_tagged(source, [&](Text name) {
    if (name == "allow") {
      decision = Allow{};
      return source.reader.read_null();
    }
    if (name == "block") return read(source, decision.emplace<Block>());
    if (name == "redirect") return read(source, decision.emplace<Redirect>());
    if (name == "challenge") return read(source, decision.emplace<Challenge>());
    return source.reader.fail("'" + std::string{name} + "' is no decision");
  });
}

template <class S>
bool read(S& source, WebSocketDecision& decision) {
  if (source.reader.peek() == Kind::text) return read(source, decision.emplace<WebSocketVerdict>());
  return read_tagged(source, [&](Text name) {
    if (name == "close") return read(source, decision.emplace<WebSocketClose>());
    return read_name(source, decision.emplace<WebSocketVerdict>(), name) && source.reader.read_null();
  });
}

/// The fields of a header operation; `remove` has no value.
struct NameAndValue {
  Text name;
  Text value;
};
struct NameOnly {
  Text name;
};

}  // namespace picket::wire::internal

namespace picket::wire {
template <>
struct Description<internal::NameAndValue> {
  using T = internal::NameAndValue;
  static constexpr std::tuple fields{field("name", &T::name), field("value", &T::value)};
};
template <>
struct Description<internal::NameOnly> {
  static constexpr std::tuple fields{field("name", &internal::NameOnly::name)};
};
}  // namespace picket::wire

namespace picket::wire::internal {

template <class S>
bool read(S& source, HeaderOp& op) {
  return read_tagged(source, [&](Text name) {
    if (!read_name(source, op.kind, name)) return false;
    if (op.kind == HeaderOp::Kind::remove) {
      NameOnly fields;
      if (!read(source, fields)) return false;
      op.name = fields.name;
      return true;
    }
    NameAndValue fields;
    if (!read(source, fields)) return false;
    op.name = fields.name;
    op.value = fields.value;
    return true;
  });
}

/// The value of `type` may stand behind the fields that it decides about, so the object is looked through first.
template <class S>
bool read(S& source, ConfigUpdate& update) {
  auto ahead = source.reader;
  S scout{.reader = ahead};
  Text type;
  bool typed = false;
  const bool found = read_members(scout, [&](Text key) {
    if (key != "type") return ahead.skip();
    return (!std::exchange(typed, true) || fail_twice(scout, key)) && ahead.read_text(type);
  });
  if (!found) {
    source.reader = ahead;
    return false;
  }
  if (type == "request_reload") return read_named(source, update.emplace<RequestReload>());
  if (type == "rule_update") return read_named(source, update.emplace<RuleUpdate>());
  if (type == "list_update") return read_named(source, update.emplace<ListUpdate>());
  if (type == "restart_required") return read_named(source, update.emplace<RestartRequired>());
  if (type == "config_error") return read_named(source, update.emplace<ConfigError>());
  return source.reader.fail("'" + std::string{type} + "' is no kind of configuration update");
}

// ---- control messages with two forms (protocol.md §6)

template <class S, class T>
bool read_numbered(S& source, T& value) {
  std::uint64_t number = 0;
  if (!source.reader.read_unsigned(number, EnumNames<T>::names.size())) return false;
  if (number == 0) return source.reader.fail("expected an integer from 1");
  value = static_cast<T>(number - 1);
  return true;
}

template <class S>
bool read_action(S& source, FlowControl& flow) {
  if (source.reader.peek() == Kind::number) return read_numbered(source, flow.action);
  bool typed = false;
  return read_members(source,
                      [&](Text key) {
                        if (key == "type") {
                          typed = true;
                          return read(source, flow.action);
                        }
                        return key == "buffer_available" ? read(source, flow.buffer_available) : source.reader.skip();
                      }) &&
         (typed || source.reader.fail("the field 'type' is missing"));
}

template <class S>
bool read_state(S& source, HealthStatus& status) {
  if (source.reader.peek() == Kind::number) return read_numbered(source, status.state);
  bool typed = false;
  const bool ok = read_members(source, [&](Text key) {
    if (key == "status") {
      typed = true;
      return read(source, status.state);
    }
    if (key == "disabled_features") return read(source, status.disabled_features);
    if (key == "timeout_multiplier") return read(source, status.timeout_multiplier);
    if (key == "eta_ms") return read_present<Presence::nullable>(source, status.eta_ms);
    if (key == "reason") return read_present<Presence::nullable>(source, status.reason);
    if (key == "recoverable") return read(source, status.recoverable);
    return source.reader.skip();
  });
  return ok && (typed || source.reader.fail("the field 'status' is missing"));
}

/// A message one of whose fields decides about others: `name` is read by `use`, the rest as described.
template <class S, Described T, class Use>
bool read_with(S& source, T& message, Text name, Use&& use) {
  std::size_t expected = 0;
  std::uint64_t seen = 0;
  static constexpr auto names = field_names<T>();
  const auto special = static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  return read_struct_members(source, names,
                             [&](Text key) {
                               if (key != name) return read_member(source, message, key, expected, seen);
                               if ((seen >> special & 1) != 0) return fail_twice(source, key);
                               seen |= std::uint64_t{1} << special;
                               expected = special + 1;
                               return use();
                             }) &&
         check_required(source, message, seen);
}

/// A whole message.
template <class S, class T>
bool read_message(S& source, T& message) {
  if constexpr (std::is_same_v<T, FlowControl>) {
    return read_with(source, message, "action", [&] { return read_action(source, message); }) && source.reader.finish();
  } else if constexpr (std::is_same_v<T, HealthStatus>) {
    return read_with(source, message, "state", [&] { return read_state(source, message); }) && source.reader.finish();
  } else {
    if (!read(source, message) || !source.reader.finish()) return false;
    if constexpr (std::is_same_v<T, AgentResponse>) {
      const bool differ = !source.response_id.empty() && source.response_id != message.correlation_id;
      if (differ && !message.correlation_id.empty()) return fail_two_exchanges(source);
      if (differ) message.correlation_id = source.response_id;
    }
    return true;
  }
}

}  // namespace picket::wire::internal
