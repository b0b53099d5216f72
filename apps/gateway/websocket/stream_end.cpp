#include "apps/gateway/websocket/stream_end.hpp"

#include <algorithm>
#include <cstring>

#include "picket/http/outgoing.hpp"

namespace picket::apps::gateway::websocket {

transport::Task<base::Result<std::size_t>> StreamEnd::read(std::span<char> into, base::Deadline deadline) {
  if (!buffered_.empty()) {
    const std::size_t size = std::min(into.size(), buffered_.size());
    std::memcpy(into.data(), buffered_.data(), size);
    buffered_.consume(size);
    co_return size;
  }
  co_return co_await stream_.read_some(into, deadline);
}

transport::Task<base::Status> StreamEnd::write(std::string_view bytes, base::Deadline deadline) {
  iovec part = http::part(bytes);
  const std::span<iovec> parts{&part, 1};
  co_return co_await stream_.write(parts, deadline);
}

void StreamEnd::write_last(std::string_view bytes) noexcept {
  const iovec part = http::part(bytes);
  if (!stream_.is_open() || !stream_.write_now({&part, 1})) return;
  stream_.shutdown_write();
  (void)stream_.read_now(stream_.worker().scratch());  // closing over unread bytes would reset what was just sent
}

}  // namespace picket::apps::gateway::websocket
