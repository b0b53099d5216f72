#include "picket/transport/dns/channel.hpp"

#include <chrono>
#include <map>
#include <string_view>
#include <utility>

#include <ares.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/time.h>

#include "picket/base/timer_wheel.hpp"
#include "picket/transport/descriptor.hpp"

namespace picket::transport::dns {
namespace {

// The first wait for a server, and how often each is asked; the second wait is twice as long.
constexpr int first_wait_ms = 1500;
constexpr int tries = 2;

constexpr int internet = 1;  // the class of what is asked

std::string reason(int status) {
  switch (status) {
    case ARES_ENOTFOUND: return "there is no such name (NXDOMAIN)";
    case ARES_ESERVFAIL: return "the name server failed (SERVFAIL)";
    case ARES_EREFUSED: return "the name server refused to answer (REFUSED)";
    case ARES_ETIMEOUT: return "the name server did not answer in time";
    // Of a server that fails c-ares says no more where there is no other to ask.
    case ARES_ECONNREFUSED: return "no name server can be reached, or they fail (SERVFAIL, REFUSED)";
    case ARES_EBADRESP: return "the name server's answer is malformed";
    default: return ::ares_strerror(status);
  }
}

}  // namespace

class Channel::Impl {
 public:
  Impl(Worker& worker, std::span<const std::string> servers)
      : worker_(worker), timer_([](void* self, base::TimePoint) { static_cast<Impl*>(self)->process(); }, this) {
    ares_options options{};
    options.timeout = first_wait_ms;
    options.tries = tries;
    options.sock_state_cb = [](void* self, ares_socket_t socket, int reads, int writes) {
      static_cast<Impl*>(self)->watch(socket, reads != 0, writes != 0);
    };
    options.sock_state_cb_data = this;
    status_ = ::ares_init_options(&channel_, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status_ != ARES_SUCCESS || servers.empty()) return;
    status_ = ::ares_set_servers_ports_csv(channel_, fmt::format("{}", fmt::join(servers, ",")).c_str());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (channel_ != nullptr) ::ares_destroy(channel_);
  }

  void ask(const std::string& name, Type type, Done done) {
    if (status_ != ARES_SUCCESS) return done(failure(status_));
    auto* const question = new Question{type, std::move(done)};
    ::ares_search(
        channel_, name.c_str(), internet, static_cast<int>(type),
        [](void* argument, int status, int, unsigned char* bytes, int size) {
          const std::unique_ptr<Question> asked{static_cast<Question*>(argument)};
          if (status != ARES_EDESTRUCTION) asked->done(answer_of(asked->type, status, bytes, size));
        },
        question);
    arm_timer();
  }

 private:
  struct Question {
    Type type;
    Done done;
  };
  /// One of c-ares' sockets, in the worker's loop. What waits for it shares it.
  struct Socket {
    Socket(Impl& channel, Worker& worker, int value) : owner(&channel), descriptor(worker, value) {}
    Impl* owner;  // null: c-ares has closed it
    Descriptor descriptor;
    bool reads = false;
    bool writes = false;
    bool waits_to_read = false;
    bool waits_to_write = false;
  };

  static base::Error failure(int status) { return base::fail(base::ErrorKind::connection_failed, reason(status)); }

  static base::Result<Answer> answer_of(Type type, int status, const unsigned char* bytes, int size) {
    if (status == ARES_ENODATA) return Answer{};
    if (status != ARES_SUCCESS) return failure(status);
    return read_answer({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)}, type);
  }

  /// c-ares opens, uses and closes its sockets itself, and says here what it waits for.
  void watch(int value, bool reads, bool writes) {
    auto found = sockets_.find(value);
    if (!reads && !writes) {
      if (found == sockets_.end()) return;
      found->second->owner = nullptr;
      (void)found->second->descriptor.release();
      sockets_.erase(found);
      return;
    }
    if (found == sockets_.end()) found = sockets_.emplace(value, std::make_shared<Socket>(*this, worker_, value)).first;
    found->second->reads = reads;
    found->second->writes = writes;
    wait(found->second);
  }

  static void wait(const std::shared_ptr<Socket>& socket) {
    if (socket->owner == nullptr) return;
    if (socket->reads && !std::exchange(socket->waits_to_read, true))
      socket->descriptor.wait(Readiness::readable, {&on_ready<Readiness::readable>, socket});
    if (socket->writes && !std::exchange(socket->waits_to_write, true))
      socket->descriptor.wait(Readiness::writable, {&on_ready<Readiness::writable>, socket});
  }

  template <Readiness What>
  static void on_ready(std::shared_ptr<void>& self, const Completion& outcome) {
    const auto socket = std::static_pointer_cast<Socket>(std::move(self));
    constexpr bool reads = What == Readiness::readable;
    (reads ? socket->waits_to_read : socket->waits_to_write) = false;
    if (socket->owner == nullptr || outcome.error != 0) return;  // its query has its own time-out
    const int value = socket->descriptor.value();
    socket->owner->process(reads ? value : ARES_SOCKET_BAD, reads ? ARES_SOCKET_BAD : value);
    wait(socket);
  }

  void process(int readable = ARES_SOCKET_BAD, int writable = ARES_SOCKET_BAD) {
    ::ares_process_fd(channel_, readable, writable);
    arm_timer();
  }

  /// For when c-ares asks again, or gives up.
  void arm_timer() {
    timeval left{};
    if (::ares_timeout(channel_, nullptr, &left) == nullptr) return timer_.cancel();
    constexpr base::Duration least = std::chrono::milliseconds{1};
    const base::Duration pause = std::chrono::seconds{left.tv_sec} + std::chrono::microseconds{left.tv_usec};
    worker_.timers().arm(timer_, worker_.now() + std::max(pause, least));
  }

  Worker& worker_;
  ares_channel channel_ = nullptr;
  int status_ = ARES_SUCCESS;
  std::map<int, std::shared_ptr<Socket>> sockets_;
  base::Timer timer_;
};

Channel::Channel(Worker& worker, std::span<const std::string> servers)
    : impl_(std::make_unique<Impl>(worker, servers)) {}

Channel::~Channel() = default;

void Channel::ask(const std::string& name, Type type, Done done) { impl_->ask(name, type, std::move(done)); }

}  // namespace picket::transport::dns
