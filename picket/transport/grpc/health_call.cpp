#include "picket/transport/grpc/health_call.hpp"

#include <array>
#include <optional>

namespace picket::transport::grpc {
namespace {

constexpr std::string_view service = "zentinel.agent.v2.AgentServiceV2";

/// The service that a HealthCheckRequest names: its field 1. None where it is no such message.
std::optional<std::string_view> asked_service(std::string_view message) {
  if (message.empty()) return "";
  const bool names_one = message.size() >= 2 && message[0] == 0x0a && message[1] >= 0 &&
                         message.size() == 2U + static_cast<std::size_t>(message[1]);
  return names_one ? std::optional{message.substr(2)} : std::nullopt;
}

}  // namespace

void HealthCall::on_question(std::string_view message) {
  const auto name = asked_service(message);
  if (!name) return end(GrpcStatus::invalid_argument, "the request is no HealthCheckRequest");
  is_known_ = name->empty() || *name == service;
  if (!is_known_ && !stays_) return end(GrpcStatus::not_found, "no such service");
  answer(is_known_ ? serving() : Serving::service_unknown);
  if (!stays_) end(GrpcStatus::ok, "");
}

void HealthCall::on_serving_changed() {
  if (is_known_) answer(serving());
}

/// A HealthCheckResponse.
void HealthCall::answer(Serving status) {
  const std::array<char, 2> message{0x08, static_cast<char>(status)};
  say({message.data(), message.size()});
}

}  // namespace picket::transport::grpc
