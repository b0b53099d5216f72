#include "picket/agent/internal/dialling.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>

namespace picket::agent::internal {
namespace {

constexpr std::size_t longest_token = 4096;

base::Error refused(std::string detail) { return base::fail(base::ErrorKind::connection_failed, std::move(detail)); }

base::Error unreadable(const std::string& file) {
  return refused(fmt::format("cannot read the token file {}: {}", file, std::generic_category().message(errno)));
}

}  // namespace

base::Result<transport::Endpoint> dialled_endpoint(std::string_view address, transport::ClearText clear_text) {
  return transport::Endpoint::parse(address, clear_text, transport::Hosts::names_too, transport::Carriers::frames);
}

base::Result<std::optional<std::string>> token_of(const DialOptions& options) {
  const std::string& file = options.token_file;
  if (file.empty()) return options.token;
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return unreadable(file);
  // Who has it can be the agent. A group may read it, as it may a key.
  if ((status.st_mode & (S_IROTH | S_IWOTH)) != 0)
    return refused(fmt::format("everybody may read or write the token file {}: chmod o-rw {}", file, file));
  errno = 0;
  std::ifstream stream{file, std::ios::binary};
  if (!stream) return unreadable(file);
  std::string token(longest_token + 1, '\0');
  stream.read(token.data(), static_cast<std::streamsize>(token.size()));
  token.resize(static_cast<std::size_t>(stream.gcount()));
  while (token.ends_with('\n') || token.ends_with('\r')) token.pop_back();
  if (token.empty()) return refused(fmt::format("the token file {} is empty", file));
  if (token.size() > longest_token)
    return refused(fmt::format("the token file {} has more than {} bytes", file, longest_token));
  return std::optional{std::move(token)};
}

}  // namespace picket::agent::internal
