#include <algorithm>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "apps/gateway/config/address.hpp"
#include "apps/gateway/config/reader.hpp"
#include "apps/gateway/config/tables.hpp"

/// The tables of filters: which agents routes ask.
namespace picket::apps::gateway::config::tables {
namespace {

using enum Presence;

constexpr Word filter_types[] = {{"agent"}};
void read_filter_type(Reader& reader, const Setting& setting, FilterDraft& /*out*/) {
  (void)reader.choice(setting, filter_types);
}

constexpr Key<FilterDraft> filter_keys[] = {
    {{"type", required, "type \"agent\""}, ValueRule<FilterDraft>{read_filter_type}},
    {{"agent", required, "agent with the id of one"}, ValueRule<FilterDraft>{read_reference<&FilterDraft::agent>}},
    {{"failure-mode"}, choice<&FilterDraft::failure_mode>(failure_modes)},
    {{"timeout-ms"}, in_milliseconds<&FilterDraft::timeout>(3'600'000)},
};

void read_filter(Reader& reader, const kdl::Node& node, Draft& out) {
  FilterDraft draft;
  auto id = reader.entry(node, {}, filter(), Shape::Braces::required, draft);
  if (!id) return;
  draft.id = std::move(*id);
  out.filters.push_back(std::move(draft));
}

constexpr Key<Draft> filters_keys[] = {{{"filter", many}, NodeRule<Draft>{read_filter}}};

}  // namespace

Keys<Draft> filters() { return filters_keys; }
Keys<FilterDraft> filter() { return filter_keys; }

}  // namespace picket::apps::gateway::config::tables
