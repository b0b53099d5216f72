#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "picket/base/headers.hpp"
#include "picket/transport/grpc_status.hpp"

namespace picket::transport::grpc {

/// How every answer of gRPC begins, an error's, too: HTTP's status says nothing of the call. Lifetime: a constant.
inline constexpr std::array<base::Header, 2> answer_head{{{":status", "200"}, {"content-type", "application/grpc"}}};

/// A status in the form of trailers, or of a head that is all there is. A value.
///
///   const grpc::Ending ending(GrpcStatus::unimplemented, "no such method");
///   const auto fields = ending.fields();  // `ending` stays until they are written
class Ending {
 public:
  Ending(GrpcStatus status, std::string_view message)
      : status_(std::to_string(static_cast<int>(status))), message_(grpc_message(message)) {}
  /// Views of what it holds. Not of a temporary, whose texts would be gone.
  [[nodiscard]] std::vector<base::Header> fields() const& {
    std::vector<base::Header> result{{"grpc-status", status_}};
    if (!message_.empty()) result.push_back({"grpc-message", message_});
    return result;
  }

 private:
  std::string status_;
  std::string message_;
};

}  // namespace picket::transport::grpc
