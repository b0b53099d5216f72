#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "picket/agent/dial.hpp"
#include "picket/base/result.hpp"
#include "picket/transport/endpoint.hpp"

namespace picket::agent::internal {

/// Where a proxy is that an agent dials. Errors: as transport::Endpoint::parse; connection_failed for gRPC, which has
/// no registration.
[[nodiscard]] base::Result<transport::Endpoint> dialled_endpoint(std::string_view address,
                                                                 transport::ClearText clear_text);
/// The secret to register with, without the end of line that editors put behind it; none where nothing says one.
/// Errors: connection_failed naming the file, and what to do where it is empty or everybody may read it.
[[nodiscard]] base::Result<std::optional<std::string>> token_of(const DialOptions& options);

}  // namespace picket::agent::internal
