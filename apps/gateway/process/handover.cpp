#include "apps/gateway/process/handover.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace picket::apps::gateway::process {
namespace {

using base::ErrorKind;
using base::fail;
using namespace std::chrono_literals;

constexpr const char* environment_name = "PICKET_HANDOVER";
constexpr int handed_descriptor = 3;  // of the new process
// Rules may have to be compiled by agents before the new process serves.
constexpr auto patience_with_new = 60s;
constexpr auto patience_with_old = 10s;
// For one that is not wanted any more to end by itself.
constexpr auto patience_with_end = 2s;
constexpr std::size_t largest_record = 1024;

constexpr std::string_view socket_word = "socket";
constexpr std::string_view socket_and_file_word = "socket and file";
constexpr std::string_view tickets_word = "tickets ";
constexpr std::string_view end_word = "end";
constexpr std::string_view serving_word = "serving";
constexpr std::string_view connections_word = "connections ";

base::Error system_error(std::string_view what) {
  return fail(ErrorKind::io, fmt::format("{}: {}", what, ::strerrordesc_np(errno)));
}

std::optional<std::size_t> number_behind(std::string_view word, std::string_view text) {
  if (!text.starts_with(word)) return std::nullopt;
  text.remove_prefix(word.size());
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// What the new process gets beside this one's: where the socket is. What systemd said was for this process.
std::vector<std::string> environment_of_new() {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable{*at};
    if (!variable.starts_with("LISTEN_")) variables.emplace_back(variable);
  }
  variables.push_back(fmt::format("{}={}", environment_name, handed_descriptor));
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// With no signal blocked or ignored that this process blocks or ignores. Returns 0 with `errno` set where it fails.
pid_t spawn(const std::filesystem::path& program, std::vector<std::string> arguments, int channel) {
  std::vector<std::string> environment = environment_of_new();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, channel, handed_descriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, pointers(arguments).data(),
                                  pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  errno = error;
  return error == 0 ? pid : 0;
}

std::string text_of(const transport::tls::TicketKeys::Handed& tickets) {
  std::string text{tickets_word};
  text.append(reinterpret_cast<const char*>(tickets.data()), sizeof tickets);
  return text;
}

}  // namespace

// ---- the channel

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

// ---- the new process

base::Result<std::unique_ptr<NewProcess>> NewProcess::start(
    const std::filesystem::path& program, const std::vector<std::string>& arguments,
    const std::vector<const transport::ListeningSocket*>& sockets, const transport::tls::TicketKeys::Handed& tickets) {
  auto channel = HandoverChannel::make();
  if (!channel) return std::move(channel.error());
  auto& [ours, theirs] = *channel;
  const pid_t pid = spawn(program, arguments, theirs.socket());
  if (pid == 0) return system_error(fmt::format("cannot start {}", program.string()));
  std::unique_ptr<NewProcess> made{new NewProcess{std::move(ours), pid}};
  for (const auto* const socket : sockets)
    made->unsent_.push_back({.text = std::string{socket->owns_file() ? socket_and_file_word : socket_word},
                             .descriptor = socket->descriptor()});
  made->unsent_.push_back({.text = text_of(tickets)});
  made->unsent_.push_back({.text = std::string{end_word}});
  return made;
}

NewProcess::~NewProcess() {
  if (state_ == State::starting) end("it is not wanted any more");
}

/// It may have clients already: they get their answers, if that takes no time.
void NewProcess::end(std::string reason) {
  state_ = State::gone;
  reason_ = std::move(reason);
  ::kill(pid_, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + patience_with_end;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() >= until) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(5ms);
  }
}

bool NewProcess::has_ended() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
  state_ = State::gone;
  reason_ = WIFEXITED(status) ? fmt::format("it ended with {}", WEXITSTATUS(status))
                              : fmt::format("it was ended by signal {}", WTERMSIG(status));
  return true;
}

/// Of one that ends the channel closes first, and how it ended is known a moment later.
bool NewProcess::is_closed_for_long() {
  const auto now = std::chrono::steady_clock::now();
  if (!closed_at_) closed_at_ = now;
  return now - *closed_at_ > patience_with_end;
}

base::Status NewProcess::hand_on() {
  while (!unsent_.empty()) {
    HandoverChannel::Record& record = unsent_.front();
    const auto sent = channel_.send(record.text, record.descriptor);
    if (!sent) return sent.error();
    if (!*sent) break;
    OPENSSL_cleanse(record.text.data(), record.text.size());
    unsent_.pop_front();
  }
  return {};
}

NewProcess::State NewProcess::look() {
  if (state_ != State::starting) return state_;
  // What it has said before it ended counts.
  const auto handed = hand_on();
  const auto record = channel_.receive(0ms);
  if (record && *record && (*record)->text == serving_word) {
    state_ = State::serving;
  } else if (has_ended()) {
    return state_;
  } else if ((!handed || !record) && is_closed_for_long()) {
    end(fmt::format("it does not take what it is given: {}", (handed ? record.error() : handed.error()).detail()));
  } else if (std::chrono::steady_clock::now() - started_ > patience_with_new) {
    end(fmt::format("it does not serve after {} s", patience_with_new.count()));
  }
  return state_;
}

void NewProcess::say_connections(std::size_t count) {
  (void)channel_.send(fmt::format("{}{}", connections_word, count)).has_value();  // it may be gone: then nobody minds
}

// ---- the old process

std::unique_ptr<OldProcess> OldProcess::of_environment() {
  const char* const value = std::getenv(environment_name);
  if (value == nullptr) return nullptr;
  const auto descriptor = number_behind("", value);
  ::unsetenv(environment_name);
  if (!descriptor || *descriptor != handed_descriptor) return nullptr;
  ::fcntl(handed_descriptor, F_SETFD, FD_CLOEXEC);
  return std::unique_ptr<OldProcess>{new OldProcess{HandoverChannel{handed_descriptor}}};
}

base::Result<Inheritance> OldProcess::inherit() {
  Inheritance all;
  const auto until = std::chrono::steady_clock::now() + patience_with_old;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    auto received = channel_.receive(std::max(left, 0ms));
    if (!received) return std::move(received.error());
    if (!*received) return fail(ErrorKind::timeout, "the process before this one does not say what it hands over");
    HandoverChannel::Record& record = **received;
    if (record.text == end_word) return all;
    if ((record.text == socket_word || record.text == socket_and_file_word) && record.descriptor >= 0) {
      auto socket = transport::ListeningSocket::adopt(record.descriptor);
      if (!socket) return std::move(socket.error());
      if (record.text == socket_and_file_word) all.files.push_back(socket->endpoint().text());
      all.sockets.push_back(std::move(*socket));
    } else if (record.text.starts_with(tickets_word) &&
               record.text.size() == tickets_word.size() + sizeof(transport::tls::TicketKeys::Handed)) {
      std::memcpy(&all.tickets.emplace(), record.text.data() + tickets_word.size(), sizeof *all.tickets);
      OPENSSL_cleanse(record.text.data(), record.text.size());
    } else if (record.descriptor >= 0) {
      ::close(record.descriptor);  // of a version that hands more over
    }
  }
}

void OldProcess::say_serving() {
  if (!channel_.send(serving_word).value_or(false)) is_gone_ = true;
}

std::optional<std::size_t> OldProcess::look() {
  std::optional<std::size_t> latest;
  while (!is_gone_) {
    const auto record = channel_.receive(0ms);
    if (!record) {
      is_gone_ = true;
      return 0;
    }
    if (!*record) break;
    if (const auto count = number_behind(connections_word, (*record)->text)) latest = count;
  }
  return latest;
}

// ---- systemd

base::Result<std::vector<transport::ListeningSocket>> sockets_of_systemd() {
  std::vector<transport::ListeningSocket> sockets;
  const char* const pid = std::getenv("LISTEN_PID");
  const char* const count = std::getenv("LISTEN_FDS");
  const bool are_ours = pid != nullptr && count != nullptr &&
                        number_behind("", pid) == std::optional{static_cast<std::size_t>(::getpid())};
  const std::size_t wanted = are_ours ? number_behind("", count).value_or(0) : 0;
  for (const char* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  constexpr int first = 3;  // SD_LISTEN_FDS_START
  for (std::size_t i = 0; i < wanted; ++i) {
    auto socket = transport::ListeningSocket::adopt(first + static_cast<int>(i));
    if (!socket)
      return fail(socket.error().kind(), fmt::format("socket {} of systemd's: {}", i + 1, socket.error().detail()));
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
