#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "apps/gateway/exchange/testing/packed_body.hpp"

/// Bodies on their way, as far as it can be told what comes of them.
namespace picket::apps::gateway::exchange::testing {

/// A body, as far as it has come, or goes on.
struct Flow {
  std::string text;
  bool is_whole = false;
  std::string_view coding = {};  ///< That the text is in.
  [[nodiscard]] bool operator==(const Flow&) const = default;
};

/// A body as a peer sends it. Views.
struct Sent {
  std::string_view content;
  const PackedBody* packed;  ///< Null where it is as it is.
  [[nodiscard]] bool is_sound() const { return packed == nullptr || packed->is_sound(); }
  [[nodiscard]] bool is_empty() const { return packed == nullptr ? content.empty() : packed->bytes.empty(); }
  /// What of its content can be shown.
  [[nodiscard]] Flow shown() const {
    const bool can_begin = packed == nullptr || packed->can_begin();
    return {.text = std::string{can_begin ? content : std::string_view{}}, .is_whole = is_sound()};
  }
};

/// What may have gone on. Several where nobody can tell.
using Flows = std::vector<Flow>;

inline void add(Flows& flows, Flow flow) {
  if (std::ranges::find(flows, flow) == flows.end()) flows.push_back(std::move(flow));
}
inline bool any_is_whole(const Flows& flows) { return std::ranges::any_of(flows, &Flow::is_whole); }
/// Whether that may be the beginning of what goes on.
inline bool may_begin(const Flows& flows, std::string_view got, std::string_view coding) {
  return std::ranges::any_of(flows,
                             [&](const Flow& flow) { return flow.coding == coding && flow.text.starts_with(got); });
}
/// Whether that may be all of it.
inline bool may_be_all(const Flows& flows, std::string_view got, std::string_view coding) {
  return std::ranges::any_of(
      flows, [&](const Flow& flow) { return flow.is_whole && flow.coding == coding && flow.text == got; });
}

}  // namespace picket::apps::gateway::exchange::testing
