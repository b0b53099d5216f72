// Asks a slow service about each client and answers when it knows, while the event loop goes on with other requests.
// The service is played by a thread that waits: clients whose address ends with .7 are unwelcome. Run it: slow_lookup
// --listen unix:/tmp/lookup.sock
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

/// One thread that looks clients up, one after the other.
class Lookups {
 public:
  void ask(std::string client, Completion completion) {
    const std::lock_guard lock{mutex_};
    asked_.push_back({std::move(client), std::move(completion)});
    changed_.notify_one();
  }

 private:
  struct Asked {
    std::string client;
    Completion completion;
  };

  void run(const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    while (changed_.wait(lock, stop, [this] { return !asked_.empty(); })) {
      Asked next = std::move(asked_.front());
      asked_.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::milliseconds{20});  // the service
      if (next.client.ends_with(".7"))
        std::move(next.completion).complete(Decision::block(403).reason("unwelcome"));
      else
        std::move(next.completion).complete(Decision::allow());
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Asked> asked_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

class SlowLookup final : public Handler {
 public:
  Info info() const override { return {.id = "slow-lookup", .version = "1"}; }

  Reply on_request_headers(const RequestHeaders& request, Context& context) override {
    if (request.metadata.client_ip.empty()) return Unanswered{};  // nothing to judge: the failure mode decides
    Completion completion = context.defer();
    const Deferred later = completion.deferred();
    lookups_.ask(std::string{request.metadata.client_ip}, std::move(completion));
    return later;
  }

 private:
  Lookups lookups_;
};

}  // namespace

int main(int argc, char** argv) { return serve<SlowLookup>(argc, argv); }
