#pragma once

#include <cstddef>

#include "apps/gateway/downstream/peer.hpp"
#include "apps/gateway/generation/service.hpp"
#include "picket/http/grammar.hpp"
#include "picket/inspection/answer.hpp"

namespace picket::apps::gateway::exchange {

/// A head that must not pass, so that there is no exchange: what its client is told, and where it is told of. Thread
/// safety: its worker's. Lifetime: views of the service, the error and the arena.
class RefusedHead {
 public:
  /// Counts it.
  RefusedHead(generation::Service& service, const http::HeadError& error, base::Arena& arena);

  [[nodiscard]] const inspection::Answer& answer() const noexcept { return answer_; }
  /// Of the answer, with its Date.
  [[nodiscard]] const http::FieldList& fields() const noexcept { return answer_.fields; }
  /// One line of the access log. `sent`: bytes of the answer's body that went out.
  void write_log(const downstream::Peer& client, std::size_t sent);

 private:
  generation::Service& service_;
  http::HeadError error_;
  inspection::Answer answer_;
};

}  // namespace picket::apps::gateway::exchange
