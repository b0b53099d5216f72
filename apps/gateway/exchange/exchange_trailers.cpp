#include <algorithm>

#include "apps/gateway/answers/call_answer.hpp"
#include "apps/gateway/exchange/exchange.hpp"
#include "apps/gateway/exchange/header_edits.hpp"
#include "picket/http/trailers.hpp"

/// What stands behind bodies. No agent is asked about it.
namespace picket::apps::gateway::exchange {
namespace {

/// Whether somebody had the last word on that field, when it might have stood in the head.
template <class Changes>
bool changes(const Changes& all, std::string_view name) noexcept {
  return std::ranges::any_of(all, [&](const auto& change) { return http::same_spelling(change.name, name); });
}

/// What is true of the bytes that came alone does not stand behind others.
bool may_stand_behind(const inspection::BodyInspection& body, std::string_view name) noexcept {
  return !(tells_of_bytes(name) && (body.is_unpacked() || body.may_change()));
}

}  // namespace

/// Agents that were asked about the request have not seen them; a service of gRPC is nothing without.
base::Headers Exchange::trailers_to_send() const {
  const bool is_unjudged = !service_.chain(*route_).filters.empty() && !answers::is_grpc(request_.headers);
  return is_unjudged ? base::Headers{} : client_.trailers(arena_);
}

void Exchange::end_request() {
  http::FieldList passing{arena_};
  if (upstream_.takes_trailers()) {
    for (const auto& field : trailers_to_send())
      if (http::may_be_trailer(field) && may_stand_behind(inspection_->request_body(), field.name) &&
          may_come_behind(field.name, service_.config.limits.underscores_in_headers) &&
          !changes(inspection_->request_operations(), field.name) && !changes(route_->request_edits, field.name))
        passing.push_back(field);
    upstream_.end_with(passing);
  }
  service_.shard.metrics.request_trailers_dropped.add(client_.trailers(arena_).size() - passing.size());
}

void Exchange::end_relayed() {
  const base::Headers came = upstream_.trailers(arena_);
  if (came.empty()) return;
  http::FieldList passing{arena_};
  if (client_.takes_trailers()) {
    for (const auto& field : came)
      if (http::may_be_trailer(field) && may_stand_behind(inspection_->response_body(), field.name) &&
          !changes(inspection_->response_operations(), field.name) && !changes(route_->response_edits, field.name))
        passing.push_back(field);
    client_.end_with(passing);
  }
  service_.shard.metrics.response_trailers_dropped.add(came.size() - passing.size());
}

}  // namespace picket::apps::gateway::exchange
