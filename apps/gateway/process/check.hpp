#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "apps/gateway/config/environment.hpp"
#include "apps/gateway/config/model.hpp"

namespace picket::apps::gateway::process {

/// What certificates and keys come to, without anybody being spoken to.
struct TlsFindings {
  std::vector<std::string> errors;  ///< The gateway would not start, or not reload.
  std::vector<std::string> warnings;
};

/// Reads the TLS files of listeners, agents and the reverse listener as the gateway would.
[[nodiscard]] TlsFindings look_at_tls_files(const config::Config& config);

/// Loads a file, with the TLS files that it names, and says on `out` that it is good, or on `err` what is wrong. Gives
/// the process's exit code: 0, or 2 for errors.
[[nodiscard]] int check(const std::filesystem::path& path, const config::Environment& environment, std::ostream& out,
                        std::ostream& err, bool colour);

}  // namespace picket::apps::gateway::process
