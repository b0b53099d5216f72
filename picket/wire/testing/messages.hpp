#pragma once

#include <string_view>
#include <type_traits>

#include "picket/wire/internal/instances.hpp"

namespace picket::wire::testing {

/// Calls `use(std::type_identity<Message>{}, "Message")` for every message that travels.
template <class Use>
void for_each_message(Use&& use) {
#define PICKET_VISIT(Message) use(std::type_identity<Message>{}, std::string_view{#Message});
  PICKET_FOR_EACH_MESSAGE(PICKET_VISIT)
#undef PICKET_VISIT
}

/// Calls `use(std::type_identity<Message>{})` for the message of that name; false where there is none.
template <class Use>
bool with_message(std::string_view name, Use&& use) {
  bool found = false;
  for_each_message([&](auto type, std::string_view candidate) {
    if (candidate != name) return;
    found = true;
    use(type);
  });
  return found;
}

}  // namespace picket::wire::testing
