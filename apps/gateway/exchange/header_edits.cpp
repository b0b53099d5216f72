#include "apps/gateway/exchange/header_edits.hpp"

#include <string>

#include "picket/body/unpack_stage.hpp"
#include "picket/http/list.hpp"

namespace picket::apps::gateway::exchange {
namespace {

bool is_known(std::string_view item) noexcept {
  const std::string_view name = http::trimmed(item.substr(0, item.find(';')));
  return body::coding_of(name) || base::same_name(name, "identity");
}

/// Of all fields of that name: a list may be in several.
std::string known_codings(const http::FieldList& fields) {
  std::string known;
  for (const auto& field : fields.items()) {
    if (!base::same_name(field.name, "accept-encoding")) continue;
    std::string_view list = field.value;
    while (const auto item = http::next_item(list))
      if (is_known(*item)) known.append(known.empty() ? "" : ", ").append(*item);
  }
  return known.empty() ? "identity" : known;
}

}  // namespace

void take_coding_off(http::FieldList& fields, base::Arena& arena) {
  const base::HeaderOp operation{base::HeaderOp::Kind::remove, "content-encoding", {}};
  http::apply({&operation, 1}, fields, arena);
  for (auto& field : fields.items())
    if (base::same_name(field.name, "etag") && !field.value.starts_with("W/"))
      field.value = arena.copy(std::string{"W/"}.append(field.value));
}

void ask_for_known_codings(http::FieldList& fields, base::Arena& arena) {
  if (http::find(fields, "accept-encoding") == nullptr) return;
  const base::HeaderOp operation{base::HeaderOp::Kind::set, "Accept-Encoding", arena.copy(known_codings(fields))};
  http::apply({&operation, 1}, fields, arena);
}

}  // namespace picket::apps::gateway::exchange
