#include "picket/inspection/operations.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "picket/http/fields.hpp"

namespace picket::inspection {
namespace {

constexpr std::size_t field_overhead = 4;  // colon, blank, CR LF

void drop_named(base::ArenaList<base::HeaderOp>& ops, std::string_view name) {
  const auto items = ops.items();
  const auto end =
      std::remove_if(items.begin(), items.end(), [&](const auto& op) { return http::same_spelling(op.name, name); });
  ops.truncate(static_cast<std::size_t>(end - items.begin()));
}

/// What the operations add to a head, at most.
Operations::Limits growth(base::HeaderOps ops) noexcept {
  Operations::Limits sum{0, 0};
  for (const auto& op : ops) {
    if (op.kind == base::HeaderOp::Kind::remove) continue;
    ++sum.fields;
    sum.bytes += op.name.size() + op.value.size() + field_overhead;
  }
  return sum;
}

}  // namespace

bool Operations::has(base::HeaderOps ops) const noexcept {
  return std::ranges::all_of(ops, [this](const base::HeaderOp& op) {
    std::size_t of_name = 0;
    bool is_said = false;
    for (const auto& other : ops_.items()) {
      if (!http::same_spelling(op.name, other.name)) continue;
      ++of_name;
      is_said = op == other;
    }
    return op.kind != base::HeaderOp::Kind::add && of_name == 1 && is_said;
  });
}

base::Status Operations::add(base::HeaderOps ops) {
  if (ops.empty()) return {};
  merged_.truncate(0);
  merged_.reserve(ops_.size() + ops.size());
  for (const auto& op : ops_.items()) merged_.push_back(op);
  for (const auto& op : ops) {
    if (op.kind != base::HeaderOp::Kind::add) drop_named(merged_, op.name);
    merged_.push_back(op);
  }
  const Limits grown = growth(merged_.items());
  if (merged_.size() > most_operations || grown.fields > limits_.fields || grown.bytes > limits_.bytes)
    return base::fail(
        base::ErrorKind::invalid_message,
        fmt::format("its operations would make {} fields of {} bytes beside the head's own; max-header-count is {}, "
                    "max-header-size-bytes {}, and {} operations are the most",
                    grown.fields, grown.bytes, limits_.fields, limits_.bytes, most_operations));
  std::swap(ops_, merged_);
  return {};
}

}  // namespace picket::inspection
