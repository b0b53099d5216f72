#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "picket/transport/listener.hpp"
#include "picket/transport/worker.hpp"

namespace picket::apps::gateway::process {

/// Serves metrics over HTTP on a thread of its own, so that scrapes cost the shards nothing. A scrape always gets its
/// answer: a new client takes the place of the oldest that has not asked yet, and a descriptor is kept in reserve.
/// Thread safety: open() and the destructor from one thread; `page` is called on the server's thread.
class MetricsServer {
 public:
  /// The page at a path; nothing where there is none.
  using Page = std::function<std::optional<std::string>(std::string_view path)>;

  /// Serves those who come to a socket. Errors: io, out of memory.
  [[nodiscard]] static base::Result<std::unique_ptr<MetricsServer>> open(transport::ListeningSocket socket, Page page);
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;
  ~MetricsServer();

 private:
  explicit MetricsServer(Page page) : page_(std::move(page)) {}
  /// A client that is being served.
  struct Client {
    transport::Stream stream;
    bool has_asked = false;
    bool is_closed = false;  // for another's sake
  };
  transport::Task<void> serve(int descriptor);
  [[nodiscard]] transport::Task<void> answer_to(Client& client);
  void make_room() noexcept;
  void close_oldest() noexcept;
  transport::Task<void> accept();
  [[nodiscard]] std::string answer(std::string_view head) const;

  transport::Worker worker_;
  Page page_;
  std::optional<transport::Listener> listener_;
  std::vector<Client*> open_;  // the oldest first; they live in the frames of serve()
  bool accepting_ = false;
  std::jthread thread_;
};

}  // namespace picket::apps::gateway::process
