#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace picket::apps::gateway::config {

enum class AccessFormat : std::uint8_t {
  json,      ///< One object a line.
  combined,  ///< As Apache and nginx have it.
};

/// What a line of the access log may say. In the order in which it stands where no other is asked for.
enum class AccessField : std::uint8_t {
  ts,
  id,
  client,
  method,
  uri,
  host,
  protocol,
  status,
  bytes_in,
  bytes_out,
  duration_us,
  upstream,
  upstream_us,
  upstream_error,
  decision,
  agent,
  reason,
  detail,
  user_agent,
  referer,
  tls_version,
  tls_cipher,
  client_cert,
  client_cert_fingerprint,
};
/// By AccessField.
inline constexpr auto access_field_names = std::to_array<std::string_view>({"ts",          "id",
                                                                            "client",      "method",
                                                                            "uri",         "host",
                                                                            "protocol",    "status",
                                                                            "bytes_in",    "bytes_out",
                                                                            "duration_us", "upstream",
                                                                            "upstream_us", "upstream_error",
                                                                            "decision",    "agent",
                                                                            "reason",      "detail",
                                                                            "user_agent",  "referer",
                                                                            "tls_version", "tls_cipher",
                                                                            "client_cert", "client_cert_fingerprint"});
static_assert(access_field_names.size() == static_cast<std::size_t>(AccessField::client_cert_fingerprint) + 1);

}  // namespace picket::apps::gateway::config
