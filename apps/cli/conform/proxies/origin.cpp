#include "apps/cli/conform/proxies/origin.hpp"

#include <fmt/format.h>

#include "apps/cli/conform/proxies/web_socket.hpp"

namespace picket::apps::cli::conform::proxies {
namespace {

constexpr std::chrono::seconds to_write{5};

}  // namespace

void Origin::forget() {
  accepting_->forget();
  clients_.clear();
  requests_.clear();
  answer_ = Answer{};
}

void Origin::poll() {
  for (Line& line : accepting_->lines())
    clients_.push_back(Client{.line = std::move(line), .request = &requests_.emplace_back(), .received = {}});
  for (Client& client : clients_) poll(client);
  std::erase_if(clients_, [](const Client& client) { return client.is_over; });
}

void Origin::poll(Client& client) {
  Line::Got got = Line::Got::bytes;
  while (got == Line::Got::bytes) got = client.line.read(client.received, base::TimePoint{});
  *client.request = read_message(client.received.text());
  client.is_over = got == Line::Got::end;
  if (client.request->is_whole && !client.has_switched && !client.is_over) answer(client);
}

void Origin::answer(Client& client) {
  if (client.request->field("upgrade") == "websocket") {
    client.has_switched = true;
    const std::string text = fmt::format(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
        "sec-websocket-accept: {}\r\n\r\n",
        accept_of(client.request->field("sec-websocket-key")));
    return (void)client.line.write(text, base::Clock::now() + to_write).has_value();
  }
  const std::string length =
      answer_.body.empty() ? "" : fmt::format("content-length: {}\r\n", answer_.body.size());  // none with a 204
  const std::string text = fmt::format("{}{}connection: close\r\n\r\n{}", answer_.head, length, answer_.body);
  (void)client.line.write(text, base::Clock::now() + to_write).has_value();
  client.line.end_writing();
  client.is_over = true;
}

void Origin::say(std::string_view bytes) {
  for (Client& client : clients_)
    if (client.has_switched) (void)client.line.write(bytes, base::Clock::now() + to_write).has_value();
}

}  // namespace picket::apps::cli::conform::proxies
