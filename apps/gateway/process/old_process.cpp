#include "apps/gateway/process/old_process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "picket/base/time.hpp"

namespace picket::apps::gateway::process {
namespace {

using namespace std::chrono_literals;

constexpr auto patience_with_old = 10s;

/// Passes on what it is told, and ends as the other does.
int stand_between(pid_t child, const sigset_t& told) {
  ::close(handover::descriptor);  // that it is closed says that the other has ended
  int status = 0;
  while (::waitpid(child, &status, WNOHANG) != child) {
    const int signal = ::sigwaitinfo(&told, nullptr);
    if (signal == SIGTERM || signal == SIGINT) ::kill(child, signal);
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  const int signal = WTERMSIG(status);
  sigset_t same;
  sigemptyset(&same);
  sigaddset(&same, signal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  ::sigprocmask(SIG_UNBLOCK, &same, nullptr);
  return 128 + signal;  // of one that does not end it
}

}  // namespace

std::unique_ptr<OldProcess> OldProcess::of_environment() {
  const char* const value = std::getenv(handover::environment_name);
  if (value == nullptr) return nullptr;
  const auto descriptor = handover::number_behind("", value);
  ::unsetenv(handover::environment_name);
  if (!descriptor || *descriptor != handover::descriptor) return nullptr;
  ::fcntl(handover::descriptor, F_SETFD, FD_CLOEXEC);
  return std::unique_ptr<OldProcess>{new OldProcess{HandoverChannel{handover::descriptor}}};
}

base::Result<Inheritance> OldProcess::inherit() {
  Inheritance all;
  const auto until = base::Clock::now() + patience_with_old;
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - base::Clock::now());
    auto received = channel_.receive(std::max(left, 0ms));
    if (!received) return std::move(received.error());
    if (!*received)
      return base::fail(base::ErrorKind::timeout, "the process before this one does not say what it hands over");
    HandoverChannel::Record& record = **received;
    if (record.text == handover::end_word) return all;
    if ((record.text == handover::socket_word || record.text == handover::socket_and_file_word) &&
        record.descriptor >= 0) {
      auto socket = transport::ListeningSocket::adopt(record.descriptor);
      if (!socket) return std::move(socket.error());
      if (record.text == handover::socket_and_file_word) all.files.push_back(socket->endpoint().text());
      all.sockets.push_back(std::move(*socket));
    } else if (record.text.starts_with(handover::tickets_word) &&
               record.text.size() == handover::tickets_word.size() + sizeof(transport::tls::TicketKeys::Handed)) {
      std::memcpy(&all.tickets.emplace(), record.text.data() + handover::tickets_word.size(), sizeof *all.tickets);
      OPENSSL_cleanse(record.text.data(), record.text.size());
    } else if (record.descriptor >= 0) {
      ::close(record.descriptor);  // of a version that hands more over
    }
  }
}

std::optional<int> OldProcess::stand_behind_another() {
  sigset_t told;
  sigemptyset(&told);
  for (const int signal : {SIGTERM, SIGINT, SIGCHLD}) sigaddset(&told, signal);
  sigset_t all;
  sigfillset(&all);
  sigset_t before;
  ::sigprocmask(SIG_BLOCK, &all, &before);  // what else is said is for the one behind
  const pid_t child = ::fork();
  if (child > 0) return stand_between(child, told);
  if (child == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody else would know of it
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return std::nullopt;
}

void OldProcess::say_serving() {
  ::prctl(PR_SET_PDEATHSIG, 0);
  if (!channel_.send(fmt::format("{}{}", handover::serving_word, ::getpid())).value_or(false)) is_gone_ = true;
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
    if (const auto count = handover::number_behind(handover::connections_word, (*record)->text)) latest = count;
  }
  return latest;
}

}  // namespace picket::apps::gateway::process
