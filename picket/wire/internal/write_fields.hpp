#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "picket/wire/codec.hpp"
#include "picket/wire/internal/description.hpp"
#include "picket/wire/internal/field_name.hpp"
#include "picket/wire/internal/field_runs.hpp"
#include "picket/wire/internal/repeated_names.hpp"

/// From descriptions to bytes: one set of templates for both writers.
namespace picket::wire::internal {

/// A writer and what the connection agreed on.
template <class Writer>
struct Sink {
  Writer& writer;
  const Format& format;
  bool arrays = false;    ///< Structs are arrays, without names: MessagePack.
  Text response_id = {};  ///< Goes into audit.custom of the response being written.
};

/// Written as an array; maps and bodies are spans, too.
template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::span<const T>> =
    !std::is_same_v<T, TextPair> && !std::is_same_v<T, Member> && !std::is_same_v<T, std::byte>;

template <class T>
concept Named = requires { EnumNames<T>::names; };

// ---- scalars

template <class S>
void write(S& sink, bool value) {
  sink.writer.boolean(value);
}
template <class S, std::unsigned_integral T>
void write(S& sink, T value) {
  sink.writer.unsigned_integer(value);
}
template <class S, std::signed_integral T>
void write(S& sink, T value) {
  sink.writer.signed_integer(value);
}
template <class S, std::floating_point T>
void write(S& sink, T value) {
  sink.writer.number(value);
}
template <class S>
void write(S& sink, Text value) {
  sink.writer.text(value);
}
template <class S>
void write(S& sink, base::ByteView value) {
  sink.writer.bytes(value);
}
template <class S>
void write(S& sink, const Value& value) {
  sink.writer.value(value);
}
template <class S, Named T>
void write(S& sink, T value) {
  sink.writer.text(EnumNames<T>::names[static_cast<std::size_t>(value)]);
}
template <class S>
void write(S& sink, FrameType value) {
  sink.writer.unsigned_integer(static_cast<std::uint8_t>(value));
}
template <class S>
void write(S& sink, CancelReason value) {
  sink.writer.unsigned_integer(static_cast<std::uint8_t>(value));
}
// The reference's decoder reads these two as integers that begin at 1 (protocol.md §6).
template <class S>
void write(S& sink, FlowAction value) {
  sink.writer.unsigned_integer(static_cast<std::uint64_t>(value) + 1);
}
template <class S>
void write(S& sink, HealthState value) {
  sink.writer.unsigned_integer(static_cast<std::uint64_t>(value) + 1);
}
template <class S>
void write(S& sink, UpperBound value) {
  std::isinf(value.value) ? sink.writer.text("+Inf") : sink.writer.number(value.value);
}

// ---- declared before use: containers and structs contain each other

template <class S, Described T>
void write(S& sink, const T& message);
template <class S>
void write(S& sink, const Decision& decision);
template <class S>
void write(S& sink, const ConfigUpdate& update);
template <class S>
void write(S& sink, const WebSocketDecision& decision);
template <class S>
void write(S& sink, const HeaderOp& op);
template <class S>
void write(S& sink, const Headers& headers);

// ---- containers

template <class S, class T>
void write(S& sink, const std::optional<T>& value) {
  if (value) {
    write(sink, *value);
  } else {
    sink.writer.null();
  }
}
template <class S, class T>
void write(S& sink, std::span<const T> items) {
  sink.writer.begin_array(items.size());
  for (const T& item : items) {
    sink.writer.element();
    write(sink, item);
  }
  sink.writer.end_array();
}
template <class S>
void write(S& sink, TextMap map) {
  sink.writer.begin_object(map.size());
  for (const TextPair& pair : map) {
    sink.writer.key(pair.key);
    sink.writer.text(pair.value);
  }
  sink.writer.end_object();
}
/// audit.custom: the peer's members and the id of the response (protocol.md §5).
template <class S>
void write(S& sink, std::span<const Member> members) {
  const bool with_id = !sink.response_id.empty();
  sink.writer.begin_object(members.size() + (with_id ? 1 : 0));
  for (const Member& member : members) {
    sink.writer.key(member.name);
    sink.writer.value(member.value);
  }
  if (with_id) {
    sink.writer.name("correlation_id");
    sink.writer.text(sink.response_id);
  }
  sink.writer.end_object();
}

/// The values of field `i` and of those that repeat its name.
template <class S>
void write_values(S& sink, const Headers& headers, std::size_t i, const RepeatedNames& names) {
  std::size_t values = 1;
  for (std::size_t j = names.next(i); j != 0; j = names.next(j)) ++values;
  sink.writer.begin_array(values);
  do {
    sink.writer.element();
    sink.writer.header_value(headers[i].value);
    i = names.next(i);
  } while (i != 0);
  sink.writer.end_array();
}

template <class S>
void write(S& sink, const Headers& headers) {
  const RepeatedNames names{headers};
  sink.writer.begin_object(headers.size() - names.count());
  for (std::size_t i = 0; i < headers.size();) {
    if (const std::size_t unique = names.unique_from(i, headers.size()); unique != 0) {
      i += sink.writer.header_fields(headers.fields().subspan(i, unique));
      continue;
    }
    if (!names.repeats(i)) {
      sink.writer.lower_case_key(headers[i].name);
      write_values(sink, headers, i, names);
    }
    ++i;
  }
  sink.writer.end_object();
}

// ---- unions

template <class S>
void write(S& sink, const Decision& decision) {
  if (std::holds_alternative<Allow>(decision)) return sink.writer.text("allow");
  sink.writer.begin_object(1);
  sink.writer.name(UnionNames<Decision>::names[decision.index()]);
  std::visit(
      [&]<class T>(const T& member) {
        if constexpr (!std::is_same_v<T, Allow>) write(sink, member);
      },
      decision);
  sink.writer.end_object();
}

template <class S>
void write(S& sink, const WebSocketDecision& decision) {
  if (const auto* const verdict = std::get_if<WebSocketVerdict>(&decision)) return write(sink, *verdict);
  sink.writer.begin_object(1);
  sink.writer.name("close");
  write(sink, std::get<WebSocketClose>(decision));
  sink.writer.end_object();
}

template <class S>
void write(S& sink, const HeaderOp& op) {
  const bool has_value = op.kind != HeaderOp::Kind::remove;
  sink.writer.begin_object(1);
  sink.writer.name(EnumNames<HeaderOp::Kind>::names[static_cast<std::size_t>(op.kind)]);
  if (sink.arrays) {
    sink.writer.begin_array(has_value ? 2 : 1);
    sink.writer.text(op.name);
    if (has_value) sink.writer.text(op.value);
    sink.writer.end_array();
  } else {
    sink.writer.begin_object(has_value ? 2 : 1);
    sink.writer.name("name");
    sink.writer.text(op.name);
    if (has_value) {
      sink.writer.name("value");
      sink.writer.text(op.value);
    }
    sink.writer.end_object();
  }
  sink.writer.end_object();
}

// ---- structs

template <class T>
[[nodiscard]] bool is_nothing(const T& value, const T& otherwise) {
  if constexpr (is_optional<T>)
    return !value;
  else if constexpr (requires { value.empty(); })
    return value.empty();
  else
    return value == otherwise;
}

template <Described T, class F>
[[nodiscard]] bool is_written(const T& message, const F& field) {
  if constexpr (F::presence == Presence::extension) {
    return !is_nothing(message.*field.member, T{}.*field.member);
  } else if constexpr (F::presence == Presence::omitted) {
    return (message.*field.member).has_value();
  } else {
    return true;
  }
}

template <std::size_t index, class S, Described T>
void write_named_field(S& sink, const T& message) {
  constexpr auto field = std::get<index>(Description<T>::fields);
  constexpr const auto& name = field_name<T, index>;
  if (!is_written(message, field)) return;
  const auto& value = message.*field.member;
  using Value = std::remove_cvref_t<decltype(value)>;
  // What most fields hold is written with its name in one step.
  if constexpr (std::is_same_v<Value, Text>) return sink.writer.text_field(name, value);
  if constexpr (std::is_same_v<Value, bool>) return sink.writer.boolean_field(name, value);
  if constexpr (is_optional<Value>) {
    if (!value) return sink.writer.null_field(name);
    if constexpr (std::is_same_v<Value, std::optional<Text>>) return sink.writer.text_field(name, *value);
  }
  if constexpr (is_list<Value>) {
    if (value.empty()) return sink.writer.empty_array_field(name);
  }
  if constexpr (std::is_same_v<Value, TextMap>) {
    if (value.empty()) return sink.writer.empty_object_field(name);
  }
  sink.writer.name(name);
  write(sink, value);
}

template <class S, Described T, std::size_t... index>
void write_members(S& sink, const T& message, std::index_sequence<index...> run) {
  if constexpr (sizeof...(index) > 1) {
    if (sink.writer.simple_members(message, run)) return;
  }
  (write_named_field<index>(sink, message), ...);
}

template <std::size_t index = 0, class S, Described T>
void write_named_fields(S& sink, const T& message) {
  if constexpr (index < field_count<T>) {
    constexpr auto run = FieldRun<T, index>{};
    write_members(sink, message, run);
    write_named_fields<index + run.size()>(sink, message);
  }
}

template <Described T>
[[nodiscard]] std::size_t count_named_fields(const T& message) {
  return std::apply(
      [&](const auto&... field) {
        return (std::size_t{0} + ... + static_cast<std::size_t>(is_written(message, field)));
      },
      Description<T>::fields);
}

template <class S, Described T, std::size_t... index>
void write_elements(S& sink, const T& message, std::index_sequence<index...> run) {
  if constexpr (sizeof...(index) > 1) {
    if (sink.writer.simple_elements(message, run)) return;
  }
  (write(sink, message.*std::get<index>(Description<T>::fields).member), ...);
}

template <std::size_t index, class S, Described T>
void write_elements_from(S& sink, const T& message, std::size_t size) {
  if constexpr (index < field_count<T>) {
    if (index >= size) return;
    constexpr auto run = FieldRun<T, index>{};
    if constexpr (requires { Description<T>::core_fields; })
      static_assert(index >= Description<T>::core_fields || index + run.size() <= Description<T>::core_fields);
    write_elements(sink, message, run);
    write_elements_from<index + run.size()>(sink, message, size);
  }
}

template <class S, Described T>
void write_array(S& sink, const T& message) {
  std::size_t size = field_count<T>;
  if constexpr (requires { Description<T>::core_fields; }) {
    if (!sink.format.event_reply) size = Description<T>::core_fields;
  }
  sink.writer.begin_array(size);
  write_elements_from<0>(sink, message, size);
  sink.writer.end_array();
}

template <class S, Described T>
void write(S& sink, const T& message) {
  if constexpr (!requires { Description<T>::always_named; }) {
    if (sink.arrays) return write_array(sink, message);
  }
  std::size_t extra = 0;
  // In JSON a request's head carries the id at the top, too, as every other event does.
  if constexpr (std::is_same_v<T, RequestHeaders>) extra = 1;
  sink.writer.begin_object(count_named_fields(message) + extra);
  if constexpr (std::is_same_v<T, RequestHeaders>) {
    static_assert(field_name<RequestMetadata, 0>.plain() == "correlation_id");
    if (!sink.writer.simple_members(message.metadata, std::index_sequence<0>{}))
      sink.writer.text_field(field_name<RequestMetadata, 0>, message.metadata.correlation_id);
  }
  write_named_fields(sink, message);
  sink.writer.end_object();
}

/// Internally tagged: the member's fields beside its name, as a map in both encodings.
template <class S>
void write(S& sink, const ConfigUpdate& update) {
  std::visit(
      [&](const auto& member) {
        sink.writer.begin_object(count_named_fields(member) + 1);
        sink.writer.name("type");
        sink.writer.text(UnionNames<ConfigUpdate>::names[update.index()]);
        write_named_fields(sink, member);
        sink.writer.end_object();
      },
      update);
}

/// A whole message.
template <class S, class T>
void write_message(S& sink, const T& message) {
  if constexpr (std::is_same_v<T, AgentResponse>) {
    sink.response_id = message.correlation_id;
    if (!sink.format.event_reply && message.reply_to) {
      AgentResponse plain = message;
      plain.reply_to.reset();
      return write(sink, plain);
    }
  }
  write(sink, message);
}

}  // namespace picket::wire::internal
