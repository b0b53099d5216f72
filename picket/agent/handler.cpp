#include "picket/agent/handler.hpp"

#include "picket/agent/internal/standing.hpp"

namespace picket::agent::internal {

AnyHandler::AnyHandler() : standing_(std::make_shared<Standing>()) {}

Reply reply_to(Acceptance acceptance) {
  const auto* const status = std::get_if<base::Status>(&acceptance);
  if (status == nullptr) return std::get<Deferred>(acceptance);
  if (*status) return Decision::allow();
  return Decision::block(400).body(status->error().detail());
}

}  // namespace picket::agent::internal
