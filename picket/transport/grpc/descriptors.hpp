#pragma once

#include <string_view>

namespace picket::transport::grpc {

/// What protoc made of spec/agent_v2.proto and spec/health.proto: a FileDescriptorSet, spec/services.binpb. The build
/// puts it into the program. Lifetime: the program's.
[[nodiscard]] std::string_view descriptors() noexcept;

}  // namespace picket::transport::grpc
