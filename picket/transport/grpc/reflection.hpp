#pragma once

#include <string>
#include <string_view>

#include "picket/base/result.hpp"

namespace picket::transport::grpc {

/// The answer of server reflection to one request: a ServerReflectionResponse to a ServerReflectionRequest, of
/// grpc.reflection.v1 and v1alpha. What is described is spec/agent_v2.proto and spec/health.proto.
///
/// Pure. Errors: bytes that are no such request. Source: gRPC's doc/server-reflection.md. Of what is not described here
/// the answer itself says that it is not found. Complexity: a scan of the descriptors.
[[nodiscard]] base::Result<std::string> reflect(std::string_view request);

}  // namespace picket::transport::grpc
