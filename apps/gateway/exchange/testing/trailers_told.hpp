#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "apps/gateway/exchange/testing/chance.hpp"
#include "picket/base/headers.hpp"

/// What peers say behind their bodies, and what of it may go on.
namespace picket::apps::gateway::exchange::testing {

inline constexpr std::string_view set_by_agents = "x-set";  ///< A field on which they may have the last word.

namespace internal {

struct TrailerKind {
  base::Header field;
  bool is_barred = false;       ///< It has to be known before the body (RFC 9110 §6.5.1).
  bool tells_of_bytes = false;  ///< It is true of the body as it was sent, and of no other.
  bool is_gateways = false;     ///< In requests.
};
inline constexpr std::array trailer_kinds{
    TrailerKind{{"x-sum", "17"}},
    TrailerKind{{set_by_agents, "theirs"}},
    TrailerKind{{"Content-Digest", "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"}, false, true},
    TrailerKind{{"grpc-status", "0"}},
    TrailerKind{{"Set-Cookie", "a=b"}, true},
    TrailerKind{{"x-forwarded-for", "192.0.2.66"}, false, false, true},
    TrailerKind{{"etag", "\"1\""}, false, true},
    TrailerKind{{"content_length", "3"}, true},
};

}  // namespace internal

/// In any order; often none.
inline std::vector<base::Header> some_trailers(Chance& chance) {
  std::vector<base::Header> some;
  if (!chance.one_in(3)) return some;
  for (std::size_t i = chance.below(internal::trailer_kinds.size()); i != 0; --i)
    some.push_back(internal::trailer_kinds[chance.below(internal::trailer_kinds.size())].field);
  return some;
}

/// Names of those that may go on, where nobody else has a word on them.
inline std::vector<std::string> passing(std::span<const base::Header> came, bool is_of_request,
                                        bool with_those_of_bytes) {
  std::vector<std::string> names;
  for (const base::Header& field : came) {
    const auto* const kind =
        std::ranges::find(internal::trailer_kinds, field.name, [](const auto& each) { return each.field.name; });
    const bool is_barred = kind->is_barred || (is_of_request && kind->is_gateways);
    if (!is_barred && (with_those_of_bytes || !kind->tells_of_bytes)) names.emplace_back(field.name);
  }
  return names;
}

/// In their order.
inline bool are_some_of(std::span<const std::string> some, std::span<const std::string> all) {
  for (const std::string& each : all)
    if (!some.empty() && some.front() == each) some = some.subspan(1);
  return some.empty();
}

}  // namespace picket::apps::gateway::exchange::testing
