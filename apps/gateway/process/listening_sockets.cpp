#include "apps/gateway/process/listening_sockets.hpp"

#include <utility>

namespace picket::apps::gateway::process {

void ListeningSockets::inherit(transport::ListeningSocket socket) {
  Bound& bound = bound_[socket.endpoint().text()];
  bound.origin = Bound::Origin::inherited;
  bound.sockets.push_back(std::move(socket));
}

base::Status ListeningSockets::prepare(const transport::Endpoint& endpoint, std::size_t count,
                                       transport::ListenOptions options) {
  if (const auto found = bound_.find(endpoint.text()); found != bound_.end()) {
    found->second.is_wanted = true;
    return {};
  }
  // What shares its port with others of its kind would share it with another gateway, too.
  options.reuse_port = count > 1;
  if (options.reuse_port) PICKET_TRY(transport::ListeningSocket::probe(endpoint));
  Bound made{.sockets = {}, .origin = Bound::Origin::prepared, .is_wanted = true};
  for (std::size_t i = 0; i < count; ++i) {
    auto socket = transport::ListeningSocket::open(endpoint, options);
    if (!socket) return std::move(socket.error());
    made.sockets.push_back(std::move(*socket));
  }
  bound_.emplace(endpoint.text(), std::move(made));
  return {};
}

base::Result<std::vector<transport::ListeningSocket>> ListeningSockets::of_worker(const transport::Endpoint& endpoint,
                                                                                  std::size_t index,
                                                                                  std::size_t workers) const {
  const auto& sockets = bound_.at(endpoint.text()).sockets;
  std::vector<transport::ListeningSocket> mine;
  std::size_t next = index % sockets.size();
  do {
    auto socket = sockets[next].duplicate();
    if (!socket) return std::move(socket.error());
    mine.push_back(std::move(*socket));
    next += workers;
  } while (next < sockets.size());
  return mine;
}

std::vector<std::string> ListeningSockets::commit() {
  std::vector<std::string> unwanted;
  for (const auto& [address, bound] : bound_)
    if (!bound.is_wanted && bound.origin == Bound::Origin::inherited) unwanted.push_back(address);
  std::erase_if(bound_, [](const auto& entry) { return !entry.second.is_wanted; });
  for (auto& [address, bound] : bound_) {
    bound.origin = Bound::Origin::ours;
    bound.is_wanted = false;
  }
  return unwanted;
}

void ListeningSockets::discard() {
  std::erase_if(bound_, [](const auto& entry) { return entry.second.origin == Bound::Origin::prepared; });
  for (auto& [address, bound] : bound_) bound.is_wanted = false;
}

void ListeningSockets::own_files(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses)
    if (const auto found = bound_.find(address); found != bound_.end())
      for (auto& socket : found->second.sockets) socket.own_file();
}

void ListeningSockets::close() { bound_.clear(); }

void ListeningSockets::leave() {
  for (auto& [address, bound] : bound_)
    for (auto& socket : bound.sockets) socket.leave_file();
  close();
}

std::vector<const transport::ListeningSocket*> ListeningSockets::all() const {
  std::vector<const transport::ListeningSocket*> sockets;
  for (const auto& [address, bound] : bound_)
    for (const auto& socket : bound.sockets) sockets.push_back(&socket);
  return sockets;
}

}  // namespace picket::apps::gateway::process
