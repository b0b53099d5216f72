#pragma once

#include "picket/transport/grpc/answered_call.hpp"
#include "picket/transport/grpc/reflection.hpp"

namespace picket::transport::grpc {

/// Whether that is the method of server reflection, in either of its versions, whose messages are the same. Many tools
/// know the older one only.
[[nodiscard]] constexpr bool is_reflection(std::string_view path) noexcept {
  return path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
         path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
}

/// Server reflection: what is served, to whoever asks. A stream of questions, each answered in its turn; a question
/// that is none ends the call as invalid_argument. Thread safety: its connection's. Nothing secret is described: the
/// files are public.
class ReflectionCall final : public AnsweredCall {
 public:
  using AnsweredCall::AnsweredCall;

 private:
  [[nodiscard]] base::Status on_message(std::string_view message) override {
    const auto answer = reflect(message);
    if (!answer) return answer.error();
    say(*answer);
    return {};
  }
};

}  // namespace picket::transport::grpc
