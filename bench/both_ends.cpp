#include "bench/both_ends.hpp"

#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

#include "picket/agent/served_connection.hpp"
#include "picket/pool/agent_pool.hpp"
#include "picket/transport/listener.hpp"

namespace picket::bench {
namespace {

class Allow final : public agent::Handler {
 public:
  [[nodiscard]] session::AgentInfo info() const override { return {.agent_id = "a", .name = "n", .version = "1"}; }
};

std::filesystem::path new_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "picket-bench-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
  return name;
}

/// What worked, or an exception.
template <class T>
T&& checked(base::Result<T>&& result) {
  if (!result) throw std::runtime_error{result.error().message()};
  return std::move(*result);
}

}  // namespace

class BothEnds::Impl {
 public:
  explicit Impl(wire::Encoding encoding)
      : endpoint_(checked(transport::Endpoint::unix_path((folder_ / "s").string()))),
        listener_(checked(transport::Listener::open(worker_, endpoint_, {}))),
        environment_{.worker = worker_,
                     .handler = handler_,
                     .mailbox = std::make_shared<agent::Mailbox>(worker_),
                     .execution = agent::Execution::on_loop,
                     .config = {.info = handler_.info()},
                     .log = {},
                     .on_over = [](agent::internal::ServedConnection&) {}},
        agent_(checked(pool_.add_agent({.id = "a", .endpoint = endpoint_.text(), .encodings = {encoding}})).get()) {
    transport::spawn(transport::accept_all(listener_, worker_, [this](int descriptor) {
      connections_.push_back(std::make_shared<agent::internal::ServedConnection>(environment_));
      connections_.back()->start(descriptor);
    }));
    turn_until([this] { return agent_.ready_connections() == 1; });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    environment_.mailbox->close();
    for (const auto& connection : connections_) connection->close();
    listener_.close();
    worker_.turn(base::TimePoint::min());  // the accepting task ends
    std::filesystem::remove_all(folder_);
  }

  void exchange(const wire::RequestHeaders& like) {
    const base::CorrelationId id = worker_.ids().mint();
    {
      pool::Exchange exchange = pool_.begin(agent_, id);
      wire::RequestHeaders head = like;
      head.metadata.correlation_id = id.text();
      const pool::Call call = exchange.request_headers(head);
      turn_until([&] { return call.done(); });
      if (!call.result()) throw std::runtime_error{call.result().error().message()};
    }
    worker_.ids().release(id);
  }

 private:
  template <class Predicate>
  void turn_until(Predicate holds) {
    while (!holds()) worker_.turn(base::TimePoint::max());
  }

  std::filesystem::path folder_ = new_folder();
  transport::Endpoint endpoint_;
  transport::Worker worker_;
  transport::Listener listener_;
  Allow handler_;
  agent::internal::ServedConnection::Environment environment_;
  std::vector<std::shared_ptr<agent::internal::ServedConnection>> connections_;
  pool::AgentPool pool_{worker_, {.connections_per_agent = 1, .health_check_interval = std::chrono::hours{1}}};
  pool::Agent& agent_;
};

BothEnds::BothEnds(wire::Encoding encoding) : impl_(std::make_unique<Impl>(encoding)) {}
BothEnds::~BothEnds() = default;
void BothEnds::exchange(const wire::RequestHeaders& like) { impl_->exchange(like); }

}  // namespace picket::bench
