#pragma once

#include "picket/transport/grpc/answered_call.hpp"

namespace picket::transport::grpc {

inline constexpr std::string_view health_check = "/grpc.health.v1.Health/Check";
inline constexpr std::string_view health_watch = "/grpc.health.v1.Health/Watch";

/// grpc.health.v1.Health: Check answers once, Watch answers and stays.
///
/// A service that is not here is not_found to Check, and SERVICE_UNKNOWN to Watch, which then hears no more. Thread
/// safety: its connection's. Source: gRPC's doc/health-checking.md.
class HealthCall final : public UnaryCall {
 public:
  /// `is_serving` outlives the call.
  HealthCall(Http2Link& http2, http2::StreamId stream, bool stays, const bool& is_serving) noexcept
      : UnaryCall(http2, stream), stays_(stays), is_serving_(is_serving) {}

  void on_serving_changed() override;

 private:
  /// HealthCheckResponse.ServingStatus
  enum class Serving : std::uint8_t { yes = 1, no = 2, service_unknown = 3 };

  void on_question(std::string_view message) override;
  void answer(Serving status);
  [[nodiscard]] Serving serving() const noexcept { return is_serving_ ? Serving::yes : Serving::no; }

  bool stays_;
  const bool& is_serving_;
  bool is_known_ = false;  // it was asked about a service that is here
};

}  // namespace picket::transport::grpc
