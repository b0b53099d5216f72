#include "apps/gateway/process/metrics_server.hpp"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "picket/base/buffer.hpp"
#include "picket/http/date.hpp"
#include "picket/http/request_head.hpp"
#include "picket/http/target.hpp"

namespace picket::apps::gateway::process {
namespace {

constexpr base::Duration patience = std::chrono::seconds{5};
constexpr std::ptrdiff_t max_clients = 16;
constexpr std::size_t read_size = 4096;
constexpr http::HeadLimits head_limits{.max_size = 8192, .max_fields = 50};

std::string response(std::string_view status, std::string_view type, std::string_view body) {
  http::DateClock clock;
  return fmt::format("HTTP/1.1 {}\r\nDate: {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                     status, clock.now(), type, body.size(), body);
}

}  // namespace

base::Result<std::unique_ptr<MetricsServer>> MetricsServer::open(transport::ListeningSocket socket, Page page) {
  std::unique_ptr<MetricsServer> server{new MetricsServer{std::move(page)}};
  auto listener = transport::Listener::take(
      server->worker_, std::move(socket),
      {.keeps_spare = true, .on_failed = [raw = server.get()](const base::Error&) { raw->close_oldest(); }});
  if (!listener) return std::move(listener.error());
  server->listener_.emplace(std::move(*listener));
  server->accepting_ = true;
  transport::spawn(server->accept());
  server->thread_ = std::jthread{[raw = server.get()] { raw->worker_.run(); }};
  return server;
}

MetricsServer::~MetricsServer() {
  if (!thread_.joinable()) return;
  const auto idle = [this] {
    std::promise<bool> result;
    worker_.post([&] {
      listener_->close();
      for (auto* const client : open_) client->stream.close();
      result.set_value(!accepting_ && open_.empty());
    });
    return result.get_future().get();
  };
  while (!idle()) std::this_thread::yield();
  worker_.stop();
  thread_.join();
}

transport::Task<void> MetricsServer::accept() {
  std::function<void(const transport::Accepted&)> take = [this](const transport::Accepted& accepted) {
    transport::spawn(serve(accepted.descriptor));
  };
  co_await transport::accept_all(*listener_, worker_, std::move(take));
  accepting_ = false;
}

transport::Task<void> MetricsServer::serve(int descriptor) {
  make_room();
  Client client{transport::adopt(worker_, descriptor)};
  open_.push_back(&client);
  co_await answer_to(client);
  listener_->end(client.stream);
  std::erase(open_, &client);
}

void MetricsServer::make_room() noexcept {
  if (std::ranges::count(open_, false, &Client::is_closed) >= max_clients) close_oldest();
}

/// One that has not asked yet, else one that does not take its answer.
void MetricsServer::close_oldest() noexcept {
  auto oldest =
      std::ranges::find_if(open_, [](const Client* client) { return !client->is_closed && !client->has_asked; });
  if (oldest == open_.end()) oldest = std::ranges::find(open_, false, &Client::is_closed);
  if (oldest == open_.end()) return;
  (*oldest)->is_closed = true;
  listener_->end((*oldest)->stream);
}

transport::Task<void> MetricsServer::answer_to(Client& client) {
  const base::Deadline deadline = base::Deadline::after(worker_.now(), patience);
  base::Buffer buffer;
  http::HeadEnd end;
  while (!end.size && !end.error) {
    const std::span<char> space{buffer.prepare(read_size), read_size};
    const auto size = co_await client.stream.read_some(space, deadline);
    if (!size || *size == 0) co_return;
    buffer.commit(*size);
    end = http::find_head_end(buffer.text(), 0, head_limits);
  }
  if (!end.size) co_return;
  client.has_asked = true;
  std::string text = answer(buffer.text().substr(0, *end.size));
  iovec all{text.data(), text.size()};
  const std::span<iovec> parts{&all, 1};
  const auto written = co_await client.stream.write(parts, deadline);
  if (written) client.stream.shutdown_write();
}

std::string MetricsServer::answer(std::string_view head) const {
  base::Arena arena;
  const auto [request, error] = http::read_request_head(head, head_limits, arena);
  if (error) return response("400 Bad Request", "text/plain", fmt::format("{}\n", error->reason));
  if (request.method != "GET") return response("405 Method Not Allowed", "text/plain", "only GET\n");
  const auto page = page_(http::path_of(request.target));
  if (!page) return response("404 Not Found", "text/plain", "nothing is here\n");
  return response("200 OK", "text/plain; version=0.0.4; charset=utf-8", *page);
}

}  // namespace picket::apps::gateway::process
