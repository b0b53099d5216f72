#include "apps/gateway/process/handover_channel.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace picket::apps::gateway::process {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::size_t largest_record = 1024;

base::Error system_error(std::string_view what) {
  return fail(ErrorKind::io, fmt::format("{}: {}", what, ::strerrordesc_np(errno)));
}

}  // namespace

std::optional<std::size_t> handover::number_behind(std::string_view word, std::string_view text) {
  if (!text.starts_with(word)) return std::nullopt;
  text.remove_prefix(word.size());
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

base::Result<std::pair<HandoverChannel, HandoverChannel>> HandoverChannel::make() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return system_error("cannot make a socket between two processes");
  return std::pair{HandoverChannel{ends[0]}, HandoverChannel{ends[1]}};
}

HandoverChannel::~HandoverChannel() {
  if (socket_ >= 0) ::close(socket_);
}

base::Result<bool> HandoverChannel::send(std::string_view text, int descriptor) const {
  iovec part{const_cast<char*>(text.data()), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptor)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (descriptor >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  }
  if (::sendmsg(socket_, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
  if (errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS) return false;
  if (errno == EPIPE || errno == ECONNRESET) return fail(ErrorKind::connection_closed, "the other process is gone");
  return system_error("cannot write to the other process");
}

base::Result<std::optional<HandoverChannel::Record>> HandoverChannel::receive(
    std::chrono::milliseconds patience) const {
  pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return std::optional<Record>{};
  std::array<char, largest_record> bytes{};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(socket_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size == 0 || (size < 0 && errno == ECONNRESET))
    return fail(ErrorKind::connection_closed, "the other process is gone");
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return std::optional<Record>{};
  if (size < 0) return system_error("cannot read from the other process");
  Record record{.text = std::string{bytes.data(), static_cast<std::size_t>(size)}};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS)
    std::memcpy(&record.descriptor, CMSG_DATA(header), sizeof record.descriptor);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return std::optional{std::move(record)};
}

}  // namespace picket::apps::gateway::process
