#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A KDL 2 document as plain values, each with the place it came from. Values own their text: a document outlives its
/// source. Thread safety: as any value. https://kdl.dev/spec
namespace picket::kdl {

/// Where something stands: bytes [begin, end) of one source. `file` is whatever number the caller gave to parse().
/// A place, not a view: whoever shows it needs the source.
struct Span {
  std::uint32_t file = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  friend bool operator==(const Span&, const Span&) = default;
};

/// What is wrong at a place, and what to do about it. For people, and for editors that show where: docs of programs say
/// what to do in `hint`.
struct Error {
  Span at;
  std::string message;
  std::string hint;  ///< May be empty.
};

/// Errors of one document that are told; after so many its rest is not looked at.
inline constexpr std::size_t max_errors = 50;

/// A number of any size, in its simplest decimal form: "-12", "1.5", "1.0E-10", "#inf", "#-inf", "#nan". Text and not a
/// double: nothing of what the file says is lost before somebody knows what type is wanted.
struct Number {
  std::string text;

  [[nodiscard]] bool is_integer() const noexcept;
  /// A number of JSON: any but the three keywords.
  [[nodiscard]] bool is_finite() const noexcept { return text.front() != '#'; }
  /// Empty where it is no integer or does not fit. "1.0" and "1E+3" are no integers here, whatever their value.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  [[nodiscard]] std::optional<std::uint64_t> as_uint64() const noexcept;
  /// Empty where it does not fit: 1E+1000.
  [[nodiscard]] std::optional<double> as_double() const noexcept;
  friend bool operator==(const Number&, const Number&) = default;
};

/// Text, its escapes resolved.
struct String {
  std::string text;
  bool raw = false;       ///< Written as #"…"#: meant literally.
  bool expanded = false;  ///< For whoever replaces parts of it: it is no longer what the file says.
  friend bool operator==(const String&, const String&) = default;
};

struct Null {
  friend bool operator==(Null, Null) = default;
};

/// The name of a node or property, or a type annotation.
struct Name {
  std::string text;
  Span at;
};

/// An argument or a property's value, with its type annotation: (type)value.
///
///   const auto* const text = value.get<kdl::String>();
///   if (text == nullptr) report(value.at, "this has to be text");
struct Value {
  std::variant<Null, bool, Number, String> data;
  std::optional<Name> type;
  Span at;  ///< The value itself, without its type.

  /// Null where it is of another type. T is one of Null, bool, Number, String.
  template <class T>
  [[nodiscard]] const T* get() const noexcept {
    return std::get_if<T>(&data);
  }
};

/// One of a node's properties: name=value.
struct Property {
  Name name;
  Value value;
};

/// One node and all below it: `name argument property=value { children }`.
///
///   upstream "app" weight=2 {     // one argument, one property
///       target "127.0.0.1:9000"   // a child
///   }
///
/// Numbers keep what is written, whatever fits into a machine's; places lead back to the file, for whoever has
/// something to say about it. Lifetime: it owns its text. Thread safety: a value. Source: KDL 2.0.0, "Components".
struct Node {
  Name name;
  std::optional<Name> type;
  std::vector<Value> arguments;
  std::vector<Property> properties;  ///< All, in file order; where a name is repeated the last one counts in KDL.
  std::vector<Node> children;
  bool has_block = false;  ///< A { } was written, be it empty.
  bool broken = false;     ///< Something is wrong with it, and told: what is here may be incomplete.
};

}  // namespace picket::kdl
