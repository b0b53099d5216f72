#pragma once

#include <vector>

#include "apps/gateway/config/route.hpp"
#include "picket/http/fields.hpp"

namespace picket::apps::gateway::exchange {

/// What a route does to the fields of a head, in its order and after everybody else's changes.
inline void apply(const std::vector<config::HeaderEdit>& edits, http::FieldList& fields, base::Arena& arena) {
  for (const auto& edit : edits) {
    const base::HeaderOp operation{edit.kind, edit.name, edit.value};
    http::apply({&operation, 1}, fields, arena);
  }
}

}  // namespace picket::apps::gateway::exchange
