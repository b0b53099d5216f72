#pragma once

#include <cstdint>
#include <string_view>

#include "apps/gateway/config/route.hpp"
#include "picket/base/headers.hpp"

namespace picket::apps::gateway::generation {

/// Whether a request is what a route asks for. Servers read the same bytes in more than one way, so that there is a
/// third answer.
enum class Fit : std::uint8_t {
  no,
  perhaps,  ///< By a reading that an upstream may have.
  yes,      ///< By every reading.
};

/// A field whose lines all have the value is there; so it is perhaps, where some of them have it, in another case, with
/// quotes or in a list, or under a name that CGI takes for this one (http::same_spelling). Pure.
[[nodiscard]] Fit fit_of_header(const config::NamedValue& wanted, const base::Headers& headers);

/// A parameter whose values all are that one, decoded, is there; so it is perhaps, where some of them are, where name
/// or value are it in another case, with white space or decoded twice, or where it is between `;`. `query`: without
/// `?`. Pure.
[[nodiscard]] Fit fit_of_query(const config::NamedValue& wanted, std::string_view query);

/// Whether `host`, in any case, is the name, or is below the one that stands behind "*.". Pure.
[[nodiscard]] bool takes_host(std::string_view pattern, std::string_view host) noexcept;

}  // namespace picket::apps::gateway::generation
