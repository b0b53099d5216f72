// Counts requests by the class of their status, and decides nothing: it is told when an exchange is over. What it
// counts stands on its proxies' pages of metrics. Run it: observe --listen unix:/tmp/observe.sock
#include <array>
#include <cstddef>
#include <string>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

class Observer final : public Handler {
 public:
  Info info() const override { return {.id = "observe", .version = "1"}; }

  void on_complete(const RequestComplete& end, Context&) override {
    const auto kind = static_cast<std::size_t>(end.status / 100);
    requests_.at(kind < requests_.size() ? kind : 0)->add();
    request_bytes_.add(end.request_body_size);
    seconds_.observe(static_cast<double>(end.duration_ms) / 1000);
  }

 private:
  Counter* of_class(const std::string& name) {
    return &metrics().counter("observed_requests_total", "Requests by the class of their status.", {{"class", name}});
  }

  Counter& request_bytes_ = metrics().counter("observed_request_bytes_total", "Bytes of request bodies.");
  Histogram& seconds_ = metrics().histogram("observed_request_seconds", "How long requests took.");
  std::array<Counter*, 6> requests_{of_class("none"), of_class("1xx"), of_class("2xx"),
                                    of_class("3xx"),  of_class("4xx"), of_class("5xx")};
};

}  // namespace

int main(int argc, char** argv) { return serve<Observer>(argc, argv); }
