#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "apps/gateway/http/message.hpp"
#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/wire/messages.hpp"

namespace picket::apps::gateway::http {

using FieldList = base::ArenaList<wire::Header>;

/// Fields that concern one connection only (RFC 9110 §7.6.1) or the framing, which each connection has its own of.
[[nodiscard]] bool is_hop_by_hop(std::string_view name) noexcept;

/// Appends what may be passed on: everything but hop-by-hop fields, framing, and what Connection names (but Host).
/// Complexity: n log n in fields and names.
void copy_end_to_end(const wire::Headers& headers, FieldList& out);

/// Applies header operations in their order. They must be valid: see inspection::check().
void apply(wire::HeaderOps ops, FieldList& fields, base::Arena& arena);

/// Removes every field of that name.
void remove(FieldList& fields, std::string_view name);
[[nodiscard]] const wire::Header* find(const FieldList& fields, std::string_view name) noexcept;

/// "name: value\r\n".
void write_field(base::Buffer& out, std::string_view name, std::string_view value);
void write_fields(base::Buffer& out, const FieldList& fields);
void write_request_line(base::Buffer& out, std::string_view method, std::string_view target);
/// `reason`: empty means the standard phrase, where there is one.
void write_status_line(base::Buffer& out, std::uint16_t status, std::string_view reason = {});

/// Empty for a status that no standard names: legal in a status line (RFC 9112 §4).
[[nodiscard]] std::string_view standard_reason(std::uint16_t status) noexcept;

}  // namespace picket::apps::gateway::http
