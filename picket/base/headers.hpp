#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ranges>
#include <span>
#include <string_view>
#include <type_traits>

namespace picket::base {

/// One header field as it stands on the wire. The name may have any case; encoders write it in lower case. The value is
/// bytes, which need not be UTF-8. Lifetime: borrows both; whoever hands it out says how long they stay.
struct Header {
  std::string_view name;
  std::string_view value;
  friend bool operator==(const Header&, const Header&) = default;
};

/// ASCII case-insensitive comparison of header names (RFC 9110 §5.1).
[[nodiscard]] bool same_name(std::string_view a, std::string_view b) noexcept;

/// Header fields in wire order: a flat view, no map. A name may stand there more than once.
///
///   const std::array<base::Header, 2> fields{{{"content-type", "text/plain"}, {"vary", "accept"}}};
///   const base::Headers headers{fields};  // `fields` must stay
///   if (const auto type = headers.find(base::header_names::content_type)) …
///
/// Thread safety: a view that nobody writes through. Lifetime: borrows the array and what it points to. Errors: none;
/// what is not there is not found. Complexity: find is a scan (20 headers fit in a few cache lines).
class Headers {
 public:
  constexpr Headers() noexcept = default;
  constexpr Headers(std::span<const Header> fields) noexcept : fields_(fields) {}
  /// Not of a temporary, which would be gone before they are read.
  template <class Range>
    requires(!std::is_lvalue_reference_v<Range> && !std::same_as<std::remove_cv_t<Range>, Headers> &&
             !std::ranges::borrowed_range<Range> && std::constructible_from<std::span<const Header>, Range>)
  /// `Headers{std::vector{…}}` does not compile; name the vector, and keep it.
  Headers(Range&&) = delete;

  [[nodiscard]] constexpr auto begin() const noexcept { return fields_.begin(); }
  [[nodiscard]] constexpr auto end() const noexcept { return fields_.end(); }
  [[nodiscard]] constexpr std::size_t size() const noexcept { return fields_.size(); }
  [[nodiscard]] constexpr bool empty() const noexcept { return fields_.empty(); }
  /// In wire order, i < size().
  [[nodiscard]] constexpr const Header& operator[](std::size_t i) const noexcept { return fields_[i]; }
  [[nodiscard]] constexpr std::span<const Header> fields() const noexcept { return fields_; }

  /// The first value of `name`, any case. Others may follow: a name that must be there once is to be count()ed.
  /// Lifetime: the value is a view of the field's. An empty value is found, and is empty.
  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const noexcept;
  /// How many fields have that name.
  [[nodiscard]] std::size_t count(std::string_view name) const noexcept;

 private:
  std::span<const Header> fields_;
};

/// A change to the fields of one head, in the order in which changes are applied: each sees what those before it left.
/// What may be changed is not decided here; a proxy refuses names and values that would change the message's framing.
/// Lifetime: borrows what it points to.
struct HeaderOp {
  enum class Kind : std::uint8_t {
    set,     ///< Takes the place of all fields of that name, or is added.
    add,     ///< One more field, whatever is there.
    remove,  ///< All fields of that name.
  };
  Kind kind = Kind::set;
  std::string_view name;
  std::string_view value;  ///< Empty for remove.
  friend bool operator==(const HeaderOp&, const HeaderOp&) = default;
};
///   const std::array<base::HeaderOp, 2> ops{{{base::HeaderOp::Kind::remove, "x-debug", {}},
///                                            {base::HeaderOp::Kind::set, "x-checked", "yes"}}};
using HeaderOps = std::span<const HeaderOp>;

}  // namespace picket::base
