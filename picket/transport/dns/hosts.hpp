#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace picket::transport::dns {

/// The IP addresses that the text of an /etc/hosts gives a name, in its order; hosts(5). Where it says nothing of
/// "localhost", and of names below it, they are this machine (RFC 6761 §6.3). Pure. Complexity: linear in the text.
/// Names are alike in either case.
[[nodiscard]] std::vector<std::string> addresses_in_hosts(std::string_view text, std::string_view name);

}  // namespace picket::transport::dns
