#pragma once

#include <cstdint>
#include <string_view>

#include "picket/base/arena.hpp"

/// host [":" port] of a Host field or an absolute target (RFC 9110 §4.2, §7.2). Pure.
namespace picket::http {

/// Whether it is one: a name, an IPv4 address or a bracketed IPv6 address; empty is allowed. Escapes are not, nor are
/// empty labels: they are no name's, and readers who decode or trim them see another host.
[[nodiscard]] bool is_authority(std::string_view text) noexcept;

/// Without its port, and without the dot that makes a name absolute.
[[nodiscard]] std::string_view host_name(std::string_view authority) noexcept;
/// Behind the colon; empty where there is none.
[[nodiscard]] std::string_view port_text(std::string_view authority) noexcept;

/// The one form in which an authority goes on: in lower case, without the name's last dot, an IPv6 address as RFC 5952
/// has it and one that stands for IPv4 as that, the port as it is. So no
/// upstream can take a spelling for another host than the router did. Lifetime: the text's, or the arena's.
[[nodiscard]] std::string_view canonical_authority(std::string_view authority, base::Arena& arena);

/// Whether both name the same: host names in any case, ports by number, `default_port` where there is none.
[[nodiscard]] bool same_authority(std::string_view a, std::string_view b, std::uint16_t default_port) noexcept;

}  // namespace picket::http
