#pragma once

#include <optional>
#include <string_view>

#include "apps/waf/verdict.hpp"

namespace picket::apps::waf {

/// Why the beginning of an XML document keeps the rules from seeing all of it; none where it does not.
/// A document type declaration of its own may supply attributes and text that stand nowhere in the document, and grow
/// without bound; in an encoding that hides markup (UTF-7, EBCDIC, ISO-2022) one could not be found.
[[nodiscard]] std::optional<Note> hidden_by_prolog(std::string_view document);

}  // namespace picket::apps::waf
