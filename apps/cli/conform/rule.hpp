#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "picket/wire/messages.hpp"

namespace picket::apps::cli::conform {

/// Who makes the connection (protocol.md §3, §8): it begins with a handshake, or with a registration.
enum class Dialler : std::uint8_t { proxy, agent };

/// What connections of one pass are like.
struct Pass {
  Dialler dialler = Dialler::proxy;
  wire::Encoding encoding = wire::Encoding::json;
};

/// On which connections a rule is tested.
enum class Scope : std::uint8_t {
  once,          ///< Sockets, whatever is spoken later: in the JSON pass.
  handshake,     ///< The same, only those that a proxy dials.
  dialled,       ///< Those that a proxy dials: sockets in every encoding, and gRPC.
  registration,  ///< As once, only those that an agent dials.
  msgpack,       ///< Sockets, in MessagePack.
  sockets,       ///< Sockets, in every encoding.
  everywhere,    ///< Sockets in every encoding, and gRPC.
  grpc,          ///< gRPC.
};

/// One sentence of the protocol, and how it is tested on a `Subject`: an Agent or a Proxy. Ids are unique among the
/// rules of one kind of subject; the section is protocol.md's.
template <class Subject>
struct Rule {
  std::string_view id;
  std::string_view section;
  std::string_view sentence;
  Scope scope;
  /// Throws Violation or Skipped.
  void (*test)(Subject&);
};

template <class Subject>
using Rules = std::span<const Rule<Subject>>;

}  // namespace picket::apps::cli::conform
