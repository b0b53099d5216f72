#pragma once

#include <string>
#include <string_view>

#include "apps/gateway/logs/access_entry.hpp"

namespace picket::apps::gateway::logs {

/// Appends a line of the combined format, as Apache and nginx write it:
///
///     192.0.2.1 - - [28/Nov/2026:06:50:00 +0000] "GET / HTTP/1.1" 200 1234 "https://a.example/" "curl/8.5"
///
/// A client that was gone before an answer has the status 499, as nginx writes it. Quotes, backslashes and what is not
/// printable ASCII are \xHH, so that no client can make fields or lines. `timestamp`: as Timestamps has it.
void write_combined(std::string& out, const AccessEntry& entry, std::string_view timestamp);

}  // namespace picket::apps::gateway::logs
