#pragma once

#include "picket/wire/agent_response.hpp"
#include "picket/wire/control_messages.hpp"
#include "picket/wire/events.hpp"
#include "picket/wire/handshake_messages.hpp"

/// Every message of the protocol (protocol.md §3-§6, §8) as plain structs of views.
///
/// Lifetime: text, lists and bodies are borrowed. After decode() they point into the payload, or into the arena where
/// an escape or base64 forced a copy; both must outlive the message. copy_into() (copy.hpp) makes one that needs the
/// arena only. The fields of each message are listed once, for all encodings, in internal/description.hpp.
///
/// Thread safety: values that nobody writes. Errors: none here; what a field may hold is checked where it is decoded,
/// and what an answer may ask for where it is applied. Units: bytes, and milliseconds where a name ends in `_ms`. A
/// field that is an optional may be missing or null on the wire; "ours" are fields of the extensions that we offer,
/// which other implementations ignore (protocol.md §3); "gRPC" are fields that sockets do not carry.
///
///   const std::array<base::Header, 1> fields{{{"host", "example.org"}}};
///   wire::RequestHeaders head{.method = "GET", .uri = "/", .headers = base::Headers{fields}};
///   head.metadata.correlation_id = id.text();
///   head.metadata.client_ip = "192.0.2.7";
///
/// Members that are not named have the defaults that stand here, which are also what a decoder leaves where a field may
/// be missing.
namespace picket::wire {}
