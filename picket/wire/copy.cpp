#include "picket/wire/copy.hpp"

#include <optional>
#include <span>
#include <type_traits>
#include <variant>

#include "picket/wire/internal/description.hpp"
#include "picket/wire/internal/instances.hpp"

namespace picket::wire {
namespace {

/// Makes the message own nothing outside the arena: every view it holds is replaced by a copy.
class Relocation {
 public:
  explicit Relocation(base::Arena& arena) noexcept : arena_(arena) {}

  template <class T>
    requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void operator()(T&) const noexcept {}
  void operator()(UpperBound&) const noexcept {}
  void operator()(Allow&) const noexcept {}
  void operator()(Value::Null&) const noexcept {}
  void operator()(Text& text) const { text = arena_.copy(text); }
  void operator()(base::ByteView& bytes) const { bytes = arena_.copy(bytes); }
  void operator()(Value& value) const { std::visit(*this, value.data); }
  void operator()(Member& member) const { all(member.name, member.value); }
  void operator()(Header& header) const { all(header.name, header.value); }
  void operator()(TextPair& pair) const { all(pair.key, pair.value); }
  void operator()(HeaderOp& op) const { all(op.name, op.value); }
  void operator()(Headers& headers) const {
    auto fields = headers.fields();
    (*this)(fields);
    headers = Headers{fields};
  }
  template <class T>
  void operator()(std::optional<T>& value) const {
    if (value) (*this)(*value);
  }
  template <class... T>
  void operator()(std::variant<T...>& value) const {
    std::visit(*this, value);
  }
  template <class T>
  void operator()(std::span<const T>& items) const {
    auto copies = arena_.allocate_array<T>(items.size());
    for (std::size_t i = 0; i < items.size(); ++i) {
      copies[i] = items[i];
      (*this)(copies[i]);
    }
    items = copies;
  }
  template <Described T>
  void operator()(T& message) const {
    std::apply([&](const auto&... field) { all(message.*field.member...); }, all_fields<T>());
  }

 private:
  template <class... T>
  void all(T&... parts) const {
    ((*this)(parts), ...);
  }

  base::Arena& arena_;
};

}  // namespace

template <class Message>
Message copy_into(const Message& message, base::Arena& arena) {
  Message copy = message;
  Relocation{arena}(copy);
  return copy;
}

#define PICKET_INSTANTIATE(Message) template Message copy_into(const Message&, base::Arena&);
PICKET_FOR_EACH_MESSAGE(PICKET_INSTANTIATE)
#undef PICKET_INSTANTIATE

}  // namespace picket::wire
