#include "tests/conformance/difference.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "picket/wire/codec.hpp"
#include "picket/wire/internal/base64.hpp"
#include "tests/conformance/shared.hpp"

namespace picket::conformance {
namespace {

using wire::Member;
using wire::Value;

std::optional<double> number(const Value& value) {
  if (const auto* const integer = value.get<std::int64_t>()) return static_cast<double>(*integer);
  if (const auto* const large = value.get<std::uint64_t>()) return static_cast<double>(*large);
  if (const auto* const real = value.get<double>()) return *real;
  return {};
}

bool same_scalar(const Value& a, const Value& b) {
  if (a == b) return true;
  // Where the reference says float and we say integer, or the reverse, the number counts.
  const bool both_integers = a.get<double>() == nullptr && b.get<double>() == nullptr;
  return !both_integers && number(a) && number(a) == number(b);
}

class Comparison {
 public:
  Comparison(std::string_view message, std::span<const Exception> exceptions)
      : message_(message), exceptions_(exceptions) {}

  void compare(const std::string& path, const Value& expected, const Value& got) {
    if (excepted(path)) return;
    const auto* const members = expected.get<Value::Object>();
    const auto* const others = got.get<Value::Object>();
    if (members != nullptr && others != nullptr) return compare_objects(path, expected, got);
    const auto* const list = expected.get<Value::List>();
    const auto* const other_list = got.get<Value::List>();
    if (list != nullptr && other_list != nullptr && list->size() == other_list->size()) {
      for (std::size_t i = 0; i < list->size(); ++i)
        compare(fmt::format("{}/{}", path, i), (*list)[i], (*other_list)[i]);
      return;
    }
    if (!same_scalar(expected, got))
      found_.push_back(fmt::format("{}: expected {}, got {}", path, to_json(expected), to_json(got)));
  }

  std::vector<std::string> found() && { return std::move(found_); }

 private:
  void compare_objects(const std::string& path, const Value& expected, const Value& got) {
    static const Value nothing{};
    const auto or_nothing = [](const Value* value) -> const Value& { return value == nullptr ? nothing : *value; };
    for (const Member& member : *expected.get<Value::Object>())
      compare(fmt::format("{}/{}", path, member.name), member.value, or_nothing(got.find(member.name)));
    for (const Member& member : *got.get<Value::Object>())
      if (expected.find(member.name) == nullptr)
        compare(fmt::format("{}/{}", path, member.name), nothing, member.value);
  }
  bool excepted(const std::string& path) const {
    return std::ranges::any_of(exceptions_, [&](const Exception& exception) {
      return exception.message == message_ && exception.path == path;
    });
  }

  std::string_view message_;
  std::span<const Exception> exceptions_;
  std::vector<std::string> found_;
};

}  // namespace

std::vector<std::string> differences(const Value& expected, const Value& got, std::string_view message,
                                     std::span<const Exception> exceptions) {
  Comparison comparison{message, exceptions};
  comparison.compare("", expected, got);
  return std::move(comparison).found();
}

Value plain(const Value& view, base::Arena& arena) {
  if (const auto* const list = view.get<Value::List>()) {
    const auto items = arena.allocate_array<Value>(list->size());
    std::ranges::transform(*list, items.begin(), [&](const Value& item) { return plain(item, arena); });
    return {Value::List{items}};
  }
  const auto* const members = view.get<Value::Object>();
  if (members == nullptr) return view;
  if (members->size() == 1) {
    const auto& [name, value] = members->front();
    if (name == "$f32" || name == "$f64") return value;
    if (name == "$bin") {
      const std::string bytes = from_hex(*value.get<std::string_view>());
      std::string text(wire::internal::base64_size(bytes.size()), '\0');
      wire::internal::encode_base64(base::as_bytes(bytes), text.data());
      return {arena.copy(std::string_view{text})};
    }
  }
  const auto copies = arena.allocate_array<Member>(members->size());
  std::ranges::transform(*members, copies.begin(),
                         [&](const Member& member) { return Member{member.name, plain(member.value, arena)}; });
  return {Value::Object{copies}};
}

}  // namespace picket::conformance
