#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <type_traits>
#include <variant>

#include "picket/base/arena.hpp"
#include "picket/wire/internal/description.hpp"

namespace picket::wire::testing {

/// Random messages, made from their descriptions: everything a message may hold that comes back from its encoding as
/// it was. Lifetime: what it returns lives in the arena. Deterministic in the seed.
class Generator {
 public:
  /// What only some encodings carry.
  struct Options {
    bool any_bytes = false;    ///< Header values need not be UTF-8: the extension raw-bytes, and protobuf.
    bool grpc_fields = false;  ///< Protobuf.
  };
  Generator(std::uint64_t seed, base::Arena& arena, Options options)
      : random_(seed), arena_(&arena), options_(options) {}

  template <class Message>
  [[nodiscard]] Message message() {
    Message result;
    fill(result);
    return result;
  }

 private:
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  [[nodiscard]] bool one_in(std::uint64_t n) { return below(n) == 0; }

  /// Mostly short; sometimes as long as the next form of a length needs.
  [[nodiscard]] std::size_t length() {
    switch (below(40)) {
      case 0: return 250 + below(12);
      case 1: return below(70);
      case 2: return 4090 + below(20);
      case 3: return one_in(20) ? 65530 + below(12) : 31 + below(2);
      default: return below(20);
    }
  }
  [[nodiscard]] std::size_t count() { return one_in(30) ? 14 + below(4) : below(4); }

  [[nodiscard]] Text text() {
    using namespace std::string_view_literals;
    static constexpr std::array odd{"\""sv,           "\\"sv,           "\n"sv,
                                    "\x01"sv,         "\0"sv,           "\x7F"sv,
                                    "\xC2\x80"sv,     "\xE2\x9C\x93"sv, "\xF0\x9F\x98\x80"sv,
                                    "\xED\x9F\xBF"sv, "\xEF\xBF\xBD"sv, "/"sv};
    const std::size_t size = length();
    const bool plain = !one_in(4);
    std::string made;
    while (made.size() < size) {
      if (!plain && one_in(6)) {
        made += odd[below(odd.size())];
      } else {
        made += static_cast<char>(' ' + below(95));
      }
    }
    return arena_->copy(std::string_view{made});
  }
  [[nodiscard]] base::ByteView bytes() {
    const std::size_t size = length();
    auto made = arena_->allocate_array<std::byte>(size);
    for (auto& byte : made) byte = static_cast<std::byte>(random_());
    return made;
  }

  void fill(bool& value) { value = one_in(2); }
  template <class T>
    requires std::is_integral_v<T>
  void fill(T& value) {
    const unsigned bits = static_cast<unsigned>(below(sizeof(T) * 8 + 1));  // every width alike
    const std::uint64_t any = bits == 0 ? 0 : random_() >> (64 - bits);
    value = static_cast<T>(any);
    if constexpr (std::is_signed_v<T>) value = one_in(2) ? static_cast<T>(-1 - value) : value;
  }
  void fill(float& value) { value = static_cast<float>(static_cast<std::int64_t>(below(2000001)) - 1000000) / 1024.0F; }
  void fill(double& value) {
    value = one_in(3) ? static_cast<double>(below(1000))
                      : std::ldexp(static_cast<double>(random_()), static_cast<int>(below(900)) - 500);
    if (one_in(2)) value = -value;
  }
  void fill(Text& value) { value = text(); }
  void fill(base::ByteView& value) { value = bytes(); }
  void fill(UpperBound& bound) {
    if (one_in(4)) {
      bound.value = std::numeric_limits<double>::infinity();
    } else {
      fill(bound.value);
    }
  }
  template <class T>
    requires std::is_enum_v<T>
  void fill(T& value) {
    if constexpr (std::is_same_v<T, FrameType>) {
      value = one_in(2) ? FrameType::request_headers : FrameType::response_body_chunk;
    } else if constexpr (std::is_same_v<T, CancelReason>) {
      value = static_cast<T>(below(6));
    } else {
      value = static_cast<T>(below(EnumNames<T>::names.size()));
    }
  }

  template <class T>
  void fill(std::optional<T>& value) {
    if (one_in(3)) return value.reset();
    fill(value.emplace());
    if constexpr (std::is_same_v<T, Value>) {
      if (value->is_null()) value.reset();  // null is how nothing is written
    }
  }
  template <class T>
  void fill(std::span<const T>& items) {
    auto made = arena_->allocate_array<T>(count());
    for (auto& item : made) {
      item = T{};
      fill(item);
    }
    items = made;
  }
  template <class... T>
  void fill(std::variant<T...>& value) {
    const auto which = below(sizeof...(T));
    std::size_t index = 0;
    ((index++ == which ? fill(value.template emplace<T>()) : void()), ...);
  }
  void fill(Allow&) {}
  void fill(TextPair& pair) {
    fill(pair.key);
    fill(pair.value);
  }
  void fill(Member& member) {
    do fill(member.name);
    while (member.name == "correlation_id");
    fill(member.value);
  }
  void fill(HeaderOp& op) {
    fill(op.kind);
    fill(op.name);
    if (op.kind != HeaderOp::Kind::remove) fill(op.value);
  }

  /// Names in lower case, equal ones side by side: so they come back.
  void fill(Headers& headers) {
    auto made = arena_->allocate_array<Header>(count() * 3);
    for (std::size_t i = 0; i < made.size(); ++i) {
      const bool repeat = i != 0 && one_in(5);
      const std::string name = "h" + std::to_string(i) + std::string(below(20), 'x');
      made[i].name = repeat ? made[i - 1].name : arena_->copy(std::string_view{name});
      made[i].value = options_.any_bytes && one_in(3) ? base::as_text(bytes()) : text();
    }
    headers = Headers{made};
  }

  void fill(Value& value) {
    switch (below(depth_ < 5 ? 9 : 6)) {
      case 0: value.data = Value::Null{}; return;
      case 1: value.data = one_in(2); return;
      case 2: return fill(value.data.emplace<std::int64_t>());
      case 3: value.data = std::numeric_limits<std::uint64_t>::max() - below(1000); return;
      case 4: return fill(value.data.emplace<double>());
      case 5:
      case 6: value.data = text(); return;
      case 7: return nested(value.data.emplace<Value::List>());
      default: return nested(value.data.emplace<Value::Object>());
    }
  }
  template <class T>
  void nested(std::span<const T>& items) {
    ++depth_;
    fill(items);
    --depth_;
  }

  template <Described T>
  void fill(T& message) {
    std::apply([&](const auto&... field) { (fill(message.*field.member), ...); }, Description<T>::fields);
    if constexpr (requires { Description<T>::grpc_fields; }) {
      const auto fill_all = [&](const auto&... field) { (fill(message.*field.member), ...); };
      if (options_.grpc_fields) std::apply(fill_all, Description<T>::grpc_fields);
    }
    if constexpr (std::is_same_v<T, AgentResponse>) {
      if (message.correlation_id.empty()) message.correlation_id = "id";
    }
  }

  std::mt19937_64 random_;
  base::Arena* arena_;
  Options options_;
  int depth_ = 0;
};

}  // namespace picket::wire::testing
