#pragma once

#include <cstddef>
#include <optional>

#include "apps/waf/verdict.hpp"

namespace modsecurity {
class Transaction;
}

namespace picket::apps::waf {

/// Makes the library read the body that it was given as the servers behind do, before its second phase. `has_type`: the
/// head says what the body is. Returns why the body must not be parsed: then either refuse it, or hide_body().
///
/// - Without a type it is what it looks like (JSON, XML, else a form), and besides a value as it is, with its escapes
///   read, from UTF-16 to UTF-8, and in the parts of a multipart body.
/// - A multipart form's boundary is found in every legal spelling of its content type.
/// - JSON and the headers of parts become no more than `expansion_limit` bytes of names and values.
/// - XML brings no document type declaration of its own.
[[nodiscard]] std::optional<Note> prepare_body(modsecurity::Transaction& engine, bool has_type,
                                               std::size_t expansion_limit);

/// Makes the library take the body for nothing that it parses.
void hide_body(modsecurity::Transaction& engine);

}  // namespace picket::apps::waf
