#include "apps/gateway/process/systemd.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "apps/gateway/process/handover_channel.hpp"

namespace picket::apps::gateway::process {

base::Result<std::vector<transport::ListeningSocket>> sockets_of_systemd() {
  std::vector<transport::ListeningSocket> sockets;
  const char* const pid = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  const bool are_ours = pid != nullptr && count != nullptr &&
                        handover::number_behind("", pid) == std::optional{static_cast<std::size_t>(::getpid())};
  const std::size_t wanted = are_ours ? handover::number_behind("", count).value_or(0) : 0;
  for (const char* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  constexpr int first = 3;  // SD_LISTEN_FDS_START
  for (std::size_t i = 0; i < wanted; ++i) {
    auto socket = transport::ListeningSocket::adopt(first + static_cast<int>(i));
    if (!socket)
      return base::fail(socket.error().kind(),
                        fmt::format("socket {} of systemd's: {}", i + 1, socket.error().detail()));
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

void notify_systemd(std::string_view text) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path == nullptr || std::strlen(path) >= sizeof address.sun_path) return;
  const std::size_t size = std::strlen(path);
  std::memcpy(address.sun_path, path, size);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  ::sendto(socket, text.data(), text.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length);
  ::close(socket);
}

}  // namespace picket::apps::gateway::process
