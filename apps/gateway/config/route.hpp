#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "picket/base/headers.hpp"
#include "picket/inspection/chain.hpp"

namespace picket::apps::gateway::config {

/// What a route answers by itself, without an upstream.
struct FixedAnswer {
  std::uint16_t status = 200;
  std::string text;  ///< The body, as text/plain.
  friend bool operator==(const FixedAnswer&, const FixedAnswer&) = default;
};

/// A header field or a parameter of the query that a request must have, with that value.
struct NamedValue {
  std::string name;
  std::string value;
  friend auto operator<=>(const NamedValue&, const NamedValue&) = default;
};

/// What a request must be like for a route to take it; all of it.
struct Matches {
  std::string path = "/";            ///< In the one way in which it is spelt.
  bool whole_path = false;           ///< `path`; else `path-prefix`, which ends at a segment.
  std::optional<std::string> host;   ///< In lower case, without port; "*.example" has any names before it.
  std::vector<std::string> methods;  ///< Empty: all.
  std::vector<NamedValue> headers;   ///< Names in any case.
  std::vector<NamedValue> queries;   ///< Decoded.
};

/// A change to header fields that a route makes, whoever else changed them before.
struct HeaderEdit {
  base::HeaderOp::Kind kind = base::HeaderOp::Kind::set;
  std::string name;
  std::string value;
  friend bool operator==(const HeaderEdit&, const HeaderEdit&) = default;
};

/// How the texts of a language model are looked at on a route.
struct Guardrail {
  std::size_t agent = 0;  ///< index in Config::agents
  inspection::Action prompt = inspection::Action::block;
  inspection::Action response = inspection::Action::redact;
  std::uint64_t window = 512;  ///< bytes
  friend bool operator==(const Guardrail&, const Guardrail&) = default;
};

struct Route {
  std::string id;
  Matches matches;
  std::vector<std::size_t> filters;  ///< indices in Config::filters, in the order in which answers merge
  std::size_t upstream = 0;          ///< index in Config::upstreams; of no meaning beside `respond`
  std::optional<FixedAnswer> respond;
  bool websocket = false;                                 ///< Requests may switch to WebSocket.
  bool websocket_inspection = false;                      ///< Agents look at the frames that pass then.
  std::chrono::milliseconds websocket_idle{600'000};      ///< in which nothing passes, either way
  bool redirect_to_https = false;                         ///< Requests in clear are sent to the same place over TLS.
  std::vector<HeaderEdit> request_edits;                  ///< Of what the upstream gets, after those of agents.
  std::vector<HeaderEdit> response_edits;                 ///< Of what the client gets, our own answers too.
  std::optional<Guardrail> guardrail;                     ///< None: texts are not looked at.
  std::optional<std::uint64_t> max_body_size;             ///< bytes; none: that of Limits
  std::optional<std::chrono::milliseconds> request_time;  ///< 0: as long as it takes; none: that of the upstream
};

}  // namespace picket::apps::gateway::config
