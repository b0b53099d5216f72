#include "apps/gateway/process/new_process.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <thread>

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace picket::apps::gateway::process {
namespace {

using namespace std::chrono_literals;

// Rules may have to be compiled by agents before the new process serves.
constexpr auto patience_with_new = 60s;
// For one that is not wanted any more to end by itself.
constexpr auto patience_with_end = 2s;

/// What the new process gets beside this one's: where the socket is. What systemd said was for this process.
std::vector<std::string> environment_of_new() {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string_view variable{*at};
    if (!variable.starts_with("LISTEN_")) variables.emplace_back(variable);
  }
  variables.push_back(fmt::format("{}={}", handover::environment_name, handover::descriptor));
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

/// With no signal ignored that this process ignores, and none blocked but those that it is to hear once it listens for
/// them, as that logs were rotated: they would else end it. Returns 0 with `errno` set where it fails.
pid_t spawn(const std::filesystem::path& program, std::vector<std::string> arguments, int channel) {
  std::vector<std::string> environment = environment_of_new();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, channel, handover::descriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t heard_later;
  sigemptyset(&heard_later);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&heard_later, signal);
  sigset_t all;
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &heard_later);
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
  std::string text{handover::tickets_word};
  text.append(reinterpret_cast<const char*>(tickets.data()), sizeof tickets);
  return text;
}

}  // namespace

base::Result<std::unique_ptr<NewProcess>> NewProcess::start(
    const std::filesystem::path& program, const std::vector<std::string>& arguments,
    const std::vector<const transport::ListeningSocket*>& sockets, const transport::tls::TicketKeys::Handed& tickets) {
  auto channel = HandoverChannel::make();
  if (!channel) return std::move(channel.error());
  auto& [ours, theirs] = *channel;
  const pid_t pid = spawn(program, arguments, theirs.socket());
  if (pid == 0)
    return base::fail(base::ErrorKind::io,
                      fmt::format("cannot start {}: {}", program.string(), ::strerrordesc_np(errno)));
  std::unique_ptr<NewProcess> made{new NewProcess{std::move(ours), pid}};
  for (const auto* const socket : sockets)
    made->unsent_.push_back(
        {.text = std::string{socket->owns_file() ? handover::socket_and_file_word : handover::socket_word},
         .descriptor = socket->descriptor()});
  made->unsent_.push_back({.text = text_of(tickets)});
  made->unsent_.push_back({.text = std::string{handover::end_word}});
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
  const auto until = base::Clock::now() + patience_with_end;
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (base::Clock::now() >= until) ::kill(pid_, SIGKILL);
    std::this_thread::sleep_for(5ms);
  }
}

/// Nobody stands between it and init any more.
void NewProcess::let_go(pid_t serves) {
  if (serves == pid_) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = serves;
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
  const auto now = base::Clock::now();
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
  const bool has_said = record && *record;
  if (const auto serves = has_said ? handover::number_behind(handover::serving_word, (*record)->text) : std::nullopt) {
    state_ = State::serving;
    let_go(static_cast<pid_t>(*serves));
  } else if (has_ended()) {
    return state_;
  } else if ((!handed || !record) && is_closed_for_long()) {
    end(fmt::format("it does not take what it is given: {}", (handed ? record.error() : handed.error()).detail()));
  } else if (base::Clock::now() - started_ > patience_with_new) {
    end(fmt::format("it does not serve after {} s", patience_with_new.count()));
  }
  return state_;
}

void NewProcess::say_connections(std::size_t count) {
  (void)channel_.send(fmt::format("{}{}", handover::connections_word, count))
      .has_value();  // it may be gone: then nobody minds
}

}  // namespace picket::apps::gateway::process
