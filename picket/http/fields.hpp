#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "picket/base/arena.hpp"
#include "picket/base/buffer.hpp"
#include "picket/base/headers.hpp"
#include "picket/http/message.hpp"

namespace picket::http {

using FieldList = base::ArenaList<base::Header>;

/// Whether two names reach an application as one: CGI and what came of it keep letters in one case, digits, and one
/// sign for all others, so that X_Auth_User and X-Auth-User are both HTTP_X_AUTH_USER (RFC 3875 §4.1.18).
[[nodiscard]] bool same_spelling(std::string_view a, std::string_view b) noexcept;

/// Fields that concern one connection only (RFC 9110 §7.6.1) or the framing, which each connection has its own of; in
/// any spelling.
[[nodiscard]] bool stays_on_its_hop(std::string_view name) noexcept;

/// Appends what may be passed on: everything but those. What else Connection names goes on (against RFC
/// 9110 §7.6.1, and as nginx and HAProxy have it): no list of names tells an extension of one hop from an API key that
/// a client wants a proxy to take away, and nothing in use needs it.
void copy_end_to_end(const base::Headers& headers, FieldList& out);

/// Applies header operations in their order; what is set or removed is so in every spelling of its name. They must be
/// valid: see picket/inspection/answer.hpp.
void apply(base::HeaderOps ops, FieldList& fields, base::Arena& arena);

/// The first of that name, in any case; null where there is none. Lifetime: until the list grows.
[[nodiscard]] const base::Header* find(const FieldList& fields, std::string_view name) noexcept;

/// "name: value\r\n".
void write_field(base::Buffer& out, std::string_view name, std::string_view value);
void write_fields(base::Buffer& out, const FieldList& fields);
void write_request_line(base::Buffer& out, std::string_view method, std::string_view target);
/// `reason`: empty means the standard phrase, where there is one.
void write_status_line(base::Buffer& out, std::uint16_t status, std::string_view reason = {});

/// Empty for a status that no standard names: legal in a status line (RFC 9112 §4).
[[nodiscard]] std::string_view standard_reason(std::uint16_t status) noexcept;

}  // namespace picket::http
