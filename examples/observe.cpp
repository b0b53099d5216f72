// Counts requests by the class of their status, and decides nothing: it is told when an exchange is over. A file has
// the counts as Prometheus reads them (for the node exporter's textfile collector), written anew every second. Run it:
// METRICS_FILE=/tmp/observe.prom observe --listen unix:/tmp/observe.sock
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "picket/agent/serve.hpp"

using namespace picket::agent;

namespace {

/// Counted by every worker's handler, read by the thread that writes the file.
struct Counts {
  std::array<std::atomic<std::uint64_t>, 6> by_class{};  // [2]: 200 to 299; [0]: what is none
  std::atomic<std::uint64_t> request_bytes{0};
};

/// Writes the counts until it is destroyed, and once more then.
class Writer {
 public:
  Writer(const Counts& counts, std::filesystem::path file) : counts_(counts), file_(std::move(file)) {}
  ~Writer() {
    thread_.request_stop();
    thread_.join();
    write();
  }

 private:
  void run(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any stopped;
    std::unique_lock lock{mutex};
    while (!stop.stop_requested()) {
      write();
      stopped.wait_for(lock, stop, std::chrono::seconds{1}, [] { return false; });
    }
  }
  /// A reader sees the old file or the new one, never a part.
  void write() const {
    const std::filesystem::path next = file_.string() + ".new";
    std::ofstream{next} << text();
    std::error_code failed;
    std::filesystem::rename(next, file_, failed);
    if (failed) std::cerr << "observe: " << file_ << ": " << failed.message() << '\n';
  }
  [[nodiscard]] std::string text() const {
    std::string lines = "# TYPE observed_requests_total counter\n";
    for (std::size_t i = 0; i < counts_.by_class.size(); ++i)
      lines += "observed_requests_total{class=\"" + std::to_string(i) + "xx\"} " +
               std::to_string(counts_.by_class.at(i).load()) + "\n";
    lines += "# TYPE observed_request_bytes_total counter\nobserved_request_bytes_total ";
    return lines + std::to_string(counts_.request_bytes.load()) + "\n";
  }

  const Counts& counts_;
  std::filesystem::path file_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

class Observer final : public Handler {
 public:
  explicit Observer(Counts& counts) : counts_(counts) {}

  Info info() const override { return {.id = "observe", .version = "1"}; }

  void on_complete(const RequestComplete& end, Context&) override {
    const auto kind = static_cast<std::size_t>(end.status / 100);
    ++counts_.by_class.at(kind < counts_.by_class.size() ? kind : 0);
    counts_.request_bytes += end.request_body_size;
  }

 private:
  Counts& counts_;
};

}  // namespace

int main(int argc, char** argv) {
  const char* const file = std::getenv("METRICS_FILE");
  if (file == nullptr) {
    std::cerr << "observe: set METRICS_FILE to the file to write\n";
    return 2;
  }
  Counts counts;
  std::optional<Writer>
      writer;  // begins with the first handler: a thread that began earlier would get serve()'s signals
  return serve(argc, argv, [&] {
    if (!writer) writer.emplace(counts, file);
    return std::make_unique<Observer>(counts);
  });
}
