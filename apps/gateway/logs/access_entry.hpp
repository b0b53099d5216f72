#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace picket::apps::gateway::logs {

/// What is known of a request once it is over. Texts are empty where there is nothing to say. Lifetime: views of the
/// exchange's memory.
struct AccessEntry {
  std::string_view id;
  std::string_view client;
  std::string_view method;
  std::string_view uri;
  std::string_view host;
  std::string_view protocol;
  std::uint16_t status = 0;  ///< 0: the client was gone before an answer.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::chrono::nanoseconds duration{};
  std::string_view upstream;
  std::optional<std::chrono::nanoseconds> upstream_time;  ///< From asking it to its answer's head.
  std::string_view upstream_error;                        ///< Why it gave no whole answer.
  std::string_view decision;
  std::string_view agent;
  std::string_view reason;
  std::string_view detail;  ///< What was wrong with the request.
  std::string_view user_agent;
  std::string_view referer;
  std::string_view tls_version;
  std::string_view tls_cipher;
  std::string_view client_cert;  ///< The subject of the client's certificate.
  std::string_view client_cert_fingerprint;
};

}  // namespace picket::apps::gateway::logs
