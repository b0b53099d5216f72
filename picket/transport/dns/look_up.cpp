#include "picket/transport/dns/look_up.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "picket/base/host_name.hpp"
#include "picket/transport/dns/answer.hpp"
#include "picket/transport/dns/channel.hpp"
#include "picket/transport/dns/hosts.hpp"

namespace picket::transport::dns {
namespace {

// How long what a hosts file says is good for.
constexpr base::Duration hosts_ttl = std::chrono::seconds{30};
// Once addresses are there: how long those of the other family may take. Some name servers answer no AAAA at all, and
// what is there shall not wait for them (RFC 8305 §3).
constexpr base::Duration grace = std::chrono::milliseconds{500};
// Hosts of one service that are looked up.
constexpr std::size_t most_targets = most_places;

int family_of(Type type) noexcept { return type == Type::a ? AF_INET : AF_INET6; }

std::string text_of_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

base::Error cannot_look_up(std::string_view host, std::string_view why) {
  return base::fail(base::ErrorKind::connection_failed, fmt::format("'{}' cannot be looked up: {}", host, why));
}

}  // namespace

std::optional<std::string> Options::problem() const {
  for (const std::string& server : servers) {
    const auto read = Endpoint::parse("tcp:" + server, ClearText::allowed);
    if (!read || read->port() == 0) return fmt::format("'{}' is no name server's address: expected IP:PORT", server);
  }
  return std::nullopt;
}

class LookUp::Impl {
 public:
  Impl(Worker& worker, const Options& options, const Endpoint& name, Done done)
      : worker_(worker),
        hosts_file_(options.hosts_file),
        name_(name.host()),
        done_(std::move(done)),
        timer_([](void* self, base::TimePoint) { static_cast<Impl*>(self)->end(); }, this),
        channel_(worker, options.servers) {
    findings_.ttl = most_ttl;
    finished_.wait([](void* self) { static_cast<Impl*>(self)->report(); }, this);
    if (base::is_service_name(name_)) {
      ask({.host = name_, .type = Type::srv});
    } else {
      look_up({.target = name_, .port = name.port()});
    }
    answered();
  }

 private:
  struct Question {
    std::string host;
    Type type = Type::a;
    Service service = {};  // that led there; of the name itself the port alone
    bool is_answered = false;
  };

  void look_up(const Service& service) {
    const auto local = addresses_in_hosts(text_of_file(hosts_file_), service.target);
    if (!local.empty()) return add(service, local, hosts_ttl);
    for (const Type type : {Type::a, Type::aaaa}) ask({.host = service.target, .type = type, .service = service});
  }

  void ask(Question asked) {
    ++pending_;
    Question& question = questions_.emplace_back(std::move(asked));
    channel_.ask(question.host, question.type, [this, &question](base::Result<Answer> answer) {
      question.is_answered = true;
      answer ? take(question, *answer) : note_failure(question, answer.error().detail());
      answered();
    });
  }

  void take(const Question& question, Answer& answer) {
    findings_.ttl = std::min(findings_.ttl, answer.ttl);
    if (question.type != Type::srv) return add(question.service, answer.addresses, answer.ttl);
    std::vector<Service>& services = answer.services;
    std::ranges::sort(services, {}, &Service::priority);
    services.resize(std::min(services.size(), most_targets));
    for (const Service& service : services) look_up(service);
  }

  void add(const Service& service, const std::vector<std::string>& addresses, base::Duration ttl) {
    findings_.ttl = std::min(findings_.ttl, ttl);
    for (const std::string& address : addresses) {
      auto endpoint = Endpoint::tcp(address, service.port);
      if (!endpoint) continue;
      findings_.places.push_back({.address = std::move(*endpoint),
                                  .host = service.target,
                                  .priority = service.priority,
                                  .weight = service.weight});
    }
    if (!addresses.empty() && !timer_.armed()) worker_.timers().arm(timer_, worker_.now() + grace);
  }

  void note_failure(const Question& question, std::string_view why) {
    if (question.type == Type::srv) {
      findings_.services_are_unknown = true;
    } else {
      findings_.unknown.push_back({.host = question.host, .family = family_of(question.type)});
    }
    if (!findings_.problem) findings_.problem = cannot_look_up(question.host, why);
  }

  void answered() {
    if (--pending_ == 0) worker_.resume(finished_);
  }

  /// What is not answered by now is not waited for.
  void end() {
    for (const Question& question : questions_)
      if (!question.is_answered) note_failure(question, "an answer of the name server is overdue");
    worker_.resume(finished_);
  }

  void report() {
    if (findings_.places.empty() && !findings_.problem) findings_.problem = cannot_look_up(name_, "it has no address");
    auto done = std::move(done_);
    done(std::move(findings_));  // this look-up may be gone
  }

  Worker& worker_;
  std::string hosts_file_;
  std::string name_;
  Done done_;
  Findings findings_;
  std::deque<Question> questions_;
  std::size_t pending_ = 1;  // questions; the first one is the look-up's own
  Resumption finished_;
  base::Timer timer_;
  Channel channel_;  // the first to go: what it still asks calls nobody then
};

LookUp::LookUp(Worker& worker, const Options& options, const Endpoint& name, Done done)
    : impl_(std::make_unique<Impl>(worker, options, name, std::move(done))) {}

LookUp::~LookUp() = default;

}  // namespace picket::transport::dns
