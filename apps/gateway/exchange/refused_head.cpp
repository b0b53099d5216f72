#include "apps/gateway/exchange/refused_head.hpp"

#include <string>

#include "apps/gateway/answers/refusal.hpp"

namespace picket::apps::gateway::exchange {
namespace {

constexpr auto why = answers::Reason::bad_request;

}  // namespace

RefusedHead::RefusedHead(generation::Service& service, const http::HeadError& error, base::Arena& arena)
    : service_(service), error_(error), answer_(answers::refusal(why, error.status, arena)) {
  service.shard.metrics.answers_by_reason[static_cast<std::size_t>(why)].add();
  service.shard.metrics.requests_by_class[error.status / 100].add();
  answer_.body = arena.copy(std::string{answer_.body} + std::string{error.reason} + "\n");
  answer_.fields.push_back({"Date", service.shard.date.now()});
}

void RefusedHead::write_log(const downstream::Peer& client, std::size_t sent) {
  if (!service_.access.is_written()) return;
  const base::MintedId id = service_.worker.ids().mint();
  service_.access.write({.id = id.text(),
                         .client = client.address,
                         .status = error_.status,
                         .bytes_out = sent,
                         .reason = name(why),
                         .detail = error_.reason});
}

}  // namespace picket::apps::gateway::exchange
